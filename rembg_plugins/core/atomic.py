"""Files that are either written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file so that its name never stands for half of it, not even after a power cut.

    What users expect of a plain ``open(path, "wb")`` holds: a new file's permissions follow the
    umask, a file that is replaced keeps its own, a write-protected one is refused, a symbolic
    link stays and the file that it points to is replaced; a pipe or device is written to as it
    is. Two things differ: other hard links keep the old content, and a replaced file belongs to
    whoever replaced it.

    Args:
        path: The file; its folder must exist, and be writable.
        content: All of its bytes.

    Raises:
        OSError: It could not be written; the old content, if any, is untouched, and no temporary
            file is left.
    """
    try:
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        _replace(Path(os.path.realpath(path)), content, permissions=None)
        return
    # Opened in vain, so that the refusals are the usual ones, for folders as well.
    with Path(path).open("r+b" if stat.S_ISREG(mode) else "wb", buffering=0) as existing:
        if not stat.S_ISREG(mode):
            _write_all(existing.fileno(), content)
            return
    _replace(Path(os.path.realpath(path)), content, permissions=stat.S_IMODE(mode) & 0o777)


def _replace(target: Path, content: bytes, *, permissions: int | None) -> None:
    # Beside the target, since a rename works within one file system only; not the target's name
    # and something more, since that may be too long a name.
    temporary = target.with_name(f".rembg-{secrets.token_hex(8)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, 0o666)  # less the umask
    try:
        try:
            _write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if permissions is not None:
            with contextlib.suppress(PermissionError):  # a file system that has no permissions
                temporary.chmod(permissions)
        os.replace(temporary, target)  # noqa: PTH105 - the name that tests make fail
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def sync_folder(folder: Path) -> None:
    """Make the rename last. A failure is no failure of the write: the file is there, and whole."""
    if os.name == "nt":  # where a folder cannot be opened
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
