"""Locks between all threads and processes of a site, made of whatever all of them share.

The first that is there serves: a shared cache (Redis, Memcached), the advisory locks of
PostgreSQL, a lock file.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache
from django.db import connections, router
from django.utils.module_loading import import_string

from rembg_plugins.core.errors import CutoutPendingError, SpendingError
from rembg_plugins.django.advisory_lock import AdvisoryLock
from rembg_plugins.django.cache_lock import CacheLock
from rembg_plugins.django.models import Call
from rembg_plugins.django.settings import current
from rembg_plugins.django.site_file_lock import SiteFileLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The last two are shared, but two processes that add one name at once may both be told that they
# did: the one looks and then writes; the other lets both replace a name whose time is over, and
# drops names where there are many.
_NO_LOCKS_IN = (LocMemCache, DummyCache, FileBasedCache, DatabaseCache)

_log = logging.getLogger(__name__)


class Lock(Protocol):
    """A lock between processes, for one use."""

    def acquire(self, end: float) -> bool:
        """Whether it was had until then, by the clock of its making; whatever fails, raises."""
        ...

    def is_held(self) -> bool:
        """Whether it is still ours; whatever fails, raises."""
        ...

    def release(self) -> None:
        """Let the next one have it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Holding:
    """What the work under way in this thread holds.

    Attributes:
        key: Of which cut-out.
        lock: Between processes; None where none could be had.
        problem: Why not.
        process: The process's number: one that is forked holds nothing.
    """

    key: str
    lock: Lock | None
    problem: Exception | None
    process: int


_holding: ContextVar[_Holding | None] = ContextVar("rembg_holding", default=None)


@contextmanager
def locked(
    key: str,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Hold the lock of a cut-out; not re-entrant.

    Where none can be had, since Redis is down for instance, work goes on without, for the sake of
    engines that cost nothing; :func:`check` then refuses all others.

    Args:
        key: The cut-out's key.
        clock: Gives the time in s.
        sleep: Waits some seconds between two looks.

    Raises:
        CutoutPendingError: Somebody else held it for as long as ``LOCK_WAIT`` says.
    """
    wait = current().lock_wait
    end = clock() + wait
    with _turn_of_this_thread(key, wait) as is_ours:
        holding = _claim(key, end, clock, sleep) if is_ours else None
        if holding is None:
            raise _pending(wait)
        token = _holding.set(holding)
        try:
            yield
        finally:
            _holding.reset(token)
            _release(holding)


def check(key: str) -> None:
    """Refuse to pay for a cut-out whose lock is not, or no longer, held here.

    Raises:
        SpendingError: No lock could be had at all.
        CutoutPendingError: It was lost meanwhile: another process may be making the cut-out.
    """
    holding = _holding.get()
    if holding is None or (holding.key, holding.process) != (key, os.getpid()):
        raise _unlocked(None)
    if holding.lock is None:
        raise _unlocked(holding.problem)
    try:
        is_held = holding.lock.is_held()
    except Exception as problem:
        raise _unlocked(problem) from problem
    if not is_held:
        message = "The lock of this cut-out was lost: another process may be making it."
        raise CutoutPendingError(message)


def held_key() -> str | None:
    """The key of the cut-out whose lock the work under way in this thread took, if it took one."""
    holding = _holding.get()
    return None if holding is None or holding.process != os.getpid() else holding.key


def kind() -> str:
    """What the locks between processes are made of: ``cache``, ``database`` or ``file``."""
    if is_shared(current().lock_cache):
        return "cache"
    alias = router.db_for_write(Call)
    return "database" if connections[alias].vendor == "postgresql" else "file"


def is_shared(alias: str) -> bool:
    """Whether a cache can hold locks between processes, as far as its class tells.

    Where a function of the site's makes the cache, that is asked for one.
    """
    cls = import_string(settings.CACHES[alias]["BACKEND"])
    if not isinstance(cls, type):
        cls = type(caches[alias])
    return not issubclass(cls, _NO_LOCKS_IN)


def _claim(
    key: str, end: float, clock: Callable[[], float], sleep: Callable[[float], None]
) -> _Holding | None:
    """The lock between processes, or why there is none; None where somebody else has it."""
    try:
        lock = _new(key, clock, sleep)
        if not lock.acquire(end):
            return None
    except Exception as problem:  # noqa: BLE001 - caches and databases raise what they like
        _log.warning("Cut-outs cannot be locked, so none is paid for: %s", problem)
        return _Holding(key=key, lock=None, problem=problem, process=os.getpid())
    return _Holding(key=key, lock=lock, problem=None, process=os.getpid())


def _new(key: str, clock: Callable[[], float], sleep: Callable[[float], None]) -> Lock:
    made_of, name = kind(), f"rembg:lock:{key}"
    if made_of == "cache":
        current_ = current()
        longest = current_.lock_wait
        return CacheLock(current_.lock_cache, name, wait_s=longest, clock=clock, sleep=sleep)
    if made_of == "database":
        return AdvisoryLock(router.db_for_write(Call), name, clock=clock)
    return SiteFileLock(key, clock=clock, sleep=sleep)


def _release(holding: _Holding) -> None:
    if holding.lock is None or holding.process != os.getpid():
        return
    try:
        holding.lock.release()
    except Exception as problem:  # noqa: BLE001 - it ends by itself; what was made must not be lost
        _log.warning("The lock of %s could not be released: %s", holding.key, problem)


class _Threads:
    """Who is at what in this process: a lock for each key in use, and how many want it."""

    guard = threading.Lock()
    locks: dict[str, tuple[threading.Lock, int]] = {}  # noqa: RUF012 - replaced after a fork


@contextmanager
def _turn_of_this_thread(key: str, wait: float) -> Iterator[bool]:
    """Whether it was had among the threads of this process, in that many s."""
    with _Threads.guard:
        mine, users = _Threads.locks.get(key, (threading.Lock(), 0))
        _Threads.locks[key] = mine, users + 1
    is_ours = mine.acquire(timeout=min(wait, threading.TIMEOUT_MAX))
    try:
        yield is_ours
    finally:
        if is_ours:
            mine.release()
        with _Threads.guard:
            mine, users = _Threads.locks.pop(key, (mine, 0))
            if users > 1:
                _Threads.locks[key] = mine, users - 1


def _forget_threads() -> None:
    """A child process inherits the locks that are held, but not the threads that hold them."""
    _Threads.guard, _Threads.locks = threading.Lock(), {}


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)


def _pending(wait: float) -> CutoutPendingError:
    message = f"Another process makes this cut-out, and was not done after {wait:g} s."
    return CutoutPendingError(message)


def _unlocked(problem: Exception | None) -> SpendingError:
    why = "nobody asked for it" if problem is None else f"{type(problem).__name__}: {problem}"
    message = (
        f"There is no lock on this cut-out, so it might be paid for twice: {why}. Nothing was sent."
    )
    return SpendingError(message)
