"""What the ends of calls mean for the calls to come: the API's side of the gate.

What a class of errors means is read from :mod:`rembg_plugins.core.outcomes`, what a failed call
may have cost from :mod:`rembg_plugins.core.retry`; here stands only how long nothing is sent.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rembg_plugins.core.errors import (
    APIResponseError,
    APIStatusError,
    DailyQuotaError,
    QuotaExceededError,
    RateLimitError,
)
from rembg_plugins.core.outcomes import outcome
from rembg_plugins.core.retry import LONGEST_RETRY_AFTER_S, repeat_of
from rembg_plugins.watch.budget import next_midnight
from rembg_plugins.watch.pauses import Ladder, Pause, Rank
from rembg_plugins.watch.remembering import NOT_BELIEVED_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from rembg_plugins.core.errors import RembgError

DOUBTS = 3
"""Failures in a row that were or may have been billed, after which the API is taken to be down."""

JITTER_S = 300.0
"""How long after a UTC midnight the daily limit is tried at the latest, in s."""

_AFTERWARDS = "After that, `rembg-plugins ledger retry INBOX` lets it go on at once."
_MONTHLY_S = 6 * 3600.0
_HOUR_S = 3600.0
_DAY_S = 86_400.0


class Breaker:
    """Decides by the ends of calls whether more may begin, and how many; not thread-safe.

    A call belongs to the epoch in which it began; each pause begins a new one. So a storm of
    failures of calls that were under way together is one failure.

    Args:
        jobs: Calls that may be under way at once.
        pause: What a former run left.
        clock: Gives the monotonic time in s.
        now: Gives the UNIX time in s.
        jitter: Gives a number from 0 to 1.

    Attributes:
        pause: Why no call may begin, or only one.
        lasting: The limit, or whatever closed the gate, that has to survive a restart.
        width: How many calls may be under way.
        epoch: Of a call that begins now.
    """

    def __init__(
        self,
        jobs: int,
        pause: Pause | None,
        *,
        clock: Callable[[], float],
        now: Callable[[], float],
        jitter: Callable[[], float],
    ) -> None:
        """Begin where the former run ended."""
        self.pause = self.lasting = pause
        self.width = jobs
        self.epoch = 0
        self._jobs = jobs
        self._clock = clock
        self._now = now
        self._jitter = jitter
        self._holds = Ladder(1.0, 60.0)
        self._outages = Ladder(1.0, 60.0)
        self._doubtful = Ladder(30.0, _HOUR_S)
        self._limits = Ladder(1.0, _HOUR_S)
        self._doubts = 0

    def expire(self) -> None:
        """End a pause that needs nothing but time."""
        pause = self.pause
        if pause is None or pause.tries:
            return
        if pause.left_s(clock=self._clock(), now=self._now()) == 0:
            self.pause = None

    def succeeded(self, epoch: int) -> None:
        """A call of that epoch gave a picture."""
        if epoch != self.epoch:
            return
        self._reset()
        if self.pause is None:
            self.width = min(self._jobs, self.width + 1)
        else:
            self._open()

    def failed(self, error: RembgError, epoch: int) -> None:
        """A call of that epoch failed."""
        is_fresh = epoch == self.epoch
        rank = rank_of(error)
        is_strange = isinstance(error, APIResponseError) or type(error) is APIStatusError
        if rank is None and is_strange:
            # No picture, or a status that is none of the API's: perhaps another server answers,
            # and would so for all of them.
            self._doubts += 1
            rank = Rank.OUTAGE if self._doubts >= DOUBTS else None
        if rank is None:
            if is_fresh and self.pause is not None:
                self._hear_answer(error, self.pause)
            return
        if self.pause is not None and not is_fresh and rank <= self.pause.rank:
            self._extend(error, self.pause)
            return
        seconds = self._length_s(error, rank, is_fresh=is_fresh)
        if seconds is None:
            return
        if rank is Rank.HOLD and is_fresh:
            self.width = max(1, self.width // 2)
        self._begin(error, rank, seconds, is_fresh=is_fresh)

    def reopen(self) -> None:
        """Let one call try at once, whatever it was; a 429 that passes by itself is waited for."""
        if self.pause is None or not (self.pause.tries or self.pause.kind == "closed"):
            return
        self._reset()
        self.epoch += 1
        self.pause = replace(
            self.pause, kind="paused", due=self._clock(), until=self._now(), tries=True
        )

    def _reset(self) -> None:
        for ladder in (self._holds, self._outages, self._doubtful, self._limits):
            ladder.reset()
        self._doubts = 0

    def _open(self) -> None:
        """Go on carefully: with one call, and one more for each that succeeds."""
        self.pause = None
        self.lasting = None
        self.width = 1

    def _hear_answer(self, error: RembgError, pause: Pause) -> None:
        """A picture was refused by an API that was down: it is down no longer."""
        if pause.rank is Rank.OUTAGE and error.billed is False and error.status is not None:
            self._reset()
            self._open()

    def _extend(self, error: RembgError, pause: Pause) -> None:
        """Wait as long as a late answer asks for, too."""
        asked = _asked_s(error)
        if asked is None or pause.due is None:
            return
        asked = min(asked, NOT_BELIEVED_S)
        later = self._clock() + asked
        if later > pause.due:
            self.pause = replace(pause, due=later, until=self._now() + asked)

    def _begin(self, error: RembgError, rank: Rank, seconds: float, *, is_fresh: bool) -> None:
        row, before, clock = outcome(error), self.pause, self._clock()
        due: float | None = clock + seconds
        until: float | None = self._now() + seconds
        if rank is Rank.CLOSED:
            due = until = None
        elif before is not None and not is_fresh and before.due is not None:
            longer = max(0.0, before.due - clock - seconds)  # what was asked for holds
            due, until = clock + seconds + longer, self._now() + seconds + longer
        self.pause = Pause(
            kind="closed" if rank is Rank.CLOSED else "paused",
            reason=str(error) or type(error).__name__,
            remedy=f"{row.remedy} {_AFTERWARDS}" if rank >= Rank.LIMIT else row.remedy,
            exit_code=row.exit_code,
            rank=rank if before is None else max(rank, before.rank),
            due=due,
            until=until,
            heeds_calendar=rank >= Rank.LIMIT,
            tries=rank > Rank.HOLD or (before is not None and before.tries),
        )
        self.epoch += 1
        if rank >= Rank.LIMIT:
            self.lasting = self.pause

    def _length_s(self, error: RembgError, rank: Rank, *, is_fresh: bool) -> float | None:
        """How long nothing is sent; None where the failure is no reason yet."""
        if rank is Rank.CLOSED:
            return 0.0
        asked = _asked_s(error)
        if rank is Rank.LIMIT:
            return self._limit_s(error, asked, is_fresh=is_fresh)
        if rank is Rank.OUTAGE:
            return self._outage_s(error, asked)
        return asked or self._holds.climb()

    def _outage_s(self, error: RembgError, asked: float | None) -> float | None:
        asked = min(asked, LONGEST_RETRY_AFTER_S) if asked else None
        if repeat_of(error) == "free":
            return max(self._outages.climb(), asked or 0.0)
        if rank_of(error) is not None:  # the others are counted already
            self._doubts += 1
        if self._doubts < DOUBTS:
            return asked
        return max(self._doubtful.climb(), asked or 0.0)

    def _limit_s(self, error: RembgError, asked: float | None, *, is_fresh: bool) -> float:
        if asked is not None:
            return min(max(asked, self._limits.climb()), NOT_BELIEVED_S)
        if not isinstance(error, DailyQuotaError):
            return _MONTHLY_S
        now = self._now()
        left = next_midnight(now) - now
        has_tried = is_fresh and self.pause is not None
        if has_tried and _DAY_S - left < 2 * _HOUR_S:
            # The clocks run apart, and the API's day may not have begun.
            return _HOUR_S
        return left + self._jitter() * JITTER_S


def rank_of(error: RembgError) -> Rank | None:
    """How much an error takes to send again; None where it concerns one picture alone."""
    action = outcome(error).watcher
    if action == "fail":
        return None
    if action == "retry":
        return Rank.OUTAGE
    if action == "stop" or not isinstance(error, RateLimitError):
        return Rank.CLOSED
    passes = not (error.final or isinstance(error, QuotaExceededError))
    asked = _asked_s(error) or 0.0
    return Rank.HOLD if passes and asked <= LONGEST_RETRY_AFTER_S else Rank.LIMIT


def _asked_s(error: RembgError) -> float | None:
    """What ``Retry-After`` asks for, in s; None where it does not."""
    asked = None if error.response is None else error.response.retry_after
    return asked if asked is not None and asked > 0 else None
