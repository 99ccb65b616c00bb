"""A sliding window of requests, and the windows of a process: one for each key."""

from __future__ import annotations

import hashlib
import logging
import math
import os
import secrets
import threading
import time
import weakref
from typing import TYPE_CHECKING

from rembg_plugins.api.throttle import SETTLE_S, Unlimited
from rembg_plugins.core.rate import Rate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rembg_plugins.api.throttle import Slot, Throttle

_LONGEST_UPLOAD_S = 600.0  # after which a slot whose request nobody ended is taken for counted
_LONG_WAIT_S = 2.0  # from which on the user is told why nothing happens
_MARGIN_S = 0.02  # for windows that hold both their ends, and for clocks that run apart

_Name = tuple[bytes, Rate]

_log = logging.getLogger(__name__)


class Window:
    """So many requests in any stretch of so many seconds, in the order in which threads come.

    A slot is free again when the whole stretch has passed since its request was counted, so that
    answers that take 3 to 5 s cost no throughput. After a fork, parent and child know of what was
    sent before, and of no more of each other.

    Args:
        rate: How many requests in how long.
        clock: Gives the time in s.
        sleep: Waits some seconds; no lock is held meanwhile.
    """

    def __init__(
        self,
        rate: Rate,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Begin with all slots free."""
        self.rate = rate
        self._span = rate.seconds + _MARGIN_S
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._line: list[object] = []
        self._taken: list[_Taken] = []
        self._held_until = -math.inf
        _WINDOWS.add(self)

    def __repr__(self) -> str:
        return f"Window({str(self.rate)!r})"

    @property
    def waiting(self) -> int:
        """How many threads wait for their turn."""
        return len(self._line)

    @property
    def idle(self) -> bool:
        """Whether a new window could take its place: nobody waits, and nothing is remembered."""
        with self._lock:
            return not self._line and self._wait(self._clock(), self.rate.requests - 1) <= 0

    def begin(self) -> Slot:
        """Wait until one more request may begin, and take its slot."""
        place = object()
        try:
            with self._lock:
                self._line.append(place)
            while True:
                with self._lock:
                    now = self._clock()
                    wait = self._wait(now, self._line.index(place))
                    if wait <= 0:
                        slot = _Taken(self, counted_by=now + _LONGEST_UPLOAD_S)
                        self._taken.append(slot)
                        return slot
                self._sleep(wait)
        finally:
            with self._lock:
                if place in self._line:
                    self._line.remove(place)

    def hold(self, seconds: float) -> None:
        """Let nobody begin for so many s from now; a longer wait that is on already stays."""
        with self._lock:
            now = self._clock()
            longer = now + seconds - max(now, self._held_until)
            self._held_until = max(self._held_until, now + seconds)
        if longer >= _LONG_WAIT_S:  # once, though many threads were refused together
            _log.warning("Nothing is sent with this key for %.0f s: the API's limit", seconds)

    def delay(self) -> float:
        """How long ``begin()`` would wait now, in s; ask again then, if it is no longer than that.

        It is 0 only where ``begin()`` would not wait at all.
        """
        with self._lock:
            return max(0.0, self._wait(self._clock(), len(self._line)))

    def note(self, slot: _Taken, within_s: float) -> None:
        """Keep when the API will have counted the request of a slot at the latest."""
        with self._lock:
            slot.counted_by = min(slot.counted_by, self._clock() + within_s)

    def clear(self) -> None:
        """Free every slot, and end every hold, as where the API itself began anew: in tests."""
        with self._lock:
            self._taken = []
            self._held_until = -math.inf

    def after_fork(self) -> None:
        """Forget the parent's threads: they neither wait here nor tell of their answers."""
        self._lock = threading.Lock()
        self._line = []
        settled = self._clock() + SETTLE_S
        for slot in self._taken:
            slot.counted_by = min(slot.counted_by, settled)

    def _wait(self, now: float, ahead: int) -> float:
        """How long to wait for one's turn, or to look again, with so many threads ahead."""
        due = max(self._free_at(now, ahead), self._held_until)
        # An answer that comes meanwhile frees its slot no earlier than a whole window from now,
        # so that looking again then is soon enough, and nobody need be woken.
        return min(due, max(now + self._span, self._held_until)) - now

    def _free_at(self, now: float, ahead: int) -> float:
        """When there is a slot after those ahead have taken theirs, as far as is known by now."""
        slots = self.rate.requests
        if len(self._taken) + ahead >= slots:
            self._taken = [slot for slot in self._taken if slot.counted_by + self._span > now]
        rounds, place = divmod(ahead, slots)
        place -= slots - len(self._taken)
        taken = sorted(slot.counted_by for slot in self._taken)
        free = now if place < 0 else taken[place] + self._span
        return free + rounds * self._span


class _Taken:
    """A slot of a window.

    Attributes:
        counted_by: When the API will have counted its request at the latest, by the clock.
    """

    __slots__ = ("_window", "counted_by")

    def __init__(self, window: Window, *, counted_by: float) -> None:
        self._window = window
        self.counted_by = counted_by

    def counted(self, within_s: float = 0.0) -> None:
        """Tell the window."""
        self._window.note(self, within_s)


class Registry:
    """The windows of a process, found by URL, credentials and rate; it knows no secret in clear.

    Args:
        most: How many idle windows are remembered; what is used or waited for always is.
    """

    def __init__(self, *, most: int = 1000) -> None:
        """Begin with none."""
        self._most = most
        self._salt = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._kept: dict[_Name, Window] = {}
        # A window that a client still has is found, though it is no longer kept.
        self._known: weakref.WeakValueDictionary[_Name, Window] = weakref.WeakValueDictionary()

    def window(self, url: str, secret: str, rate: Rate) -> Window:
        """The window that all share who send to this URL with this key at this rate."""
        text = f"{url}\0{secret}".encode()
        name = hashlib.blake2b(text, key=self._salt, digest_size=32).digest(), rate
        with self._lock:
            window = self._known.get(name)
            if window is None:
                window = self._known[name] = Window(rate)
                self._forget()
            self._kept[name] = window
            return window

    def clear(self) -> None:
        """Clear every window; clients keep those that they have."""
        with self._lock:
            for window in tuple(self._known.values()):
                window.clear()

    def after_fork(self) -> None:
        """Forget who held the lock."""
        self._lock = threading.Lock()

    def _forget(self) -> None:
        if len(self._kept) >= self._most:
            self._kept = {name: kept for name, kept in self._kept.items() if not kept.idle}


REGISTRY = Registry()
"""The windows of this process that are found by their keys."""

_WINDOWS: weakref.WeakSet[Window] = weakref.WeakSet()


def throttle_for(
    throttle: Throttle | Rate | None, url: str, credentials: Mapping[str, str]
) -> Throttle:
    """The throttle that a client asks for: its own, the one of its key, or none.

    Args:
        throttle: What it asks for; a rate stands for the window of its key.
        url: Where it sends.
        credentials: The header that carries its key or token.
    """
    if throttle is None:
        return Unlimited()
    if isinstance(throttle, Rate):
        return REGISTRY.window(url, repr(sorted(credentials.items())), throttle)
    return throttle


def _after_fork() -> None:
    """A child process has not the threads that may hold the locks, or wait."""
    REGISTRY.after_fork()
    for window in tuple(_WINDOWS):
        window.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
