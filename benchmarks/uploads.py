"""Uploads to a stub server on loopback, against the vendor's npm client under Node.

Both clients read a file, upload it and end with a file, through plain HTTP. What is measured:
processor time of the client's process for pictures of 300 kB with 8 at once; its peak memory
with 16 pictures of 50 MB at once; and throughput with 8 at once where an answer takes 250 ms.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import children
import measure
import peers
import pictures

if TYPE_CHECKING:
    from collections.abc import Iterator

_AT_ONCE = 8
_LATENCY = 0.25  # s
_MANY = 400  # uploads a turn for processor time
_WAVES = 40  # so that the first one, which opens the connections, weighs little
_LARGE_AT_ONCE = 16
_NPM = "npm rembg.js 1.3.1"

Task = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """What all measurements here share."""

    folder: Path
    npm: Path

    def ours(self, url: str, picture: str) -> children.Worker:
        """Our client, in a process of its own."""
        program = peers.worker("upload_ours.py")
        return self._start([sys.executable, program, url, str(self.folder / picture)])

    def theirs(self, url: str, picture: str) -> children.Worker:
        """The npm client, likewise."""
        node, program = shutil.which("node") or "node", peers.worker("upload_peer.cjs")
        npm = str(self.npm.absolute())
        return self._start([node, program, npm, url, str(self.folder / picture)])

    @contextlib.contextmanager
    def both(self, url: str, picture: str) -> Iterator[tuple[children.Worker, children.Worker]]:
        """Both of them, until the block ends."""
        with (
            contextlib.closing(self.ours(url, picture)) as our,
            contextlib.closing(self.theirs(url, picture)) as their,
        ):
            yield our, their

    def _start(self, command: list[str]) -> children.Worker:
        env = children.environment(TMPDIR=str(self.folder))
        return children.Worker(command, env=env, cwd=self.folder)


def main() -> None:
    """Measure, print, and say by the exit code whether all was reached."""
    options = measure.parser(__doc__, runs=9)
    peers.add_npm_option(options)
    arguments = options.parse_args()
    peers.install_npm_client(arguments.npm_folder)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures.make(folder, "uploads")
        bench = _Bench(folder=folder, npm=arguments.npm_folder)
        rows = [
            _processor_time(bench, runs=arguments.runs),
            _memory(bench, runs=max(1, arguments.runs // 3)),
            *_throughput(bench, runs=max(1, arguments.runs // 3)),
        ]
    measure.finish(rows, as_json=arguments.json)


def _processor_time(bench: _Bench, *, runs: int) -> measure.Row:
    task = {"count": _MANY, "at_once": _AT_ONCE}
    with (
        peers.stub(bench.folder / "small-answer.png") as url,
        bench.both(url, "small.jpg") as (our, their),
    ):
        turns = [lambda: our.ask(**task), lambda: their.ask(**task)]
        measure.interleave(1, *turns)
        mine, peer = measure.interleave(runs, *turns)
    ours, theirs = [run["cpu"] / _MANY for run in mine], [run["cpu"] / _MANY for run in peer]
    return measure.Row(
        what="CPU per 300 kB upload, 8 at once",
        against=_NPM,
        figures=measure.ratios(ours, theirs),
        at_most=1 / 5,
        absolute=_both(ours, theirs, "ms", scale=1e3),
    )


def _memory(bench: _Bench, *, runs: int) -> measure.Row:
    with peers.stub(bench.folder / "large-answer.png") as url:

        def peak(worker: children.Worker) -> float:
            worker.ask(count=_LARGE_AT_ONCE, at_once=_LARGE_AT_ONCE)
            return worker.close().peak

        ours, theirs = measure.interleave(
            runs,
            lambda: peak(bench.ours(url, "large.bmp")),
            lambda: peak(bench.theirs(url, "large.bmp")),
        )
    return measure.Row(
        what="peak memory, 16 uploads of 50 MB at once",
        against=_NPM,
        figures=measure.ratios(ours, theirs),
        at_most=1 / 12,
        absolute=_both(ours, theirs, "MB", scale=1e-6),
    )


def _throughput(bench: _Bench, *, runs: int) -> list[measure.Row]:
    count = _AT_ONCE * _WAVES
    task = {"count": count, "at_once": _AT_ONCE}
    with (
        peers.stub(bench.folder / "small-answer.png", latency=_LATENCY) as url,
        bench.both(url, "small.jpg") as (our, their),
    ):
        mine, peer = measure.interleave(runs, lambda: our.ask(**task), lambda: their.ask(**task))
    return [
        _share("throughput at 250 ms latency, 8 at once", mine, count, at_least=0.97),
        _share(f"the same, {_NPM}", peer, count, at_least=None),
    ]


def _share(what: str, runs: list[Task], count: int, *, at_least: float | None) -> measure.Row:
    speeds = [count / run["wall"] for run in runs]
    ideal = _AT_ONCE / _LATENCY
    return measure.Row(
        what=what,
        against="8 / latency",
        figures=tuple(speed / ideal for speed in speeds),
        at_least=at_least,
        absolute=f"{measure.middle(speeds, '/s')} : {measure.number(ideal)} /s",
    )


def _both(ours: list[float], theirs: list[float], unit: str, *, scale: float) -> str:
    mine, peer = (measure.middle(values, unit, scale=scale) for values in (ours, theirs))
    return f"{mine} : {peer}"


if __name__ == "__main__":
    main()
