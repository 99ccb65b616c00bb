"""A content-addressed store of cut-outs: the same picture is not paid for twice.

Kept of a cut-out are its mask, and its colors only where the engine changed them: with the
picture itself they give the cut-out back, in well under a megabyte for 12 megapixels.

A store is a convenience: what goes wrong in it is logged and makes no picture fail. An entry that
is damaged is noticed by its checksum, removed, and made again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import weakref
from collections import OrderedDict
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Protocol, runtime_checkable
from urllib.parse import unquote, urlsplit

from rembg_plugins.core.entry import TOLERANCE, Entry, join, pack, split, unpack
from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.core.preparation import RECIPE
from rembg_plugins.core.setting import hide_password

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from rembg_plugins.core.engine import Engine
    from rembg_plugins.core.source import Source

__all__ = [
    "TOLERANCE",
    "Entry",
    "MemoryStore",
    "Store",
    "join",
    "key_of",
    "key_of_digest",
    "open_store",
    "split",
]

_LAYOUT = "1"  # of the entries; part of the keys

_log = logging.getLogger(__name__)


@runtime_checkable
class Store(Protocol):
    """Where cut-outs are kept; safe between threads."""

    def get(self, key: str) -> Entry | None:
        """The entry of a key, or None where there is none or it is damaged; never raises."""
        ...

    def put(self, key: str, entry: Entry) -> None:
        """Keep an entry; what makes that impossible is logged."""
        ...

    def lock(self, key: str) -> AbstractContextManager[None]:
        """Let one caller at a time work on a key, so that two do not make the same entry."""
        ...


def open_store(spec: str) -> Store:
    """The store that a setting stands for.

    Args:
        spec: ``"file:FOLDER"``, where ``~`` is the home folder; ``"memory:"``.

    Raises:
        ConfigurationError: It stands for none, or the folder cannot be used.
    """
    kind, colon, place = spec.partition(":")
    if kind == "memory" and colon and not place:
        return _memory_of_this_process()
    if kind == "file" and place:
        from rembg_plugins.core.folder_store import FolderStore  # noqa: PLC0415 - where asked

        return FolderStore(_path_of_url(place) if place.startswith("//") else place)
    message = (
        f"There is no store '{hide_password(spec)}'. "
        "Give 'file:FOLDER', as in REMBG_STORE=file:~/cutouts, or 'memory:'."
    )
    raise ConfigurationError(message)


@cache
def _memory_of_this_process() -> MemoryStore:
    return MemoryStore()


def key_of(source: Source, engine: Engine) -> str:
    """The key of the cut-out that an engine makes of a picture: 64 hexadecimal digits.

    It changes with the picture's bytes, with how pictures are prepared, and with the engine's
    name and version.

    Raises:
        ValidationError: The picture cannot be read any more.
    """
    return key_of_digest(source.digest(), engine)


def key_of_digest(digest: str, engine: Engine) -> str:
    """The same by the sha256 of the picture's own bytes, for those who have no use for the rest."""
    parts = (_LAYOUT, digest, RECIPE, engine.name, engine.version)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


class MemoryStore:
    """Keeps cut-outs in this process, encoded; safe between its threads.

    Args:
        max_bytes: How much of them; those that were not used for the longest time go first.
    """

    def __init__(self, max_bytes: int = 64 * 2**20) -> None:
        """Begin with none."""
        self.max_bytes = max_bytes
        self._packed: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._forget_locks()
        _memory_stores.add(self)

    def __repr__(self) -> str:
        return f"MemoryStore(max_bytes={self.max_bytes})"

    def get(self, key: str) -> Entry | None:
        """The entry of a key, or None; it is then the most recently used."""
        with self._guard:
            packed = self._packed.get(key)
            if packed is None:
                return None
            self._packed.move_to_end(key)
        return unpack(key, packed)

    def put(self, key: str, entry: Entry) -> None:
        """Keep an entry, unless it is larger than the whole store may be."""
        packed = pack(key, entry)
        if len(packed) > self.max_bytes:
            _log.warning("A cut-out of %d bytes is too large for %r", len(packed), self)
            return
        with self._guard:
            self._size += len(packed) - len(self._packed.pop(key, b""))
            self._packed[key] = packed
            while self._size > self.max_bytes:
                _, oldest = self._packed.popitem(last=False)
                self._size -= len(oldest)

    @contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Let one thread at a time work on a key; not re-entrant."""
        with self._guard:
            mine, users = self._locks.get(key, (threading.Lock(), 0))
            self._locks[key] = mine, users + 1
        try:
            with mine:
                yield
        finally:
            with self._guard:
                mine, users = self._locks.pop(key, (mine, 0))
                if users > 1:
                    self._locks[key] = mine, users - 1

    def _forget_locks(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, tuple[threading.Lock, int]] = {}


_memory_stores: weakref.WeakSet[MemoryStore] = weakref.WeakSet()


def _forget_locks() -> None:
    """A child process inherits the locks that are held, but not the threads that hold them."""
    for store in _memory_stores:
        store._forget_locks()  # noqa: SLF001 - of this module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_locks)


def _path_of_url(place: str) -> str:
    """The path in what follows ``file:`` in a URL such as ``file:///srv/cutouts``.

    Raises:
        ConfigurationError: It is on another machine.
    """
    parts = urlsplit(f"file:{place}")
    if parts.netloc not in {"", "localhost"} or not parts.path:
        message = f"The store 'file:{place}' is on another machine; write file:/FOLDER."
        raise ConfigurationError(message)
    return unquote(parts.path)
