"""One picture by the command line, from nothing: ours against the rembg library's.

640 × 480 px JPEG to PNG, the same weights, each run a new process. The first run of each, which
compiles modules to bytecode, is not counted.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path

import children
import measure
import peers
import pictures


def main() -> None:
    """Measure, print, and say by the exit code whether all was reached."""
    options = measure.parser(__doc__, runs=15)
    peers.add_rembg_option(options)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = _measure(Path(folder), arguments.peer_python, runs=arguments.runs)
    measure.finish(rows, as_json=arguments.json)


def _measure(folder: Path, peer_python: str, *, runs: int) -> list[measure.Row]:
    pictures.make(folder, "local")
    picture = str(folder / "coffee-vga.jpg")
    ours = [
        *(peers.script(sys.executable, "rembg-plugins"), "remove", picture),
        *("-o", str(folder / "ours.png"), "--engine", "local", "--force"),
    ]
    theirs = [
        *(peers.script(peer_python, "rembg"), "i", "-m", "u2netp"),
        *(picture, str(folder / "theirs.png")),
    ]
    env = peers.rembg_environment(folder)
    turns = [partial(children.run, command, env=env, cwd=folder) for command in (ours, theirs)]
    measure.interleave(1, *turns)
    our, their = measure.interleave(runs, *turns)
    what, against = "`rembg-plugins remove`, 640 × 480, cold", "`rembg i -m u2netp`"
    return [
        measure.Row(
            what=f"{what}: times faster",
            against=against,
            figures=measure.ratios([run.wall for run in their], [run.wall for run in our]),
            at_least=3.5,
            absolute=_both([run.wall for run in our], [run.wall for run in their]),
        ),
        measure.Row(
            what=f"{what}: times less CPU",
            against=against,
            figures=measure.ratios([run.cpu for run in their], [run.cpu for run in our]),
            absolute=_both([run.cpu for run in our], [run.cpu for run in their]),
        ),
        measure.Row(
            what=f"{what}: peak memory",
            against=against,
            figures=measure.ratios([run.peak for run in our], [run.peak for run in their]),
            at_most=0.70,
            absolute=(
                f"{measure.middle((run.peak for run in our), 'MB', scale=1e-6)} : "
                f"{measure.middle((run.peak for run in their), 'MB', scale=1e-6)}"
            ),
        ),
    ]


def _both(ours: list[float], theirs: list[float]) -> str:
    return f"{measure.middle(ours, 'ms', scale=1e3)} : {measure.middle(theirs, 'ms', scale=1e3)}"


if __name__ == "__main__":
    main()
