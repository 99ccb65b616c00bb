"""The same feeding for ``rembg-plugins watch`` and for the rembg library's ``rembg p -w``.

Each scene is played to both, with a stub of a paid engine: what was sent, what was paid for, and
what came out of it. Disks that are full need root, and are left out without.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import measure
import peers
import watching
from watch_scenes import SCENES, SETTLED_S, Scene
from watching import photo

if TYPE_CHECKING:
    from watching import Sandbox, Watched

_HEADINGS = ("scene", "wanted", "`rembg p -w`", "`rembg-plugins watch`", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What became of a scene.

    Attributes:
        calls: That reached the server.
        credits: That they cost.
        right: Pictures with an output of their own that is as it should be.
        wrong: Other outputs: broken, or of what never was a finished picture.
        lost: Pictures that are gone without an output.
    """

    calls: int
    credits: int
    right: int
    wrong: int
    lost: int


def main() -> None:
    """Play, print, and say by the exit code whether ours came to what is wanted."""
    options = measure.parser(__doc__, runs=1)
    peers.add_rembg_option(options)
    options.add_argument("--only", default="", help="scenes with this in their names")
    arguments = options.parse_args()
    scenes = [scene for scene in SCENES if arguments.only in scene.name]
    if os.geteuid() != 0:
        scenes = [scene for scene in scenes if not scene.mounts]
    rows = []
    with watching.sandbox() as sandbox:
        for scene in scenes:
            print(f"{scene.name} ...", file=sys.stderr, flush=True)
            theirs, ours = measure.interleave(
                arguments.runs,
                lambda scene=scene: _facts(scene, sandbox, arguments.peer_python),  # type: ignore[misc]
                lambda scene=scene: _facts(scene, sandbox, None),  # type: ignore[misc]
            )
            rows.append((scene, theirs, ours))
    print(_to_json(rows) if arguments.json else _table(rows))
    sys.exit(int(any(_missed(scene, ours) for scene, _, ours in rows)))


def _facts(scene: Scene, sandbox: Sandbox, peer_python: str | None) -> Facts:
    sandbox.reset()
    with tempfile.TemporaryDirectory() as name:
        watched = watching.Watched(root=Path(name), sandbox=sandbox, peer_python=peer_python)
        try:
            if not scene.cold:
                _warm(watched, delete=scene.delete)
            scene.play(watched)
            if watched.process is not None:
                watched.stop(signal.SIGKILL)
            return Facts(
                calls=len(sandbox.calls),
                credits=sum(sandbox.bills.values()),
                right=watched.right(),
                wrong=watched.wrong(),
                lost=watched.lost(),
            )
        finally:
            if watched.process is not None:
                watched.stop(signal.SIGKILL)
            _unmount(watched.outbox)


def _warm(watched: Watched, *, delete: bool) -> None:
    """Start it, and wait until it has done a first picture and looks out for others."""
    watched.feed("first.png", photo(0, format_="PNG"))
    watched.start(delete=delete)
    watched.until(lambda: watched.right() == 1)
    time.sleep(SETTLED_S / 2)
    for path in (*watched.outputs(), watched.inbox / "first.png"):
        path.unlink(missing_ok=True)
    watched.fed.clear()
    watched.sandbox.reset()


def _unmount(folder: Path) -> None:
    if folder.is_mount():
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S607 - as above
    with contextlib.suppress(OSError):
        folder.chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)


def _missed(scene: Scene, ours: list[Facts]) -> bool:
    return any(
        facts.right < scene.right or facts.credits > scene.credits or facts.wrong or facts.lost
        for facts in ours
    )


def _cell(runs: list[Facts]) -> str:
    """What came of all runs: ``86–91 calls, 0 credits, 1 right, 0 wrong, 0 lost``."""
    parts = []
    for name in (field.name for field in fields(Facts)):
        values = [getattr(facts, name) for facts in runs]
        low, high = min(values), max(values)
        parts.append(f"{low}–{high} {name}" if low != high else f"{low} {name}")
    return ", ".join(parts)


def _table(rows: list[tuple[Scene, list[Facts], list[Facts]]]) -> str:
    lines = [_HEADINGS, tuple("---" for _ in _HEADINGS)]
    for scene, theirs, ours in rows:
        wanted = f"{scene.right} right, ≤ {scene.credits} credits"
        verdict = "MISSED" if _missed(scene, ours) else "ok"
        lines.append((scene.name, wanted, _cell(theirs), _cell(ours), verdict))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _to_json(rows: list[tuple[Scene, list[Facts], list[Facts]]]) -> str:
    return json.dumps(
        [
            {
                "scene": scene.name,
                "wanted": {"right": scene.right, "credits": scene.credits},
                "theirs": [asdict(facts) for facts in theirs],
                "ours": [asdict(facts) for facts in ours],
                "missed": _missed(scene, ours),
            }
            for scene, theirs, ours in rows
        ],
        indent=2,
    )


if __name__ == "__main__":
    main()
