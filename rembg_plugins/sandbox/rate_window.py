"""The short-term limit: so many calls in any so many seconds."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rembg_plugins.core.rate import Rate


class RateWindow:
    """Counts the calls of one account that were let in.

    Args:
        rate: How many in which time; None for no limit.
    """

    def __init__(self, rate: Rate | None) -> None:
        """Begin with none."""
        self._rate = rate
        self._arrivals: deque[float] = deque()

    def admit(self, now: float) -> float:
        """Let a call in.

        Returns:
            0, or the seconds after which the next one would be let in: then this one was not.
        """
        if self._rate is None:
            return 0.0
        while self._arrivals and self._arrivals[0] <= now - self._rate.seconds:
            self._arrivals.popleft()
        if len(self._arrivals) < self._rate.requests:
            self._arrivals.append(now)
            return 0.0
        return self._arrivals[0] + self._rate.seconds - now
