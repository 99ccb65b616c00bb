"""Telling others what changed under a lock, once that lock is free again."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)


class Teller:
    """Makes calls in the order in which they were noted, one at a time.

    Who is called may have locks of its own, and may be called from wherever the change was made:
    with a lock held over the call, two threads could wait for each other for ever.
    """

    def __init__(self) -> None:
        """There is nothing to tell."""
        self._lock = threading.Lock()
        self._calls: deque[Callable[[], None]] = deque()
        self._is_telling = False

    def note(self, call: Callable[[], None]) -> None:
        """Have a call made by the next who tells."""
        with self._lock:
            self._calls.append(call)

    def tell(self) -> None:
        """Make the calls that were noted; where another thread is at it, it makes them all."""
        while True:
            with self._lock:
                if self._is_telling or not self._calls:
                    return
                self._is_telling = True
                call = self._calls.popleft()
            try:
                call()
            except Exception:  # noqa: BLE001 - logged; a full disk must not decide what is sent
                _log.exception("A change of the gate could not be told, or not be kept")
            finally:
                with self._lock:
                    self._is_telling = False
