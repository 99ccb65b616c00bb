"""Child processes that are measured: from start to end, or one task after another.

The measuring process itself stays small: on Linux a child's peak memory is never reported lower
than its parent's was when it started the child.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HERE = Path(__file__).parent
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes of ru_maxrss


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a process used in its whole life.

    Attributes:
        wall: Seconds from its start to its end.
        cpu: Seconds of processor time, user's and system's, all threads.
        peak: Bytes of memory that were resident at most.
    """

    wall: float
    cpu: float
    peak: int


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without settings that could change what is measured."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("REMBG_", "U2NET_", "PYTHON", "OMP_"))
        and not name.lower().endswith("_proxy")
    }
    return kept | {"NO_PROXY": "127.0.0.1"} | changes


def run(command: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> Usage:
    """Run a program to its end.

    Raises:
        RuntimeError: It failed; with what it wrote to standard error.
    """
    log = cwd / "stderr.txt"
    with log.open("wb") as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors
        )
        usage = _wait(process, began)
    if process.returncode:
        message = f"{command} exited with {process.returncode}:\n{log.read_text()[-2000:]}"
        raise RuntimeError(message)
    return usage


class Worker:
    """A process that does one task a line of JSON, so that two of them can take turns.

    Args:
        command: What to start; it prints one line when it is ready.
        env: Its environment.
        cwd: Its working folder.
    """

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> None:
        """Start it, and wait until it is ready."""
        self._began = time.perf_counter()
        self._process = subprocess.Popen(
            command, env=env, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.greeting = self._answer()

    def ask(self, **task: object) -> dict[str, Any]:
        """What the process says about one task."""
        assert self._process.stdin is not None  # noqa: S101 - for type checkers; it is a pipe
        self._process.stdin.write(json.dumps(task).encode() + b"\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> Usage:
        """Let the process end by itself, and say what it used."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None  # noqa: S101 - as above
            pipe.close()
        return _wait(self._process, self._began)

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 - as above
        line = self._process.stdout.readline()
        if not line:
            message = f"{self._process.args!r} gave no answer; see its messages above"
            raise RuntimeError(message)
        answer: dict[str, Any] = json.loads(line)
        return answer


def _wait(process: subprocess.Popen[bytes], began: float) -> Usage:
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    return Usage(wall=wall, cpu=used.ru_utime + used.ru_stime, peak=used.ru_maxrss * _PEAK_UNIT)
