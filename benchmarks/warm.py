"""Cut-outs by the embedded engine, in processes that are warm.

A JPEG of 4000 × 3000 px from memory to an encoded cut-out in memory, against the rembg library
with one session and the same weights, which encodes PNG; and 640 × 480 px to PNG, against the
inference in it alone.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import children
import measure
import peers
import pictures

if TYPE_CHECKING:
    from collections.abc import Callable

Task = dict[str, Any]


def main() -> None:
    """Measure, print, and say by the exit code whether all was reached."""
    options = measure.parser(__doc__, runs=15)
    peers.add_rembg_option(options)
    options.add_argument("--photo", default="coffee", choices=("chelsea", "coffee", "rocket"))
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures.make(folder, "local")
        large = folder / f"{arguments.photo}-12mp.jpg"
        rows = _large(folder, large, arguments.peer_python, runs=arguments.runs)
        small = folder / f"{arguments.photo}-vga.jpg"
        rows += _small(folder, small, runs=arguments.runs * 3)
    measure.finish(rows, as_json=arguments.json)


def _large(folder: Path, picture: Path, peer_python: str, *, runs: int) -> list[measure.Row]:
    env = peers.rembg_environment(folder)
    ours = [sys.executable, peers.worker("warm_ours.py"), str(picture)]
    theirs = [peer_python, peers.worker("warm_peer.py"), str(picture)]
    with (
        contextlib.closing(children.Worker(ours, env=env, cwd=folder)) as our,
        contextlib.closing(children.Worker(theirs, env=env, cwd=folder)) as their,
    ):
        png, webp, peer = _turns(
            runs, lambda: our.ask(format="PNG"), lambda: our.ask(format="WEBP"), their.ask
        )
    return [
        row
        for name, mine, reach in (("PNG", png, 2.2), ("WebP", webp, 3.0))
        for row in _against_peer(name, mine, peer, reach=reach)
    ]


def _against_peer(
    name: str, mine: list[Task], peer: list[Task], *, reach: float
) -> list[measure.Row]:
    rows = []
    for label, kind, target in (("times faster", "wall", reach), ("times less CPU", "cpu", None)):
        our, their = [run[kind] for run in mine], [run[kind] for run in peer]
        rows.append(
            measure.Row(
                what=f"warm, 12 MP JPEG to {name}: {label}",
                against="`rembg.remove`, PNG",
                figures=measure.ratios(their, our),
                at_least=target,
                absolute=_both(our, their),
            )
        )
    return rows


def _small(folder: Path, picture: Path, *, runs: int) -> list[measure.Row]:
    command = [sys.executable, peers.worker("warm_ours.py"), str(picture)]
    env = children.environment()
    with contextlib.closing(children.Worker(command, env=env, cwd=folder)) as our:
        whole, alone = _turns(runs, lambda: our.ask(format="PNG"), lambda: our.ask(format=None))
    our_wall, alone_wall = [run["wall"] for run in whole], [run["wall"] for run in alone]
    return [
        measure.Row(
            what="warm, 640 × 480 JPEG to PNG: time",
            against="inference alone",
            figures=measure.ratios(our_wall, alone_wall),
            at_most=1.25,
            absolute=_both(our_wall, alone_wall),
        )
    ]


def _turns(runs: int, *turns: Callable[[], Task]) -> list[list[Task]]:
    """Each turn's runs, after two that are not counted."""
    measure.interleave(2, *turns)
    return measure.interleave(runs, *turns)


def _both(ours: list[float], theirs: list[float]) -> str:
    return f"{measure.middle(ours, 'ms', scale=1e3)} : {measure.middle(theirs, 'ms', scale=1e3)}"


if __name__ == "__main__":
    main()
