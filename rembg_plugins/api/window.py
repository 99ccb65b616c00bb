"""A sliding window of requests, and the books of a process: one for each key."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
import weakref
from typing import TYPE_CHECKING

from rembg_plugins.api.book import Book
from rembg_plugins.api.route import address_of
from rembg_plugins.api.throttle import Unlimited
from rembg_plugins.core.rate import Rate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rembg_plugins.api.throttle import Slot, Throttle

_MARGIN_S = 0.02  # for windows that hold both their ends, and for clocks that run apart


class Window:
    """So many requests in any stretch of so many seconds, in the order in which threads come.

    A slot is free again when the whole stretch has passed since its request was counted, so that
    answers that take 3 to 5 s cost no throughput. Windows of several rates may share a book: each
    counts what all of them send, so that a lower rate waits while the others use it up. After a
    fork, parent and child know of what was sent before, and of no more of each other.

    Args:
        rate: How many requests in how long.
        book: What was sent with the key; one of the window's own by default.
        sleep: Waits some seconds; no lock is held meanwhile.
    """

    def __init__(
        self,
        rate: Rate,
        *,
        book: Book | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Begin with the slots that the book leaves free."""
        self.rate = rate
        self.book = Book() if book is None else book
        self._span = rate.seconds + _MARGIN_S
        self._sleep = sleep
        self.book.open(rate.requests, self._span)

    def __repr__(self) -> str:
        return f"Window({str(self.rate)!r})"

    @property
    def waiting(self) -> int:
        """How many threads wait for their turn at this rate."""
        return len(self.book.lines[self.rate])

    def begin(self) -> Slot:
        """Wait until one more request may begin, and take its slot."""
        place, book = object(), self.book
        try:
            with book.lock:
                book.lines[self.rate].append(place)
            while True:
                with book.lock:
                    now = book.clock()
                    wait = self._wait(now, book.lines[self.rate].index(place))
                    if wait <= 0:
                        return book.take(now)
                self._sleep(wait)
        finally:
            with book.lock:
                if place in book.lines[self.rate]:
                    book.lines[self.rate].remove(place)

    def hold(self, seconds: float) -> None:
        """Let nobody begin for so many s from now, at whatever rate."""
        self.book.hold(seconds)

    def delay(self) -> float:
        """How long ``begin()`` would wait now, in s; ask again then, if it is no longer than that.

        It is 0 only where ``begin()`` would not wait at all.
        """
        with self.book.lock:
            return max(0.0, self._wait(self.book.clock(), self.waiting))

    def _wait(self, now: float, ahead: int) -> float:
        """How long to wait for one's turn, or to look again, with so many threads ahead."""
        held_until = self.book.held_until
        due = max(self._free_at(now, ahead), held_until)
        # An answer that comes meanwhile frees its slot no earlier than a whole window from now,
        # so that looking again then is soon enough, and nobody need be woken.
        return min(due, max(now + self._span, held_until)) - now

    def _free_at(self, now: float, ahead: int) -> float:
        """When there is a slot after those ahead have taken theirs, as far as is known by now."""
        slots = self.rate.requests
        if len(self.book.taken) + ahead < slots:
            return now
        self.book.forget(now)
        taken = self.book.taken
        rounds, place = divmod(ahead, slots)
        place -= slots - len(taken)
        free = now if place < 0 else max(now, taken[place].counted_by + self._span)
        return free + rounds * self._span


class Registry:
    """The books of a process, found by address and credentials; it knows no secret in clear.

    Args:
        most: How many idle books are remembered; what is used or waited for always is.
    """

    def __init__(self, *, most: int = 1000) -> None:
        """Begin with none."""
        self._most = most
        self._salt = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._kept: dict[bytes, Book] = {}
        # A book that a client still has is found, though it is no longer kept.
        self._known: weakref.WeakValueDictionary[bytes, Book] = weakref.WeakValueDictionary()

    def window(self, url: str, secret: str, rate: Rate) -> Window:
        """A window on the book of all who send with this key to this address."""
        text = f"{address_of(url)}\0{secret}".encode()
        name = hashlib.blake2b(text, key=self._salt, digest_size=32).digest()
        with self._lock:
            book = self._known.get(name)
            if book is None:
                book = self._known[name] = Book()
                self._forget()
            self._kept[name] = book
            return Window(rate, book=book)

    def clear(self) -> None:
        """Clear every book; clients keep those that they have."""
        with self._lock:
            for book in tuple(self._known.values()):
                book.clear()

    def after_fork(self) -> None:
        """Forget who held the lock."""
        self._lock = threading.Lock()

    def _forget(self) -> None:
        if len(self._kept) >= self._most:
            self._kept = {name: kept for name, kept in self._kept.items() if not kept.idle}


REGISTRY = Registry()
"""The books of this process that are found by their keys."""


def throttle_for(
    throttle: Throttle | Rate | None, url: str, credentials: Mapping[str, str]
) -> Throttle:
    """The throttle that a client asks for: its own, one for its key, or none.

    Args:
        throttle: What it asks for; a rate stands for a window on the book of its key.
        url: Where it sends.
        credentials: The header that carries its key or token.
    """
    if throttle is None:
        return Unlimited()
    if isinstance(throttle, Rate):
        return REGISTRY.window(url, repr(sorted(credentials.items())), throttle)
    return throttle


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=REGISTRY.after_fork)
