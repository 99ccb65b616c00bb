"""The store of cut-outs on a Django storage, shared by all processes of a site."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import storages

from rembg_plugins.core.atomic import write_atomically
from rembg_plugins.core.entry import Entry, pack, unpack
from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.django.locks import locked

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from django.core.files.storage import Storage

_SUFFIX = ".rembg.zip"
_TRUSTED_S = 60.0  # how long a storage that was written to counts as working

_log = logging.getLogger(__name__)


class DjangoStore:
    """Keeps cut-outs under an alias of ``STORAGES``; safe between threads and processes.

    Entries lie in ``cutouts/ab/abcdef….rembg.zip``, by the first digits of their keys.

    Args:
        alias: Of the storage; it must be private.
    """

    def __init__(self, alias: str) -> None:
        """Nothing is opened yet."""
        self.alias = alias
        self._trusted_until = 0.0

    def __repr__(self) -> str:
        return f"DjangoStore({self.alias!r})"

    @property
    def storage(self) -> Storage:
        """That of the alias, as it is configured now."""
        return storages[self.alias]

    def get(self, key: str) -> Entry | None:
        """The entry of a key; None where absent or damaged."""
        name = name_of(key)
        packed = self.read(name)
        entry = None if packed is None else unpack(key, packed)
        if packed is not None and entry is None:  # not removed: somebody may just be writing it
            _log.warning("The cut-out %s of %r is damaged: it is made again", name, self)
        return entry

    def put(self, key: str, entry: Entry) -> None:
        """Keep an entry, whole or not at all."""
        self.write(name_of(key), pack(key, entry))

    def read(self, name: str) -> bytes | None:
        """The bytes of a file; None where it is absent or cannot be read, which is logged."""
        try:
            with self.storage.open(name) as file:
                content: bytes = file.read()
        except FileNotFoundError:
            return None
        except Exception as problem:  # noqa: BLE001 - storages raise what they like
            _log.warning("Cannot read %s of %r: %s", name, self, problem)
            self._trusted_until = 0.0  # nothing is paid for before it was looked at again
            return None
        return content

    def write(self, name: str, content: bytes) -> None:
        """Keep a file, whole or not at all; a failure is logged."""
        try:
            self._write(name, content)
        except Exception as problem:  # noqa: BLE001 - storages raise what they like
            _log.warning("Cannot keep %s in %r: %s", name, self, problem)
            self._trusted_until = 0.0

    def lock(self, key: str) -> AbstractContextManager[None]:
        """Let one caller at a time, in all processes of the site, work on a key.

        Raises:
            CutoutPendingError: Another one was at it for as long as ``LOCK_WAIT`` says.
        """
        return locked(key)

    def has(self, key: str) -> bool:
        """Whether there is an entry; it is not read."""
        return self.storage.exists(name_of(key))

    def delete(self, key: str) -> None:
        """Remove an entry, if there is one."""
        self.storage.delete(name_of(key))

    def check(self) -> None:
        """Refuse to go on where nothing can be kept: before a call is paid for.

        Raises:
            ConfigurationError: The storage cannot be written or read back.
        """
        if time.monotonic() < self._trusted_until:
            return
        name, content = f"probes/{uuid4().hex}", b"rembg"
        try:
            self._write(name, content)
            with self.storage.open(name) as file:
                is_kept = file.read() == content
            self.storage.delete(name)
        except Exception as problem:
            message = f"{self._cannot_keep()} {type(problem).__name__}: {problem}"
            raise ConfigurationError(message) from problem
        if not is_kept:
            raise ConfigurationError(self._cannot_keep())
        self._trusted_until = time.monotonic() + _TRUSTED_S

    def _cannot_keep(self) -> str:
        return (
            f"STORAGES[{self.alias!r}] does not keep what is written to it, so a cut-out would be "
            "paid for again each time. Nothing was sent."
        )

    def _write(self, name: str, content: bytes) -> None:
        storage = self.storage
        try:
            path = Path(storage.path(name))
        except NotImplementedError:  # not on this machine: it is written whole or not at all
            with suppress(FileNotFoundError):
                storage.delete(name)
            saved = storage.save(name, ContentFile(content))
            if saved != name:  # it is there again: another process wrote it, as well as we could
                storage.delete(saved)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)


def name_of(key: str) -> str:
    """The name of a key's entry in the storage."""
    return f"cutouts/{key[:2]}/{key}{_SUFFIX}"
