"""A lock file of a site, where neither a cache nor the database can lock."""

from __future__ import annotations

import hashlib
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.files.storage import storages

from rembg_plugins.core import file_lock
from rembg_plugins.django.local_files import path_of
from rembg_plugins.django.settings import current

if TYPE_CHECKING:
    from collections.abc import Callable

_POLL_S = 0.05
_SUFFIX = ".lock"


class SiteFileLock:
    """A file that the system unlocks when its process dies; for one use.

    Args:
        key: The cut-out's key.
        clock: Gives the time in s.
        sleep: Waits some seconds between two looks.
    """

    def __init__(
        self,
        key: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Nothing is opened yet."""
        self._path = lock_folder() / f"{key}{_SUFFIX}"
        self._clock, self._sleep = clock, sleep
        self._held = ExitStack()

    def acquire(self, end: float) -> bool:
        """Whether it was had until then.

        Raises:
            OSError: The file cannot be made or locked.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        while True:
            with ExitStack() as stack:
                if stack.enter_context(file_lock.locked_if_free(self._path)):
                    self._held = stack.pop_all()
                    return True
            rest = end - self._clock()
            if rest <= 0:
                return False
            self._sleep(min(_POLL_S, rest))

    def is_held(self) -> bool:
        """Whether it is ours: until it is released."""
        return True

    def release(self) -> None:
        """Let the next one have it."""
        self._held.close()


def lock_folder() -> Path:
    """Where lock files are: among the cut-outs, if these are files here, since all share those.

    Else in the system's folder of temporary files, which programs may have each to themselves.
    """
    among = path_of(storages[current().store], "locks")
    if among is not None:
        return among
    site = hashlib.sha256(settings.SECRET_KEY.encode()).hexdigest()[:16]
    return Path(gettempdir()) / f"rembg-locks-{site}"


def sweep() -> None:
    """Remove the lock files that killed processes left behind.

    Raises:
        OSError: The folder cannot be read.
    """
    file_lock.sweep(lock_folder(), f"*{_SUFFIX}")
