"""How soon a picture that landed is sent, and how many get through.

The server is the sandbox, in a process of its own.
"""

from __future__ import annotations

import hashlib
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import measure
import watching

if TYPE_CHECKING:
    from watching import Sandbox

_FILES = 100
_EVERY_S = 0.1
_LATENCY_S = 2.0
_JOBS = 16


def main() -> None:
    """Measure, print, and say by the exit code whether all was reached."""
    options = measure.parser(__doc__, runs=5)
    options.add_argument("--pictures", type=int, default=480, help="for throughput (%(default)s)")
    arguments = options.parse_args()
    with watching.sandbox() as sandbox, watching.sandbox(latency=_LATENCY_S) as slow:
        turns = [
            (_delays(sandbox), _throughput(slow, arguments.pictures)) for _ in range(arguments.runs)
        ]
    what = f"file closed until its POST begins, {_FILES} files"
    rows = [
        measure.Row(
            what=f"{what}: p50, s",
            against="",
            figures=tuple(statistics.median(run) for run, _ in turns),
            at_most=0.35,
        ),
        measure.Row(
            what="the same: p99, s",
            against="",
            figures=tuple(statistics.quantiles(run, n=100)[98] for run, _ in turns),
            at_most=1,
        ),
        measure.Row(
            what=f"{arguments.pictures} pictures at {_LATENCY_S:g} s latency, {_JOBS} jobs, "
            "start-up included: throughput",
            against="jobs / latency",
            figures=tuple(share for _, share in turns),
            at_least=0.95,
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


if __name__ == "__main__":
    main()
