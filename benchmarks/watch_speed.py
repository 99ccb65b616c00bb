"""How soon a picture that landed is sent, how many get through, and what one of 5 MB costs.

The server is the sandbox, in a process of its own. What a picture costs is the processor time of
the whole process, start-up taken off by a second, shorter run; its engine is a stub in the
process that gives an answer at once, so that it is hash, ledger, spool, checks and publishing
that are measured, and no upload.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import children
import measure
import peers
import pictures
import watching
from PIL import Image

if TYPE_CHECKING:
    from watching import Sandbox

_FILES = 100
_EVERY_S = 0.1
_LATENCY_S = 2.0
_JOBS = 16
_MANY, _FEW = 60, 10
_LARGE = 5_000_000  # bytes


def main() -> None:
    """Measure, print, and say by the exit code whether all was reached."""
    options = measure.parser(__doc__, runs=5)
    options.add_argument("--pictures", type=int, default=480, help="for throughput (%(default)s)")
    arguments = options.parse_args()
    with watching.sandbox() as sandbox:
        delays = [_delays(sandbox) for _ in range(arguments.runs)]
    with watching.sandbox(latency=_LATENCY_S) as slow:
        shares = [_throughput(slow, arguments.pictures) for _ in range(arguments.runs)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures.make(folder, "local")
        _prepare(folder)
        turns = [(_cost(folder, run), _looking(folder)) for run in range(arguments.runs)]
    what = f"file closed until its POST begins, {_FILES} files"
    rows = [
        measure.Row(
            what=f"{what}: p50, s",
            against="",
            figures=tuple(statistics.median(run) for run in delays),
            at_most=0.35,
        ),
        measure.Row(
            what="the same: p99, s",
            against="",
            figures=tuple(statistics.quantiles(run, n=100)[98] for run in delays),
            at_most=1,
        ),
        measure.Row(
            what=f"{arguments.pictures} pictures at {_LATENCY_S:g} s latency, {_JOBS} jobs, "
            "start-up included: throughput",
            against="jobs / latency",
            figures=tuple(shares),
            at_least=0.95,
        ),
        measure.Row(
            what="a picture of 5 MB, same format out, empty masks not looked for: ms of CPU",
            against="",
            figures=tuple(cost - looking for cost, looking in turns),
            at_most=15,
        ),
        measure.Row(
            what="the same, decoding its cut-out of 12 MP to look for an empty mask included",
            against="",
            figures=tuple(cost for cost, _ in turns),
        ),
    ]
    measure.finish(rows, as_json=arguments.json)


def _delays(sandbox: Sandbox) -> list[float]:
    """Seconds from the end of each file's writing to its arrival at the server."""
    sandbox.reset()
    with tempfile.TemporaryDirectory() as name:
        watched = watching.Watched(root=Path(name), sandbox=sandbox)
        watched.start("--jobs", str(_JOBS))
        watched.feed("first.jpg", watching.photo(-1))
        watched.until(lambda: watched.right() == 1)
        closed = {}
        for number in range(_FILES):
            content = watching.photo(number)
            watched.feed(f"{number}.jpg", content)
            closed[hashlib.sha256(content).hexdigest()] = time.time()
            time.sleep(_EVERY_S)
        watched.until(lambda: len(sandbox.calls) == _FILES + 1)
        watched.stop()
        return [
            call["at"] - closed[call["sha256"]]
            for call in sandbox.calls
            if call["sha256"] in closed
        ]


def _throughput(sandbox: Sandbox, count: int) -> float:
    """The share of what is possible, from the start of the process to its end."""
    sandbox.reset()
    with tempfile.TemporaryDirectory() as name:
        watched = watching.Watched(root=Path(name), sandbox=sandbox)
        for number in range(count):
            watched.feed(f"{number}.jpg", watching.photo(number))
        began = time.monotonic()
        watched.start("--once", "--jobs", str(_JOBS))
        assert watched.process is not None  # noqa: S101 - for type checkers; it was started
        watched.process.wait()
        share = count / (time.monotonic() - began) / (_JOBS / _LATENCY_S)
        if watched.right() < count:
            message = f"{watched.right()} of {count} pictures have their outputs"
            raise RuntimeError(message)
        return share


def _prepare(folder: Path) -> None:
    """A photo of 12 MP brought to 5 MB, an answer for it of 3 MB, and the engine that gives it."""
    photo = (folder / "coffee-12mp.jpg").read_bytes()
    # Bytes behind a picture's end are no fault.
    (folder / "large.jpg").write_bytes(photo + bytes([1]) * max(0, _LARGE - len(photo)))
    with Image.open(folder / "coffee-12mp.jpg") as picture:
        picture.putalpha(watching.oval(picture.size))
        smooth = picture.resize((200, 150)).resize(picture.size)
    smooth.save(folder / "answer.png", compress_level=6)
    plugin = folder / "plugin" / "stub_plugin-1.0.dist-info"
    plugin.mkdir(parents=True)
    shutil.copy(peers.worker("stub_plugin.py"), plugin.parent)
    (plugin / "METADATA").write_text("Metadata-Version: 2.1\nName: stub-plugin\nVersion: 1.0\n")
    (plugin / "entry_points.txt").write_text("[rembg_plugins]\nstub = stub_plugin\n")


def _cost(folder: Path, run: int) -> float:
    """Milliseconds of processor time for one picture."""
    few, many = (_cpu(folder, count, run) for count in (_FEW, _MANY))
    return 1000 * (many - few) / (_MANY - _FEW)


def _looking(folder: Path) -> float:
    """Milliseconds of processor time for decoding a cut-out once, and counting its alpha."""
    content = (folder / "answer.png").read_bytes()
    began = time.process_time()
    for _ in range(_FEW):
        with Image.open(io.BytesIO(content)) as picture:
            picture.getchannel("A").histogram()
    return 1000 * (time.process_time() - began) / _FEW


def _cpu(folder: Path, count: int, run: int) -> float:
    """Seconds of processor time for so many pictures, start-up included."""
    content = (folder / "large.jpg").read_bytes()
    with tempfile.TemporaryDirectory(dir=folder) as name:
        inbox, outbox = Path(name) / "in", Path(name) / "out"
        inbox.mkdir()
        for number in range(count):
            # Bytes behind a picture's end make it another one.
            (inbox / f"{number}.jpg").write_bytes(content + f"{run} {number}".encode())
        command = [sys.executable, "-m", "rembg_plugins.cli", "watch", str(inbox), str(outbox)]
        command += ["--once", "--yes", "--engine", "stub", "--format", "PNG", "--jobs", "1"]
        command += ["--state", str(Path(name) / "state")]
        env = children.environment(
            PYTHONPATH=str(folder / "plugin"), STUB_ANSWER=str(folder / "answer.png")
        )
        used = children.run(command, env=env, cwd=Path(name)).cpu
        made = sum(path.suffix == ".png" for path in outbox.iterdir())
        if made != count:
            message = f"{made} of {count} outputs"
            raise RuntimeError(message)
        return used


if __name__ == "__main__":
    main()
