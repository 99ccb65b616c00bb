"""600 pictures from 32 threads through a limit of 200 in 10 s, against the time that takes at best.

The server is the sandbox, in a process of its own, with an engine that answers at once; it counts
requests as the API does and refuses with 429 what is too many. At best the first 400 pictures
take 20 s, and the last 200 what they take from as many threads where nobody counts. Nothing is
repeated, so that each 429 is a picture that failed.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import children
import measure
from PIL import Image

from rembg_plugins.core.adapter import Adapter
from rembg_plugins.core.configuration import configure
from rembg_plugins.core.errors import RembgError
from rembg_plugins.core.plugins import make_engine
from rembg_plugins.core.rate import DEFAULT_RATE
from rembg_plugins.core.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Iterator

_WINDOWS = 3  # full windows of pictures
_KEY = "sandbox-key"
_SIDE = 64  # px
_SLOW = 4.0  # s from a request to its answer, as the API's own
_FROM_SLOW = 128  # threads: fewer would not reach the limit with such answers


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """How long pictures took, and how many were refused."""

    seconds: float
    refused: int


def main() -> None:
    """Measure, print, and say by the exit code whether all was reached."""
    options = measure.parser(__doc__, runs=3)
    options.add_argument("--threads", type=int, default=32, help="at once (%(default)s)")
    arguments = options.parse_args()
    rows = [
        *_rows(runs=arguments.runs, threads=arguments.threads, latency=0.0),
        *_rows(runs=arguments.runs, threads=_FROM_SLOW, latency=_SLOW),
    ]
    measure.finish(rows, as_json=arguments.json)


def _rows(*, runs: int, threads: int, latency: float) -> list[measure.Row]:
    assert DEFAULT_RATE is not None  # noqa: S101 - for type checkers; the default is no "off"
    slots, span = DEFAULT_RATE.requests, DEFAULT_RATE.seconds

    def limited() -> _Run:
        return _send(slots * _WINDOWS, rate=str(DEFAULT_RATE), threads=threads, latency=latency)

    def last() -> _Run:
        return _send(slots, rate="off", threads=threads, latency=latency)

    ours, free = measure.interleave(runs, limited, last)
    possible = [(_WINDOWS - 1) * span + run.seconds for run in free]
    seconds = [run.seconds for run in ours]
    what = f"{slots * _WINDOWS} pictures from {threads} threads at {DEFAULT_RATE} s"
    if latency:
        what += f", answers after {latency:g} s"
    return [
        measure.Row(
            what=f"{what}: time",
            against=f"{(_WINDOWS - 1) * span:g} s + {slots} pictures unlimited",
            figures=measure.ratios(seconds, possible),
            at_most=1.1,
            absolute=f"{measure.middle(seconds, 's')} : {measure.middle(possible, 's')}",
        ),
        measure.Row(
            what="the same: refused with 429",
            against="",
            figures=tuple(float(run.refused) for run in ours),
            at_most=0,
        ),
    ]


def _send(count: int, *, rate: str, threads: int, latency: float) -> _Run:
    """Send so many pictures to a new sandbox that allows the rate, at that rate.

    Raises:
        RembgError: One failed for another reason than a limit.
    """
    content = _picture()
    with _sandbox(rate=rate, latency=latency) as url:
        settings = configure(api_key=_KEY, api_url=f"{url}/rmbg", rate=rate, environ={})
        adapter = Adapter(make_engine("api", settings), retry=Retry.NONE)

        def send(_: int) -> int:
            try:
                adapter.remove(content, format="PNG")
            except RembgError as error:
                if error.status != 429:  # noqa: PLR2004 - what is counted
                    raise
                return 1
            return 0

        with ThreadPoolExecutor(threads) as pool:
            began = time.perf_counter()
            refused = sum(pool.map(send, range(count)))
            return _Run(seconds=time.perf_counter() - began, refused=refused)


@contextlib.contextmanager
def _sandbox(*, rate: str, latency: float) -> Iterator[str]:
    """The base URL of a sandbox, which ends with the block."""
    command = [sys.executable, "-m", "rembg_plugins.cli", "sandbox", "--port", "0"]
    command += ["--engine", "offline", "--rate", rate, "--latency", str(latency)]
    with (
        tempfile.TemporaryDirectory() as folder,
        (Path(folder) / "stderr.txt").open("wb") as log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, env=children.environment()
        ) as process,
    ):
        assert process.stdout is not None  # noqa: S101 - for type checkers; it is a pipe
        try:
            line = process.stdout.readline().decode()
            if not line:
                message = f"The sandbox did not start:\n{Path(log.name).read_text()[-2000:]}"
                raise RuntimeError(message)
            yield line.split()[-1]
        finally:
            process.terminate()


def _picture() -> bytes:
    """A PNG with a disc."""
    file = io.BytesIO()
    Image.radial_gradient("L").resize((_SIDE, _SIDE)).convert("RGB").save(file, "PNG")
    return file.getvalue()


if __name__ == "__main__":
    main()
