"""A lock in a cache that all processes of a site share: Redis, Memcached."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING
from uuid import uuid4

from django.core.cache import caches

if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST_POLL_S, _LONGEST_POLL_S = 0.05, 0.25
_SHORTEST_S, _LONGEST_S = 6, 20  # for which a process that died keeps others out
_RENEWALS = 3  # while its time runs

_log = logging.getLogger(__name__)


class CacheLock:
    """A name in a cache, renewed as long as its process lives; for one use.

    A process that is killed leaves the name behind, and its time runs out within ``wait_s``, so
    that who waits takes over. What a name holds tells whose it is: a lock that was lost, since
    the cache dropped it or the machine slept, is never taken for ours.

    Args:
        alias: Of the cache.
        name: Of the lock.
        wait_s: For how long others wait for it.
        clock: Gives the time in s.
        sleep: Waits some seconds between two looks.
    """

    def __init__(
        self,
        alias: str,
        name: str,
        *,
        wait_s: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Nothing is held yet."""
        self.held_s = int(max(_SHORTEST_S, min(_LONGEST_S, wait_s / 2)))
        self._alias, self._name, self._token = alias, name, uuid4().hex
        self._clock, self._sleep = clock, sleep
        self._certain_until = 0.0
        self._released = threading.Event()
        self._renewing = threading.Thread(target=self._renew, name=name, daemon=True)

    def acquire(self, end: float) -> bool:
        """Whether it was had until then.

        Raises:
            Exception: Of whatever kind the cache raises.
        """
        pause = _FIRST_POLL_S
        while not self._try():
            rest = end - self._clock()
            if rest <= 0:
                return False
            self._sleep(min(pause, rest))
            pause = min(pause * 2, _LONGEST_POLL_S)
        return True

    def is_held(self) -> bool:
        """Whether it is still ours.

        Raises:
            Exception: Of whatever kind the cache raises.
        """
        return bool(caches[self._alias].get(self._name) == self._token)

    def release(self) -> None:
        """Let the next one have it.

        Raises:
            Exception: Of whatever kind the cache raises.
        """
        self._released.set()
        self._renewing.join(1.0)
        # To look and to delete are two steps: close to its end it may become another's in between.
        if self._clock() < self._certain_until and self.is_held():
            caches[self._alias].delete(self._name)

    def _try(self) -> bool:
        began = self._clock()
        if not caches[self._alias].add(self._name, self._token, timeout=self.held_s):
            return False
        if not self.is_held():
            message = f"the cache {self._alias!r} does not keep what is added to it"
            raise RuntimeError(message)
        self._note(began)
        self._renewing.start()
        return True

    def _note(self, began: float) -> None:
        self._certain_until = began + self.held_s * (_RENEWALS - 1) / _RENEWALS

    def _renew(self) -> None:
        """Put off its end until it is released, or lost; over this thread's own connection."""
        while not self._released.wait(self.held_s / _RENEWALS):
            began = self._clock()
            try:
                if not self.is_held():
                    _log.warning("The lock %s was lost before its time", self._name)
                    break
                caches[self._alias].touch(self._name, self.held_s)
            except Exception as problem:  # noqa: BLE001 - caches raise what they like
                _log.warning("The lock %s could not be renewed: %s", self._name, problem)
            else:
                self._note(began)
        caches[self._alias].close()
