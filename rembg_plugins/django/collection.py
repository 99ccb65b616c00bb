"""What of the store can go: cut-outs of no picture, and what others have left there."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from django.db import Error as DatabaseError
from django.utils import timezone

from rembg_plugins.core.store import key_of_digest
from rembg_plugins.django import cutouts, ledger, outputs
from rembg_plugins.django.pictures import digests_in, pictures
from rembg_plugins.django.store import name_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from django.core.files.storage import Storage
    from django.db.models import Model

    from rembg_plugins.core.engine import Engine
    from rembg_plugins.django.store import DjangoStore

_ENTRY = re.compile(r"([0-9a-f]{64})\.[\w.]+")
_UNFINISHED = re.compile(r"\.rembg-[0-9a-f]+\.tmp")
_LEFT_BEHIND = timedelta(days=1)  # after which nobody can be at work on a file any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What the site's pictures use.

    Attributes:
        keys: Of their cut-outs, made or not, by every engine that the ledger knows.
        digests: The sha256 of each file.
        looked_at: How many files were looked at.
        missing: Files that are not there.
        unreadable: Other files and tables that cannot be read, and why.
    """

    keys: set[str] = field(default_factory=set)
    digests: set[str] = field(default_factory=set)
    looked_at: int = 0
    missing: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """A file of the store that can go.

    Attributes:
        name: In the storage.
        size: In bytes.
        is_cutout: Whether it is a cut-out; else a failure that is past, a note on a file that is
            gone, or a leftover.
    """

    name: str
    size: int
    is_cutout: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _EngineName:
    """All that a key knows of an engine."""

    name: str
    version: str


def mark(skip: Collection[type[Model]] = ()) -> Marks:
    """What the site's pictures use; every file is read.

    Args:
        skip: Models whose pictures are not looked at.

    Raises:
        ConfigurationError: No engine can work as configured.
        DatabaseError: The ledger cannot be read.
    """
    engines = tuple(_engines())
    digests: set[str] = set()
    missing: list[str] = []
    unreadable: list[str] = []
    looked_at = 0
    try:
        for picture in pictures(skip):
            looked_at += 1
            try:
                with picture.open() as file:
                    digests.update(digests_in(file))
            except FileNotFoundError:
                missing.append(str(picture))
            except Exception as problem:  # noqa: BLE001 - storages raise what they like
                unreadable.append(f"{picture}: {type(problem).__name__}: {problem}")
    except DatabaseError as problem:
        unreadable.append(f"a table: {problem}")
    return Marks(
        keys={key_of_digest(one, engine) for one in digests for engine in engines},
        digests=digests,
        looked_at=looked_at,
        missing=tuple(missing),
        unreadable=tuple(unreadable),
    )


def sweepable(store: DjangoStore, marks: Marks, *, older_than: timedelta) -> Iterator[Swept]:
    """The files that can go: cut-outs of no picture, past failures, notes on no file, leftovers.

    Args:
        store: Whose files.
        marks: What is used.
        older_than: How old a cut-out or a note must be; a form's cut-out may be unused for as long
            as it is saved.

    Raises:
        Exception: Whatever the storage raises.
    """
    storage = store.storage
    for name in _files(storage, "cutouts"):
        key = _key_of(name)
        if key is None or (key in marks.keys and name == name_of(key)):
            continue
        is_cutout = name == name_of(key)
        if _age(storage, name) > (older_than if is_cutout else _LEFT_BEHIND):
            yield _swept(storage, name, is_cutout=is_cutout)
    yield from _notes_on_no_file(store, marks.digests, older_than)
    for name in _files(storage, "failures"):
        if _is_past(store, name):
            yield _swept(storage, name)
    for name in _files(storage, "probes"):
        if _age(storage, name) > _LEFT_BEHIND:
            yield _swept(storage, name)


def _engines() -> Iterator[Engine]:
    """The engine in use, and those that made cut-outs before: those are paid for as well."""
    yield cutouts.adapter().engine
    for written in ledger.calls().order_by().values_list("engine", flat=True).distinct():
        name, _, version = written.partition(" ")
        yield cast("Engine", _EngineName(name=name, version=version))


def _notes_on_no_file(
    store: DjangoStore, digests: set[str], older_than: timedelta
) -> Iterator[Swept]:
    """Those on cut-outs that a storage kept, and that are there no more."""
    in_use: dict[bytes, set[str]] = {}  # there are as many texts as profiles, and many notes
    for name in _files(store.storage, outputs.FOLDER):
        if _age(store.storage, name) <= older_than or (text := store.read(name)) is None:
            continue
        if text not in in_use:
            in_use[text] = outputs.names_of(digests, text)
        if name not in in_use[text]:
            yield _swept(store.storage, name)


def _files(storage: Storage, folder: str) -> Iterator[str]:
    """The names of all files in a folder and below it."""
    try:
        folders, files = storage.listdir(folder)
    except FileNotFoundError:
        return
    yield from (f"{folder}/{file}" for file in sorted(files))
    for below in sorted(folders):
        yield from _files(storage, f"{folder}/{below}")


def _key_of(name: str) -> str | None:
    """The key of a cut-out's file, or "" for one that was never finished; None for others'."""
    last = name.rpartition("/")[2]
    if found := _ENTRY.fullmatch(last):
        return found[1]
    return "" if _UNFINISHED.fullmatch(last) else None


def _is_past(store: DjangoStore, name: str) -> bool:
    """Whether a failure need not be remembered any longer, or cannot be read as one."""
    content = store.read(name)
    try:
        until = float(json.loads(content or b"")["until"])
    except (ValueError, KeyError, TypeError):
        return _age(store.storage, name) > _LEFT_BEHIND
    return until <= time.time()


def _age(storage: Storage, name: str) -> timedelta:
    """How long ago a file was written; none where it is gone by now."""
    try:
        return timezone.now() - storage.get_modified_time(name)
    except FileNotFoundError:
        return timedelta()


def _swept(storage: Storage, name: str, *, is_cutout: bool = False) -> Swept:
    try:
        size = storage.size(name)
    except FileNotFoundError:
        size = 0
    return Swept(name=name, size=size, is_cutout=is_cutout)
