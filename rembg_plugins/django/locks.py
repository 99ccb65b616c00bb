"""Locks between all threads and processes of a site, of whatever all of them share.

The first that is there serves: a cache that is shared (Redis, Memcached, a database, files), the
advisory locks of PostgreSQL, a lock file on this machine.
"""

from __future__ import annotations

import hashlib
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING
from uuid import uuid4

from django.conf import settings
from django.core.cache import caches
from django.db import connections, router

from rembg_plugins.core.errors import CutoutPendingError
from rembg_plugins.core.file_lock import locked_if_free
from rembg_plugins.django.models import Call
from rembg_plugins.django.settings import current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from django.core.cache.backends.base import BaseCache

_HELD_S = 900  # after which a lock in a cache counts as left behind by a process that died
_POLL_S = 0.05
_LOCAL_CACHES = ("LocMemCache", "DummyCache")

_threads: dict[str, tuple[threading.Lock, int]] = {}
_guard = threading.Lock()


@contextmanager
def locked(
    key: str,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Hold the lock of a cut-out; not re-entrant.

    Args:
        key: The cut-out's key.
        clock: Gives the time in s.
        sleep: Waits some seconds between two looks.

    Raises:
        CutoutPendingError: Somebody else held it for as long as ``LOCK_WAIT`` says.
    """
    wait = current().lock_wait
    end = clock() + wait
    with _of_this_process(key, wait) as is_ours:
        claim = _between_processes(key)
        while is_ours:
            with claim() as is_held:
                if is_held:
                    yield
                    return
            if clock() >= end:
                break
            sleep(_POLL_S)
        raise _pending(wait)


def kind() -> str:
    """What the locks between processes are made of: ``cache``, ``database`` or ``file``."""
    if is_shared(current().lock_cache):
        return "cache"
    alias = router.db_for_write(Call)
    return "database" if connections[alias].vendor == "postgresql" else "file"


def is_shared(alias: str) -> bool:
    """Whether a cache is seen by all processes, as far as its class tells."""
    backend: str = settings.CACHES[alias]["BACKEND"]
    return backend.rpartition(".")[2] not in _LOCAL_CACHES


@contextmanager
def _of_this_process(key: str, wait: float) -> Iterator[bool]:
    """Whether it was had among the threads of this process, in that many s."""
    with _guard:
        mine, users = _threads.get(key, (threading.Lock(), 0))
        _threads[key] = mine, users + 1
    is_held = mine.acquire(timeout=wait)
    try:
        yield is_held
    finally:
        if is_held:
            mine.release()
        with _guard:
            mine, users = _threads.pop(key)
            if users > 1:
                _threads[key] = mine, users - 1


def _between_processes(key: str) -> Callable[[], AbstractContextManager[bool]]:
    """A function that tries once, and gives whether the lock was had."""
    made_of = kind()
    if made_of == "cache":
        return lambda: _in_cache(caches[current().lock_cache], f"rembg:lock:{key}")
    if made_of == "database":
        return lambda: _in_database(key)
    folder = lock_folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return lambda: locked_if_free(folder / f"{key}.lock")


@contextmanager
def _in_cache(cache: BaseCache, name: str) -> Iterator[bool]:
    token = uuid4().hex
    is_held = cache.add(name, token, timeout=_HELD_S)
    try:
        yield is_held
    finally:
        if is_held and cache.get(name) == token:  # else it ran out, and is another's by now
            cache.delete(name)


@contextmanager
def _in_database(key: str) -> Iterator[bool]:
    """An advisory lock of PostgreSQL's, over a connection of its own: it ends with a process."""
    number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big", signed=True)
    connection = connections[router.db_for_write(Call)].copy()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
            (is_held,) = cursor.fetchone()
            yield is_held
    finally:
        connection.close()


def lock_folder() -> Path:
    """Where lock files are: one folder for each site and machine."""
    site = hashlib.sha256(settings.SECRET_KEY.encode()).hexdigest()[:16]
    return Path(gettempdir()) / f"rembg-locks-{site}"


def _pending(wait: float) -> CutoutPendingError:
    message = f"Another process makes this cut-out, and was not done after {wait:g} s."
    return CutoutPendingError(message)
