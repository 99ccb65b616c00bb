"""Files that are put into their place: never over another file, never through a link."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from rembg_plugins.core.atomic import sync_folder
from rembg_plugins.watch.filesystem import uncache
from rembg_plugins.watch.renaming import rename_to_free

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = ".rembg-plugins"
"""The name of the folder for files of our own, in INBOX and in OUTBOX."""

NO_FOLDER = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.ELOOP}
"""Why a folder cannot be: its path is too long, or something else has its name."""

READ = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe would wait for its writer
    | getattr(os, "O_BINARY", 0)
)
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)

_NO_HARD_LINKS = {
    errno.EPERM,  # FAT; and files of others, where the kernel protects those
    errno.EACCES,
    errno.EOPNOTSUPP,
    errno.ENOTSUP,
    errno.ENOSYS,
    errno.EMLINK,
    errno.EINVAL,
}
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO}
_PIECE = 1 << 20  # bytes that are copied at once
_FOLLOWS = os.link not in os.supports_follow_symlinks  # never, where there is a choice


def make_folder(root: str, folder: bytes) -> str:
    """The path of a folder below a root, which is made if need be, durably.

    The root itself may be a link; what lies below may not.

    Args:
        root: An existing folder.
        folder: Relative, with ``/`` between its parts; ``b""`` is the root.

    Raises:
        NotADirectoryError: A part of it is a link, or no folder, or leads out of the root.
        OSError: It cannot be made.
    """
    path = root
    parts = folder.split(b"/") if folder else []
    if not {b"", b".", b".."}.isdisjoint(parts):
        raise NotADirectoryError(errno.ENOTDIR, "It is no folder's name", os.fsdecode(folder))
    for part in parts:
        parent, path = path, os.path.join(path, os.fsdecode(part))  # noqa: PTH118 - bytes that are no text
        if is_folder(path):
            continue
        with contextlib.suppress(FileExistsError):  # by another thread, just now
            os.mkdir(path)  # noqa: PTH102 - likewise
        is_folder(path)
        sync_folder(Path(parent))
    return path


def make_root(path: str) -> str:
    """The path of a folder of ours, which is made if need be; it must be no link itself.

    Args:
        path: Absolute, and real but for its last part.

    Raises:
        NotADirectoryError: It is a link, or no folder.
        OSError: It cannot be made.
    """
    parent, name = os.path.split(path)
    os.makedirs(parent, exist_ok=True)  # noqa: PTH103 - bytes that are no text
    return make_folder(parent, os.fsencode(name))


def is_folder(path: str) -> bool:
    """Whether there is a folder; a link to one is refused, for it may lead anywhere."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISDIR(mode):
        kind = "a link, which is not followed" if stat.S_ISLNK(mode) else "no folder"
        raise NotADirectoryError(errno.ENOTDIR, f"It is {kind}", path)
    return True


def write_new(path: str, content: bytes) -> None:
    """Write a file that must not exist yet, and wait until it is on disk.

    Raises:
        OSError: It cannot be written; nothing is left of it then.
    """
    descriptor = os.open(path, _WRITE, 0o666)  # less the umask
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            rest = memoryview(content)
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(descriptor)
            uncache(descriptor)
    except BaseException:
        remove(path)
        raise


def place(source: str, target: str) -> None:
    """Give a file another name, unless that is taken; the old one may remain: remove it then.

    Raises:
        FileExistsError: The name is taken, by whatever it be.
        OSError: It cannot be done; the file is where it was.
    """
    try:
        os.link(source, target, follow_symlinks=_FOLLOWS)
    except FileExistsError:
        raise
    except OSError as problem:
        if problem.errno == errno.EXDEV:
            with _copied(source, target) as copy:
                place(copy, target)
        elif problem.errno in _NO_HARD_LINKS:
            rename_to_free(source, target)
        else:
            raise


def replace(source: str, target: str) -> None:
    """Give a file another name, over the file that has it; the old one may remain.

    Raises:
        OSError: It cannot be done; both files are as they were.
    """
    try:
        os.replace(source, target)  # noqa: PTH105 - bytes that are no text
    except OSError as problem:
        if problem.errno != errno.EXDEV:
            raise
        with _copied(source, target) as copy:
            os.replace(copy, target)  # noqa: PTH105 - likewise


