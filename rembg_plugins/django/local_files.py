"""Files of a storage that lie on this machine."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage

from rembg_plugins.core.atomic import sync_folder

if TYPE_CHECKING:
    from django.core.files.storage import Storage

UNFINISHED = ".unfinished"
"""How the names of files end that are being written, or whose process was killed meanwhile."""


def path_of(storage: Storage, name: str) -> Path | None:
    """Where a file of a storage lies, or would; None if not on this machine.

    The class is asked: that of Django's in-memory storage has paths as well, of files that are
    not there (Django 5.2).
    """
    return Path(storage.path(name)) if isinstance(storage, FileSystemStorage) else None


def replace(storage: Storage, name: str, path: Path, content: bytes) -> None:
    """Write a file that is there whole, or as it was.

    It is written beside the old one, as the storage does (with its permissions), and renamed.

    Args:
        storage: Whose file it is.
        name: Its name there.
        path: Its place.
        content: All of its bytes.

    Raises:
        OSError: It cannot be written; no part of it is left.
    """
    beside = f"{name}.{uuid4().hex}{UNFINISHED}"
    try:
        written = Path(storage.path(storage.save(beside, ContentFile(content))))
        with written.open("r+b") as file:  # on the disk before it has its name: power may fail
            os.fsync(file.fileno())
        written.replace(path)
    except BaseException:
        with suppress(Exception):
            storage.delete(beside)
        raise
    sync_folder(path.parent)
