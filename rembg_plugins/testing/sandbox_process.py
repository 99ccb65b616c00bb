"""The sandbox in a process of its own, which never outlives the one that started it."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import tempfile
import threading
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMMAND = (
    *("-m", "rembg_plugins.testing.leash", "rembg_plugins.cli"),
    *("sandbox", "--port", "0", "--engine", "offline"),
)
_GREETING = "Listening on "
_START_S = 60.0  # for an interpreter and a web server, on a machine that is busy
_END_S = 10.0


class SandboxStartError(RuntimeError):
    """The sandbox did not start; the message holds what it wrote."""


@contextlib.contextmanager
def sandbox_process() -> Iterator[str]:
    """A sandbox on a free port of this machine; gives its URL, as ``http://127.0.0.1:49152``.

    It answers with the engine ``offline``, and is ended with the block.

    Raises:
        SandboxStartError: It did not start, most often for want of the extra ``sandbox``.
    """
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, *_COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={name: value for name, value in os.environ.items() if name[:6] != "REMBG_"},
        )
        try:
            yield _url_of(process, log)
        finally:
            _end(process)


def _url_of(process: subprocess.Popen[bytes], log: IO[bytes]) -> str:
    """The URL in the first line that it prints."""
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        assert process.stdout is not None  # noqa: S101 - for the type checker
        for line in process.stdout:  # to the end: nobody else empties the pipe
            lines.put(line)
        lines.put(b"")

    threading.Thread(target=read, daemon=True).start()
    try:
        first = lines.get(timeout=_START_S).decode(errors="replace").strip()
    except queue.Empty:
        first = ""
    if first.startswith(_GREETING):
        return first.removeprefix(_GREETING)
    process.kill()
    code = process.wait()
    log.seek(0)
    said = log.read().decode(errors="replace").strip()
    message = f"The sandbox did not start (exit code {code}): {first} {said}"
    raise SandboxStartError(message)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        process.stdin.close()  # type: ignore[union-attr]  # it is a pipe; its end is the signal
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()  # type: ignore[union-attr]  # likewise
