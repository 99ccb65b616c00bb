"""A store of cut-outs in a folder, shared by threads, processes and runs.

Entries lie in ``ab/abcdef….rembg.zip``, by the first digits of their keys; ``locks`` holds the
locks in use. Nothing else in the folder is ever touched.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rembg_plugins.core.atomic import write_atomically
from rembg_plugins.core.entry import Entry, pack, unpack
from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.core.file_lock import locked, locked_if_free, sweep

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_MAX_BYTES = 2**30

_SUFFIX = ".rembg.zip"
_LOCK_SUFFIX = ".rembg.lock"
_SHARD = "[0-9a-f]" * 2
_UNFINISHED = ".rembg-*.tmp"  # as write_atomically names what it has not finished
_UNFINISHED_S = 3600.0  # after which nobody is writing it any more
_MANY = 256  # entries from which on more room is made than is needed at once

_log = logging.getLogger(__name__)


class _File(NamedTuple):
    used_ns: int
    path: Path
    size: int


class FolderStore:
    """Keeps cut-outs in a folder; safe between threads and processes.

    What goes wrong later, a full disk above all, is logged and makes no picture fail: an entry
    that cannot be written is not kept, one that cannot be read or is damaged is as if absent,
    and where no lock can be had, work goes on without it.

    Args:
        path: The folder; made where absent; ``~`` is the home folder.
        max_bytes: How much of entries is kept; those that were not used for the longest time go
            first. Each further process that writes at the same time may exceed it by an eighth.

    Raises:
        ConfigurationError: The folder cannot be made or read.
    """

    def __init__(self, path: str | os.PathLike[str], max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        """Make the folder, if need be."""
        try:
            self.path = Path(path).expanduser().absolute()
            self.path.mkdir(parents=True, exist_ok=True)
            with os.scandir(self.path):
                pass
        except (OSError, ValueError, RuntimeError) as problem:
            reason = getattr(problem, "strerror", None) or problem
            message = (
                f"The store's folder '{path}' cannot be used: {reason}. Choose another, as in "
                "REMBG_STORE=file:~/cutouts, or unset REMBG_STORE."
            )
            raise ConfigurationError(message) from problem
        self.max_bytes = max_bytes
        self._locks = self.path / "locks"
        self._guard = threading.Lock()
        self._room = 0  # bytes that may still be put until the folder is looked through again

    def __repr__(self) -> str:
        return f"FolderStore({str(self.path)!r}, max_bytes={self.max_bytes})"

    def get(self, key: str) -> Entry | None:
        """The entry of a key, then the most recently used; None where absent or damaged."""
        path = self._path(key)
        try:
            packed = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as problem:
            _log.warning("Cannot read the cut-out %s: %s", path, problem.strerror)
            return None
        entry = unpack(key, packed)
        with contextlib.suppress(OSError):
            if entry is None:
                _log.warning("The cut-out %s is damaged: it is removed, and made again", path)
                self._remove_damaged(key, path)
            else:
                os.utime(path)
        return entry

    def put(self, key: str, entry: Entry) -> None:
        """Keep an entry, whole or not at all; make room for it."""
        packed = pack(key, entry)
        if len(packed) > self.max_bytes:
            _log.warning("A cut-out of %d bytes is too large for %r", len(packed), self)
            return
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, packed)
            self._make_room(path, len(packed))
        except OSError as problem:
            _log.warning("Cannot keep the cut-out %s: %s", path, problem.strerror)

    @contextlib.contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Let one caller at a time, in all processes, work on a key; not re-entrant.

        Windows has no wait without end for a file: there it is asked for every ten seconds.
        """
        with contextlib.ExitStack() as held:
            try:
                self._locks.mkdir(parents=True, exist_ok=True)
                held.enter_context(locked(self._lock_path(key)))
            except OSError as problem:
                _log.warning("Cannot lock %s: %s; going on without", self.path, problem.strerror)
            yield

    def _remove_damaged(self, key: str, path: Path) -> None:
        """Remove an entry, unless whoever holds its lock has put a new one, or is about to.

        Raises:
            OSError: It cannot be removed.
        """
        self._locks.mkdir(exist_ok=True)
        with locked_if_free(self._lock_path(key)) as mine:
            if mine and unpack(key, path.read_bytes()) is None:
                path.unlink()

    def _path(self, key: str) -> Path:
        return self.path / key[:2] / f"{key}{_SUFFIX}"

    def _lock_path(self, key: str) -> Path:
        return self._locks / f"{key}{_LOCK_SUFFIX}"

    def _make_room(self, newest: Path, size: int) -> None:
        """Note that an entry was put; remove the oldest where all together are too large."""
        with self._guard:
            self._room -= size
            enough = self._room >= 0
        if enough:
            return
        self._locks.mkdir(exist_ok=True)
        with locked_if_free(self._lock_path("room")) as mine:
            if mine:  # else another is at it
                room = self._remove_oldest(newest)
                with self._guard:
                    self._room = min(room, self.max_bytes // 8)
                self._remove_leftovers()

    def _remove_oldest(self, newest: Path) -> int:
        """Remove entries until the rest fits; the room that is left then, in bytes."""
        files = sorted(self._files())
        total = sum(file.size for file in files)
        # Looking through many takes time: then for some puts to come as well.
        spare = self.max_bytes // 16 if len(files) > _MANY else 0
        if total > self.max_bytes:
            for file in files:
                if total <= self.max_bytes - spare:
                    break
                if file.path != newest:
                    with contextlib.suppress(FileNotFoundError):
                        file.path.unlink()
                    total -= file.size
        return self.max_bytes - total

    def _files(self) -> Iterator[_File]:
        for path in self.path.glob(f"{_SHARD}/*{_SUFFIX}"):
            with contextlib.suppress(FileNotFoundError):  # another process removed it
                status = path.stat()
                yield _File(status.st_mtime_ns, path, status.st_size)

    def _remove_leftovers(self) -> None:
        """Remove what killed processes left behind."""
        sweep(self._locks, f"*{_LOCK_SUFFIX}")
        latest = time.time() - _UNFINISHED_S
        for path in self.path.glob(f"{_SHARD}/{_UNFINISHED}"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < latest:
                    path.unlink()
