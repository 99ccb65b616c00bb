"""Why nothing is sent for a while, and how long."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal


class Rank(IntEnum):
    """How much it takes to send again; the higher covers the lower."""

    HOLD = 1  # a short-term 429: time alone
    OUTAGE = 2  # the API is down: a call that succeeds
    LIMIT = 3  # a daily or monthly limit: likewise, and it survives a restart
    CLOSED = 4  # nothing helps until somebody does something


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pause:
    """One reason for which nothing is sent; two are never equal.

    Attributes:
        kind: Whether it ends by itself.
        reason: One sentence.
        remedy: What a person can do.
        exit_code: Of a run that ends because of it.
        rank: How much it takes to end it.
        due: When it ends, or a call may try, by the gate's monotonic clock in s; None: never.
        until: The same by the calendar, in UNIX s, for people.
        heeds_calendar: Whether it ends, too, when the calendar says so: a machine that slept
            has a monotonic clock that is behind.
        tries: Whether one call has to succeed before more may begin.
    """

    kind: Literal["paused", "closed"] = "paused"
    reason: str
    remedy: str
    exit_code: int
    rank: Rank
    due: float | None = None
    until: float | None = None
    heeds_calendar: bool = False
    tries: bool = False

    def left_s(self, *, clock: float, now: float) -> float | None:
        """How long it lasts still, in s; None where only a change from outside ends it.

        Args:
            clock: The monotonic time in s.
            now: The UNIX time in s.
        """
        if self.due is None:
            return None
        left = self.due - clock
        if self.heeds_calendar and self.until is not None:
            left = min(left, self.until - now)
        return max(0.0, left)

    def says_the_same(self, other: Pause | None) -> bool:
        """Whether a person would learn nothing new from the other."""
        if other is None or (self.kind, self.reason) != (other.kind, other.reason):
            return False
        if self.until is None or other.until is None:
            return self.until is other.until
        return abs(self.until - other.until) < 1.0


class Ladder:
    """Pauses that double from one failure to the next.

    Args:
        first_s: The first, in s.
        longest_s: The longest, in s.
    """

    def __init__(self, first_s: float, longest_s: float) -> None:
        """Nothing has failed yet."""
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s

    def climb(self) -> float:
        """The pause after one more failure, in s."""
        pause, self._next_s = self._next_s, min(self._next_s * 2, self._longest_s)
        return pause

    def reset(self) -> None:
        """Begin from below: it has worked."""
        self._next_s = self._first_s