def put(source: str, target: str) -> None:
    """Move a file to a name that is free, durably; what a crash has left of that is ended.

    Raises:
        FileExistsError: The name is taken by another file.
        OSError: It cannot be moved; it is where it was.
    """
    try:
        place(source, target)
    except FileExistsError:
        if not _is_same_file(source, target):
            raise
    sync_folder(Path(target).parent)
    remove(source)


def move(source: str, folder: str, name: bytes, *, sha256: bytes | None = None) -> str:
    """Move a file into a folder, under its name or, where that is taken, a numbered one.

    Args:
        source: Its path.
        folder: Where it is to lie.
        name: Its name there.
        sha256: Of its bytes, where another file with the same is as good: it may be a copy whose
            source could not be removed before a crash.

    Returns:
        Its path now.

    Raises:
        OSError: It cannot be moved; it is where it was.
    """
    for candidate in numbered(name):
        target = os.path.join(folder, os.fsdecode(candidate))  # noqa: PTH118 - bytes that are no text
        try:
            put(source, target)
        except FileExistsError:
            if sha256 is None or not holds(target, sha256):
                continue
            remove(source)
        return target
    raise AssertionError  # pragma: no cover - there is always another number


def numbered(name: bytes) -> Iterator[bytes]:
    """The name, then with a number: ``x.jpg``, ``x-2.jpg``, ``x-3.jpg``, ... without end."""
    yield name
    stem, suffix = os.path.splitext(name)  # noqa: PTH122 - bytes
    number = 2
    while True:
        tail = b"-%d" % number + suffix
        yield stem[: 255 - len(tail)] + tail
        number += 1


def remove(path: str) -> None:
    """Remove a file that may be gone already.

    Raises:
        OSError: It cannot be removed.
    """
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108 - the name that tests make fail


def read_file(path: str | os.PathLike[str]) -> bytes:
    """The beginning of a regular file of ours, where strangers may have put anything in its place.

    Raises:
        OSError: There is none, it is no file, or it cannot be read.
    """
    with os.fdopen(os.open(path, READ), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "It is no file", os.fspath(path))
        return file.read(_PIECE)


def digest(path: str) -> tuple[os.stat_result, bytes] | None:
    """What ``stat`` says of a regular file, and the sha256 of its bytes.

    None where there is no such file, or where it changed meanwhile; links are not followed.

    Raises:
        OSError: It cannot be read.
    """
    try:
        descriptor = os.open(path, READ)
    except OSError as problem:
        if problem.errno in _NOT_THERE or os.path.isdir(path):  # noqa: PTH112 - bytes that are no text
            return None
        raise
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            return None
        with os.fdopen(descriptor, "rb", buffering=0, closefd=False) as file:
            sha256 = hashlib.file_digest(file, "sha256").digest()
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    unchanged = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    return (after, sha256) if unchanged else None


def holds(path: str, sha256: bytes) -> bool:
    """Whether a file has these bytes; False where it must not be read.

    Raises:
        OSError: It cannot be read.
    """
    try:
        found = digest(path)
    except PermissionError:
        return False
    return found is not None and found[1] == sha256


def _is_same_file(source: str, target: str) -> bool:
    try:
        return os.path.samestat(os.lstat(source), os.lstat(target))
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _copied(source: str, target: str) -> Iterator[str]:
    """A copy beside the target, which lies on another file system; gone afterwards."""
    temporary = f"{os.path.dirname(target)}{os.sep}.rembg-{secrets.token_hex(8)}.tmp"  # noqa: PTH120 - bytes that are no text
    try:
        with open(source, "rb") as old:  # noqa: PTH123 - likewise
            descriptor = os.open(temporary, _WRITE, 0o666)
            with os.fdopen(descriptor, "wb") as new:
                shutil.copyfileobj(old, new, _PIECE)
                new.flush()
                os.fsync(descriptor)
        with contextlib.suppress(OSError):  # times and permissions, where there are such
            shutil.copystat(source, temporary)
        yield temporary
    finally:
        remove(temporary)
