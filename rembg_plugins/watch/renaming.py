"""Renaming without overwriting, on file systems that have no hard links: FAT, some network ones."""

from __future__ import annotations

import ctypes
import errno
import os
import sys

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_NO_SUCH_RENAME = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}
_HERE = -100  # AT_FDCWD
_NO_REPLACE = 1  # RENAME_NOREPLACE


def rename_to_free(source: str, target: str) -> None:
    """Give a file another name, unless that is taken.

    Raises:
        FileExistsError: It is taken, by whatever it be.
        OSError: It cannot be done; the file is where it was.
    """
    if sys.platform == "win32":  # pragma: no cover - where this never overwrites
        os.rename(source, target)  # noqa: PTH104 - bytes that are no text
        return
    try:
        _rename_no_replace(source, target)
    except FileExistsError:
        raise
    except OSError as problem:
        if problem.errno not in _NO_SUCH_RENAME:
            raise
        # A crash between the two leaves an empty file: rather that than something overwritten.
        os.close(os.open(target, _NEW, 0o666))
        try:
            os.replace(source, target)  # noqa: PTH105 - bytes that are no text
        except BaseException:
            os.unlink(target)  # noqa: PTH108 - bytes that are no text
            raise


def _rename_no_replace(source: str, target: str) -> None:
    """What Linux has for this, also on FAT and SMB; refused elsewhere."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError) as problem:
        raise OSError(errno.ENOSYS, "There is no renameat2") from problem
    old, new = os.fsencode(source), os.fsencode(target)
    if rename(_HERE, old, _HERE, new, _NO_REPLACE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), source, None, target)
