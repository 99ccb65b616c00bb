"""The store of cut-outs on a Django storage, shared by all processes of a site."""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import storages

from rembg_plugins.core.entry import Entry, pack, unpack
from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.django import locks
from rembg_plugins.django.complaints import Complaints
from rembg_plugins.django.local_files import path_of, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.core.files.storage import Storage

SUFFIX = ".rembg.zip"
"""How the names of entries end."""

_TRUSTED_S = 60.0  # how long a storage that was written to counts as working
_PROBE_BYTES = 2**18  # about what is kept of a photograph

_log = logging.getLogger(__name__)


class _Seen(threading.local):
    """What the work under way in this thread met.

    Attributes:
        unreadable: The key whose entry could not be read, though there may be one.
        kept: The key whose entry was put last.
    """

    unreadable: str | None = None
    kept: str | None = None


class DjangoStore:
    """Keeps cut-outs under an alias of ``STORAGES``; safe between threads and processes.

    Entries lie in ``cutouts/ab/abcdef….rembg.zip``, by the first digits of their keys. An entry
    is never removed here: a damaged one may be one that somebody is just writing, and is replaced.

    Args:
        alias: Of the storage; it must be private.
        clock: Gives the time in s.
    """

    def __init__(self, alias: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is opened yet."""
        self.alias = alias
        self._clock = clock
        self._seen = _Seen()
        self._complaints = Complaints(alias)
        self._trusted_until = float("-inf")
        self._probe_bytes = _PROBE_BYTES

    def __repr__(self) -> str:
        return f"DjangoStore({self.alias!r})"

    @property
    def storage(self) -> Storage:
        """That of the alias, as it is configured now."""
        return storages[self.alias]

    def get(self, key: str) -> Entry | None:
        """The entry of a key; None where it is absent, damaged or cannot be read."""
        name = name_of(key)
        self._seen.unreadable = None
        try:
            packed = self._read(name)
        except Exception as problem:  # noqa: BLE001 - storages raise what they like
            self._complaints.tell("read", name, problem)
            self._seen.unreadable = key
            return None
        entry = None if packed is None else unpack(key, packed)
        if packed is not None and entry is None:
            _log.warning("The cut-out %s of %r is damaged: it is made again", name, self)
        return entry

    def put(self, key: str, entry: Entry) -> None:
        """Keep an entry, whole or not at all."""
        if self.write(name_of(key), pack(key, entry)):
            self._seen.kept = key

    @contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Let one caller at a time, in all processes of the site, work on a key.

        Raises:
            CutoutPendingError: Another one was at it for as long as ``LOCK_WAIT`` says.
        """
        with locks.locked(key):
            self._seen.kept = None
            yield

    def has(self, key: str) -> bool:
        """Whether there is an entry; it is not read. False where that cannot be told."""
        try:
            return self.storage.exists(name_of(key))
        except Exception as problem:  # noqa: BLE001 - storages raise what they like
            self._complaints.tell("look for", name_of(key), problem)
            return False

    def has_kept_the_last(self) -> bool:
        """Whether what was made in the last :meth:`lock` of this thread was put, and is kept."""
        return self._seen.kept is not None

    def delete(self, key: str) -> None:
        """Remove an entry, if there is one.

        Raises:
            Exception: Of whatever kind the storage raises.
        """
        self.storage.delete(name_of(key))

    def read(self, name: str) -> bytes | None:
        """The bytes of a file; None where it is absent or cannot be read, which is logged."""
        try:
            return self._read(name)
        except Exception as problem:  # noqa: BLE001 - storages raise what they like
            self._complaints.tell("read", name, problem)
            return None

    def write(self, name: str, content: bytes) -> bool:
        """Keep a file, whole or not at all: whether it is kept; a failure is logged."""
        try:
            _write(self.storage, name, content)
        except Exception as problem:  # noqa: BLE001 - storages raise what they like
            self._complaints.tell("keep", name, problem)
            # Before anything more is paid for, see whether as much as this can be kept.
            self._probe_bytes = max(self._probe_bytes, len(content))
            self._trusted_until = float("-inf")
            return False
        return True

    def check(self, key: str) -> None:
        """Refuse to pay for what could not be kept, may be there, or may be made elsewhere.

        Args:
            key: Of the cut-out, after :meth:`get`, within :meth:`lock`.

        Raises:
            ConfigurationError: The storage cannot be written or read back.
            SpendingError: No lock could be had.
            CutoutPendingError: The lock was lost.
        """
        if self._seen.unreadable == key:
            message = (
                f"STORAGES[{self.alias!r}] cannot be read, so there may be a cut-out already that "
                "would be paid for again. Nothing was sent."
            )
            raise ConfigurationError(message)
        if self._clock() >= self._trusted_until:
            self._probe()
            self._trusted_until = self._clock() + _TRUSTED_S
        locks.check(key)

    def _probe(self) -> None:
        name, content = f"probes/{uuid4().hex}", os.urandom(self._probe_bytes)
        storage = self.storage
        try:
            try:
                _write(storage, name, content)
                is_kept = self._read(name) == content
            finally:
                storage.delete(name)
        except Exception as problem:
            message = f"{self._cannot_keep()} {type(problem).__name__}: {problem}"
            raise ConfigurationError(message) from problem
        if not is_kept:
            raise ConfigurationError(self._cannot_keep())

    def _cannot_keep(self) -> str:
        return (
            f"STORAGES[{self.alias!r}] does not keep what is written to it, so a cut-out would be "
            "paid for again each time. Nothing was sent."
        )

    def _read(self, name: str) -> bytes | None:
        try:
            with self.storage.open(name) as file:
                content: bytes = file.read()
        except FileNotFoundError:
            return None
        return content


def name_of(key: str) -> str:
    """The name of a key's entry in the storage."""
    return f"cutouts/{key[:2]}/{key}{SUFFIX}"


def _write(storage: Storage, name: str, content: bytes) -> None:
    """Write a file that is there whole, or as it was.

    Raises:
        Exception: Of whatever kind the storage raises.
    """
    path = path_of(storage, name)
    if path is None:
        _save(storage, name, content)
    else:
        replace(storage, name, path, content)


def _save(storage: Storage, name: str, content: bytes) -> None:
    """Save a file in a storage that is not on this machine, and writes whole files or none.

    Some replace a file; others keep the old one, and give the new one another name. Then the old
    one makes room only once the storage has shown that it takes the new one, which stays under
    that other name if it fails thereafter.

    Raises:
        OSError: It is kept, but not under its name.
    """
    saved = storage.save(name, ContentFile(content))
    if saved == name:
        return
    storage.delete(name)
    again = storage.save(name, ContentFile(content))
    storage.delete(saved)
    if again != name:
        storage.delete(again)
        message = f"the storage calls it {again!r}"
        raise OSError(message)
