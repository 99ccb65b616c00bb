"""One watcher for an INBOX, and one for an OUTBOX.

An INBOX is guarded by a lock of the system beside its ledger, on a local disk. An OUTBOX may be
shared by several machines, whose locks need not know of each other: there, a file says who writes
to it, and changes every few seconds as long as that one lives. Clocks are never compared.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from rembg_plugins.core.atomic import write_atomically
from rembg_plugins.core.errors import ConfigurationError, RateLimitError
from rembg_plugins.core.file_lock import locked_if_free
from rembg_plugins.core.outcomes import outcome
from rembg_plugins.watch.placing import FOLDER, make_folder, read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

BEAT_S = 5.0
"""How often :meth:`OutboxLock.beat` is called, in s."""

SILENCE_S = 3 * BEAT_S
"""How long the holder on another machine must be silent to be taken for dead, in s."""

EXIT_LOCKED = outcome(RateLimitError).exit_code
"""What a run ends with that another one holds up: try again later, as for a rate limit."""

_LOOK_S = 1.0
_HELD = "lock.held"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class AlreadyWatchedError(ConfigurationError):
    """Another watcher has this INBOX or OUTBOX; a run ends with :data:`EXIT_LOCKED`."""


class LostLockError(ConfigurationError):
    """Another watcher has taken OUTBOX over, since this one was silent for too long."""


class OwnerLock:
    """Held by the one process that may send for an INBOX; a context manager.

    Args:
        folder: The state folder of that INBOX.

    Raises:
        AlreadyWatchedError: Another process holds it (on entering).
        OSError: The lock's file cannot be made (likewise).
    """

    def __init__(self, folder: Path) -> None:
        """Nothing is held yet."""
        self._path = folder / "lock"
        self._held = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            if not stack.enter_context(locked_if_free(self._path)):
                message = (
                    f"Another watcher has this INBOX: its lock is {self._path}. Stop it first, or "
                    "let it do the work."
                )
                raise AlreadyWatchedError(message)
            self._held = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._held.close()


class OutboxLock:
    """Held by the one process that writes to an OUTBOX; a context manager.

    Args:
        outbox: The folder.
        inbox: Whose outputs go there: said to others.
        clock: Gives the time in s.
        sleep: Waits for so many s.
        on_wait: Told that the holder on another machine is watched for a sign of life.
        machine: Names this machine since it was started; for tests.

    Raises:
        AlreadyWatchedError: Another process writes there (on entering).
        OSError: OUTBOX cannot be written to (likewise).
    """

    def __init__(
        self,
        outbox: Path,
        *,
        inbox: Path,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        on_wait: Callable[[str], None] = lambda _: None,
        machine: str | None = None,
    ) -> None:
        """Nothing is held yet."""
        self._outbox = outbox
        self._path = path_of_lock(outbox)
        self._inbox = os.fspath(inbox)
        self._clock = clock
        self._sleep = sleep
        self._on_wait = on_wait
        self._machine = _this_machine() if machine is None else machine
        self._token = secrets.token_hex(16)
        self._beats = 0
        self._has_system_lock = False
        self._held = contextlib.ExitStack()
        self.taken_over_from: str | None = None
        """Which machine's watcher fell silent, where it was taken over."""

    def __enter__(self) -> Self:
        make_folder(os.fspath(self._outbox), FOLDER.encode())
        with contextlib.ExitStack() as stack:
            self._has_system_lock = has_system_lock = self._try_system_lock(stack)
            other = _read(self._path)
            is_near = other.get("machine") == self._machine
            if other and not (is_near and has_system_lock):
                self._watch(other)
                self.taken_over_from = str(other.get("host"))
            self._write()
            self._held = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._held, contextlib.suppress(OSError):
            if self._is_ours(_read(self._path)):
                self._path.unlink()

    def beat(self) -> None:
        """Give the sign of life, every :data:`BEAT_S`.

        Raises:
            LostLockError: Another watcher writes to OUTBOX now: write nothing more.
            OSError: OUTBOX cannot be read or written just now.
        """
        other = _read(self._path)
        is_spoilt = "token" not in other and self._has_system_lock
        if other and not self._is_ours(other) and not is_spoilt:
            message = (
                f"Another watcher has taken over OUTBOX {self._outbox}: {_who(other)}. This one "
                "was silent for too long, and stops."
            )
            raise LostLockError(message)
        self._write()

    def _try_system_lock(self, stack: contextlib.ExitStack) -> bool:
        """Whether the lock of the system is held; False where there are no such locks."""
        path = self._path.with_name(_HELD)
        try:
            is_free = stack.enter_context(locked_if_free(path))
        except OSError:  # as some network file systems have it
            return False
        if not is_free:
            raise self._refusal(_read(self._path))
        return True

    def _watch(self, other: Mapping[str, object]) -> None:
        """Wait for a sign of life of the holder on another machine."""
        self._on_wait(
            f"OUTBOX {self._outbox} was in use by {_who(other)}; looking for {SILENCE_S:g} s "
            "whether it still is."
        )
        until = self._clock() + SILENCE_S
        while self._clock() < until:
            self._sleep(_LOOK_S)
            now = _read(self._path)
            if now and now != other:
                raise self._refusal(now)

    def _write(self) -> None:
        self._beats += 1
        facts = {
            "host": platform.node(),
            "machine": self._machine,
            "pid": os.getpid(),
            "inbox": self._inbox,
            "token": self._token,
            "beats": self._beats,
        }
        make_folder(os.fspath(self._outbox), FOLDER.encode())
        write_atomically(self._path, json.dumps(facts).encode())

    def _is_ours(self, facts: Mapping[str, object]) -> bool:
        return facts.get("token") == self._token

    def _refusal(self, other: Mapping[str, object]) -> AlreadyWatchedError:
        message = (
            f"Another watcher writes to OUTBOX {self._outbox}: {_who(other)}. Stop it first, or "
            "choose another OUTBOX."
        )
        return AlreadyWatchedError(message)


def path_of_lock(outbox: Path) -> Path:
    """The file that says who writes to an OUTBOX."""
    return outbox / FOLDER / "lock"


def holder_of(folder: Path) -> dict[str, object]:
    """What the watcher that writes to a folder says of itself; empty where none seems to.

    Of one on another machine nobody knows at once whether it lives: it counts.
    """
    path = path_of_lock(folder)
    try:
        facts = _read(path)
        if facts.get("machine") == _this_machine():
            with locked_if_free(path.with_name(_HELD)) as is_free:
                return {} if is_free else facts
    except OSError:
        return {}
    return facts


def _who(other: Mapping[str, object]) -> str:
    if not other:
        return "one that has not said who it is yet"
    return f"process {other.get('pid')} on {other.get('host')}, for INBOX {other.get('inbox')}"


def _read(path: Path) -> dict[str, object]:
    """What the holder says of itself; empty where there is none."""
    try:
        facts = json.loads(read_file(path))
    except FileNotFoundError:
        return {}
    except ValueError:  # nothing of ours: whoever wrote it is watched like a stranger
        return {"host": "an unknown machine"}
    return facts if isinstance(facts, dict) else {"host": "an unknown machine"}


def _this_machine() -> str:
    """Names this machine since it was started: locks of the system do not outlive that.

    Containers on one machine share it, and the locks; machines with equal names do not.
    """
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return platform.node()
