"""What was sent with one key, so that clients of different rates know of each other's requests."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
import weakref
from collections import defaultdict
from typing import TYPE_CHECKING

from rembg_plugins.api.throttle import SETTLE_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from rembg_plugins.core.rate import Rate

_LONGEST_UPLOAD_S = 600.0  # after which a slot whose request nobody ended is taken for counted
_LONG_WAIT_S = 2.0  # from which on the user is told why nothing happens

_log = logging.getLogger(__name__)


class Book:
    """The requests of one key that may still count, and until when nothing may be sent with it.

    Args:
        clock: Gives the time in s.

    Attributes:
        lock: Held by who reads or changes anything here.
        lines: The threads that wait, by their rates.
        taken: The slots of requests that may still count.
        held_until: Nobody begins before, by the clock.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing."""
        self.clock = clock
        self.lock = threading.Lock()
        self.lines: defaultdict[Rate, list[object]] = defaultdict(list)
        self.taken: list[Taken] = []
        self.held_until = -math.inf
        self._most = 0
        self._longest = 0.0
        _BOOKS.add(self)

    @property
    def idle(self) -> bool:
        """Whether a new book could take its place: nobody waits, and nothing counts any more."""
        with self.lock:
            now = self.clock()
            self.forget(now)
            return not (self.taken or any(self.lines.values()) or self.held_until > now)

    def open(self, requests: int, span: float) -> None:
        """Remember from now on so many requests, for so many s."""
        with self.lock:
            self._most = max(self._most, requests)
            self._longest = max(self._longest, span)

    def take(self, now: float) -> Taken:
        """A slot for a request that begins now; the lock is held."""
        slot = Taken(self, counted_by=now + _LONGEST_UPLOAD_S)
        self.taken.append(slot)
        return slot

    def forget(self, now: float) -> None:
        """Drop the slots that count for no rate any more, and sort the rest; the lock is held."""
        counting = [slot for slot in self.taken if slot.counted_by + self._longest > now]
        counting.sort(key=lambda slot: slot.counted_by)
        self.taken = counting[-self._most :]  # no rate looks at more than its newest ones

    def note(self, slot: Taken, within_s: float) -> None:
        """Keep when the API will have counted the request of a slot at the latest."""
        with self.lock:
            slot.counted_by = min(slot.counted_by, self.clock() + within_s)

    def hold(self, seconds: float) -> None:
        """Let nobody begin for so many s from now; a longer wait that is on already stays."""
        with self.lock:
            now = self.clock()
            longer = now + seconds - max(now, self.held_until)
            self.held_until = max(self.held_until, now + seconds)
        if longer >= _LONG_WAIT_S:  # once, though many threads were refused together
            _log.warning("Nothing is sent with this key for %.0f s: the API's limit", seconds)

    def clear(self) -> None:
        """Free every slot, and end every hold, as where the API itself began anew: in tests."""
        with self.lock:
            self.taken = []
            self.held_until = -math.inf

    def after_fork(self) -> None:
        """Forget the parent's threads: they neither wait here nor tell of their answers."""
        self.lock = threading.Lock()
        self.lines.clear()
        settled = self.clock() + SETTLE_S
        for slot in self.taken:
            slot.counted_by = min(slot.counted_by, settled)


class Taken:
    """A slot in a book.

    Attributes:
        counted_by: When the API will have counted its request at the latest, by the clock.
    """

    __slots__ = ("_book", "counted_by")

    def __init__(self, book: Book, *, counted_by: float) -> None:
        """Begin with the latest moment that can be."""
        self._book = book
        self.counted_by = counted_by

    def counted(self, within_s: float = 0.0) -> None:
        """Tell the book."""
        self._book.note(self, within_s)


_BOOKS: weakref.WeakSet[Book] = weakref.WeakSet()


def _after_fork() -> None:
    """A child process has not the threads that may hold the locks, or wait."""
    for book in tuple(_BOOKS):
        book.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
