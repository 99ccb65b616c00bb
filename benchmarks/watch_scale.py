"""A watched folder with 1,000,000 files that are done: memory, restart, and what idling costs.

The files are empty and stand in the ledger as pictures that are published. A watcher is ended with
one more picture in its queue, others land, and it is started again. Making the files takes a minute
or two, and 1,000,000 inodes.
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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import measure
import watching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from watching import Sandbox, Watched

_A_FOLDER = 1000  # files
_LARGE, _SMALL = 1_000_000, 100_000
_MIB = 2**20
_SETTLED_S = 5.0
_PATIENCE_S = 300.0
_FED = 3  # pictures of a restart
_DONE = 6  # of PathState and of ContentState


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """What a restart came to.

    Attributes:
        queued: Seconds to the call for a picture that the ledger knew.
        landed: The same for one that landed in INBOX itself meanwhile.
        looked: The same for one in the folder that is looked at last.
        cpu: Seconds of processor time until then.
        peak: MiB of memory at most.
    """

    queued: float
    landed: float
    looked: float
    cpu: float
    peak: float


def main() -> None:
    """Measure, print, and say by the exit code whether all was reached."""
    options = measure.parser(__doc__, runs=5)
    options.add_argument("--files", type=int, default=_LARGE, help="at most (%(default)s)")
    options.add_argument("--idle", type=float, default=120.0, help="s to idle (%(default)s)")
    arguments = options.parse_args()
    rows: list[measure.Row] = []
    with watching.sandbox() as sandbox:
        with _filled(sandbox, min(_SMALL, arguments.files)) as small:
            rows += _idle_rows(small, seconds=arguments.idle, runs=arguments.runs)
            peaks = [_restart(small).peak for _ in range(arguments.runs)]
        with _filled(sandbox, arguments.files) as large:
            runs = [_restart(large) for _ in range(arguments.runs)]
    more = max(1, (arguments.files - _SMALL) / _SMALL)
    growth = [(run.peak - peak) / more for run, peak in zip(runs, peaks, strict=True)]
    queued = [run.queued for run in runs]
    name, again = f"{arguments.files:,} files", f"restart, {arguments.files:,} rows"
    rows += [
        _row(f"{name}: peak memory, MiB", [run.peak for run in runs], at_most=90),
        _row("the same, for each 100,000 more: MiB", growth, at_most=1),
        _row(f"{again}: s to the call for what was queued", queued, at_most=1),
        _row("the same, for what landed meanwhile", [run.landed for run in runs], at_most=1),
        measure.Row(
            what="the same, for what landed in the folder that is looked at last",
            against="",
            figures=tuple(run.looked for run in runs),
            at_most=10,
            absolute=measure.middle([run.cpu for run in runs], "s of CPU until then"),
        ),
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


def _restart(watched: Watched) -> Restart:
    """Stop it with a picture in its queue, let others land, and start it again."""
    watched.fed.clear()
    watched.sandbox.reset()
    # Of pending folders the last that was listed is looked at first: this one comes last.
    last = next(entry.name for entry in os.scandir(watched.inbox) if entry.is_dir())
    queued = _feed(watched, "queued")
    watched.start("--min-credits", str(10**9))
    _until(watched, lambda: _waiting(watched) > 0)
    watched.stop()
    watched.sandbox.reset()
    landed, looked = _feed(watched, "landed"), _feed(watched, f"{last}/last")
    time.sleep(_SETTLED_S / 5)  # they lay there before
    began = time.time()
    watched.start()
    _until(watched, lambda: len(watched.sandbox.calls) == _FED)
    at = {call["sha256"]: float(call["at"]) - began for call in watched.sandbox.calls}
    assert watched.process is not None  # noqa: S101 - for type checkers; it runs
    cpu, peak = watching.cpu_of(watched.process.pid), _peak(watched)
    watched.stop()
    return Restart(queued=at[queued], landed=at[landed], looked=at[looked], cpu=cpu, peak=peak)


def _feed(watched: Watched, name: str) -> str:
    """A new picture in INBOX; gives the digest by which the server knows it."""
    content = watching.photo(time.monotonic_ns())
    watched.feed(f"{name}-{time.monotonic_ns()}.jpg", content)
    return hashlib.sha256(content).hexdigest()


def _waiting(watched: Watched) -> int:
    """How many names wait for their cut-outs, by the ledger."""
    ledger = sqlite3.connect(_state(watched) / "ledger.sqlite3")
    with contextlib.closing(ledger):
        sql = "SELECT count(*) FROM path WHERE state = 1 AND state < 6"
        return int(ledger.execute(sql).fetchone()[0])


def _until(watched: Watched, condition: Callable[[], bool]) -> None:
    if not watched.until(condition, patience_s=_PATIENCE_S):
        message = "it never came to that; its log lies beside INBOX"
        raise RuntimeError(message)


def _idle(watched: Watched, *options: str, seconds: float) -> float:
    """The share of a core that it takes while nothing happens, in %."""
    watched.start(*options)
    (_state(watched) / "status.json").unlink(missing_ok=True)
    watched.until(lambda: _scan(watched) is not None)
    time.sleep(_SETTLED_S)
    assert watched.process is not None  # noqa: S101 - for type checkers; it runs
    before, began = watching.cpu_of(watched.process.pid), time.monotonic()
    time.sleep(seconds)
    share = (watching.cpu_of(watched.process.pid) - before) / (time.monotonic() - began)
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


if __name__ == "__main__":
    main()
