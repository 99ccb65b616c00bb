"""A watched folder with 1,000,000 files that are done: memory, restart, and what idling costs.

The files are empty and stand in the ledger as pictures that are published; beside them lies one
new picture. Making them takes a minute or two, and 1,000,000 inodes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import measure
import watching

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watching import Sandbox, Watched

_A_FOLDER = 1000  # files
_LARGE, _SMALL = 1_000_000, 100_000
_MIB = 2**20
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_SETTLED_S = 5.0
_DONE = 6  # of PathState and of ContentState


def main() -> None:
    """Measure, print, and say by the exit code whether all was reached."""
    options = measure.parser(__doc__, runs=3)
    options.add_argument("--files", type=int, default=_LARGE, help="at most (%(default)s)")
    options.add_argument("--idle", type=float, default=120.0, help="s to idle (%(default)s)")
    arguments = options.parse_args()
    rows: list[measure.Row] = []
    with watching.sandbox() as sandbox:
        with _filled(sandbox, min(_SMALL, arguments.files)) as small:
            rows += _idle_rows(small, seconds=arguments.idle, runs=arguments.runs)
            peak = [_restart(small)[2] for _ in range(arguments.runs)]
        with _filled(sandbox, arguments.files) as large:
            runs = [_restart(large) for _ in range(arguments.runs)]
    growth = [
        (run[2] - before) / max(1, (arguments.files - _SMALL) / _SMALL)
        for run, before in zip(runs, peak, strict=True)
    ]
    name = f"{arguments.files:,} files"
    rows += [
        _row(f"{name}: peak memory, MiB", [run[2] for run in runs], at_most=90),
        _row("the same, for each 100,000 more: MiB", growth, at_most=1),
        _row(f"{name}: s from the start to the first call", [run[0] for run in runs], at_most=1),
        _row(f"{name}: s until all was looked at", [run[1] for run in runs], at_most=10),
    ]
    measure.finish(rows, as_json=arguments.json)


def _row(what: str, figures: list[float], *, at_most: float) -> measure.Row:
    return measure.Row(what=what, against="", figures=tuple(figures), at_most=at_most)


def _idle_rows(watched: Watched, *, seconds: float, runs: int) -> list[measure.Row]:
    hints, polling = measure.interleave(
        runs,
        lambda: _idle(watched, seconds=seconds),
        lambda: _idle(watched, "--poll", "2", seconds=seconds),
    )
    name = f"idle, {_SMALL:,} files"
    return [
        _row(f"{name}, the system's news: % of a core", hints, at_most=1),
        _row(f"{name}, polling: % of a core", polling, at_most=5),
    ]


@contextlib.contextmanager
def _filled(sandbox: Sandbox, files: int) -> Iterator[Watched]:
    """An INBOX with so many files that are done."""
    with tempfile.TemporaryDirectory() as name:
        watched = watching.Watched(root=Path(name), sandbox=sandbox)
        watched.feed("new.jpg", watching.photo(-1))
        watched.start()
        watched.until(lambda: watched.right() == 1)
        watched.stop()
        print(f"making {files:,} files ...", file=sys.stderr, flush=True)
        _fill(watched, files)
        yield watched


def _fill(watched: Watched, files: int) -> None:
    """Make the files, and put them into the ledger as copies of the one that is done."""
    ledger = sqlite3.connect(_state(watched) / "ledger.sqlite3")
    (engine,) = ledger.execute("SELECT engine FROM content").fetchone()
    (made,) = ledger.execute("SELECT made FROM path").fetchone()
    for number in range(files // _A_FOLDER):
        folder = watched.inbox / f"{number:04}"
        folder.mkdir()
        paths, contents = [], []
        for name in (f"{one:04}.jpg" for one in range(_A_FOLDER)):
            path = folder / name
            path.touch()
            stat = path.stat()
            relative = os.fsencode(f"{folder.name}/{name}")
            digest = hashlib.sha256(relative).digest()
            fold = int.from_bytes(digest[:8], "little", signed=True)
            stamp = (0, stat.st_mtime_ns, stat.st_ino)
            place = (os.fsencode(folder.name), os.fsencode(name), _DONE)
            output = (relative + b".png", fold, 1, 1, 1, digest)
            paths.append((*place, *stamp, digest, made, *output))
            contents.append((engine, digest, _DONE))
        ledger.executemany(
            "INSERT INTO path(folder, name, state, size, mtime_ns, ino, sha256, made, out, fold, "
            "out_size, out_mtime_ns, out_ino, out_sha256) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            paths,
        )
        ledger.executemany(
            "INSERT INTO content(engine, sha256, state, width, height, first_seen, not_before) "
            "VALUES (?, ?, ?, 1, 1, 0, 0)",
            contents,
        )
    ledger.commit()
    ledger.close()


def _restart(watched: Watched) -> tuple[float, float, float]:
    """Seconds to the first call, seconds to the end of the first scan, and the peak in MiB."""
    watched.fed.clear()
    watched.sandbox.reset()
    watched.feed("new.jpg", watching.photo(time.monotonic_ns()))
    time.sleep(_SETTLED_S / 5)  # it lay there before
    (_state(watched) / "status.json").unlink(missing_ok=True)
    began = time.time()
    watched.start()
    watched.until(lambda: bool(watched.sandbox.calls))
    first = float(watched.sandbox.calls[0]["at"]) - began
    watched.until(lambda: _scan(watched) is not None)
    scan = _scan(watched)
    assert scan is not None  # noqa: S101 - for type checkers; it was waited for
    peak = _peak(watched)
    watched.stop()
    return first, scan["at"] - began, peak


def _idle(watched: Watched, *options: str, seconds: float) -> float:
    """The share of a core that it takes while nothing happens, in %."""
    watched.start(*options)
    (_state(watched) / "status.json").unlink(missing_ok=True)
    watched.until(lambda: _scan(watched) is not None)
    time.sleep(_SETTLED_S)
    before, began = _cpu(watched), time.monotonic()
    time.sleep(seconds)
    share = (_cpu(watched) - before) / (time.monotonic() - began)
    watched.stop(signal.SIGKILL)
    return 100 * share


def _state(watched: Watched) -> Path:
    return next((watched.root / "state").iterdir())


def _scan(watched: Watched) -> dict[str, float] | None:
    try:
        found: dict[str, float] | None = json.loads((_state(watched) / "status.json").read_bytes())[
            "scan"
        ]
    except (OSError, ValueError):
        return None
    return found


def _peak(watched: Watched) -> float:
    assert watched.process is not None  # noqa: S101 - for type checkers; it runs
    text = Path(f"/proc/{watched.process.pid}/status").read_text()
    kib = next(line.split()[1] for line in text.splitlines() if line.startswith("VmHWM"))
    return int(kib) * 1024 / _MIB


def _cpu(watched: Watched) -> float:
    assert watched.process is not None  # noqa: S101 - as above
    fields = Path(f"/proc/{watched.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


if __name__ == "__main__":
    main()
