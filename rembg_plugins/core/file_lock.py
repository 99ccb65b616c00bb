"""A lock between threads and processes, which the system releases when its holder dies.

A lock is a file that exists only while somebody holds the lock or waits for it, so that such
files do not pile up. Whoever was killed leaves one behind, unlocked: :func:`sweep` removes those.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_open_locks: set[int] = set()
"""Descriptors of this process's lock files."""


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock, and wait for it if need be; not re-entrant.

    Args:
        path: The lock's file; its folder must exist, and be writable.

    Raises:
        OSError: The file cannot be made or locked; nothing is held then.
    """
    descriptor = _claim(path, wait=True)
    try:
        yield
    finally:
        if descriptor is not None:
            _release(path, descriptor)


@contextlib.contextmanager
def locked_if_free(path: Path) -> Iterator[bool]:
    """Hold a lock if nobody else does: gives whether that is so; as :func:`locked` else."""
    descriptor = _claim(path, wait=False)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            _release(path, descriptor)


def sweep(folder: Path, pattern: str) -> None:
    """Remove the lock files of a folder that nobody holds.

    Raises:
        OSError: The folder cannot be read.
    """
    for path in folder.glob(pattern):
        with contextlib.suppress(OSError), locked_if_free(path):
            pass  # to release it is to remove it


def _claim(path: Path, *, wait: bool) -> int | None:
    """The descriptor of the locked file; None where it is taken and we do not wait."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        _open_locks.add(descriptor)
        try:
            if not _lock(descriptor, wait=wait):
                _close(descriptor)
                return None
            if _is_file_of(path, descriptor):
                return descriptor
        except BaseException:
            _close(descriptor)
            raise
        _close(descriptor)  # its last holder removed the file: lock the new one


def _is_file_of(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _close(descriptor: int) -> None:
    _open_locks.discard(descriptor)
    os.close(descriptor)


def _close_in_child() -> None:
    """A child process would hold on to its parent's locks, even past its parent's death."""
    for descriptor in _open_locks:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    _open_locks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)


if sys.platform == "win32":  # pragma: no cover - there alone
    import msvcrt

    def _lock(descriptor: int, *, wait: bool) -> bool:
        while True:
            try:
                msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
            except OSError:  # taken; LK_LOCK gives up after ten seconds
                if not wait:
                    return False
            else:
                return True

    def _release(path: Path, descriptor: int) -> None:
        with contextlib.suppress(OSError):
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
        _close(descriptor)
        with contextlib.suppress(OSError):  # refused as long as others wait for it
            path.unlink()
else:
    import fcntl

    def _lock(descriptor: int, *, wait: bool) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True

    def _release(path: Path, descriptor: int) -> None:
        if descriptor not in _open_locks:  # we are a child process: it is our parent's
            return
        # While it is held: whoever waits for it sees that it is gone, and makes a new one.
        with contextlib.suppress(OSError):
            path.unlink()
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        _close(descriptor)
