"""How many credits may be spent, and in which stretch of time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, Self

from rembg_plugins.core.errors import ConfigurationError, PaymentRequiredError
from rembg_plugins.core.outcomes import outcome
from rembg_plugins.watch.pauses import Pause, Rank

Period = Literal["run", "day", "month"]

MOST_CREDITS = 999_999_999

_FORM = re.compile(r"([0-9]{1,9})(?:\s*/\s*(day|month))?", re.IGNORECASE)
_LONGEST_MONTH = timedelta(days=31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """So many credits a run, a UTC day or a UTC month, and no more.

    Its ``str`` is what :meth:`parse` reads.

    Attributes:
        limit: Credits, 0 to 999999999; calls of which nobody can know count as paid.
        period: What they are for.
    """

    limit: int
    period: Period = "run"

    def __str__(self) -> str:
        return str(self.limit) if self.period == "run" else f"{self.limit}/{self.period}"

    @classmethod
    def parse(cls, text: str, *, name: str = "--budget") -> Self:
        """The budget that ``500``, ``500/day`` or ``500/month`` stands for.

        Args:
            text: What was given.
            name: How it is called in an error.

        Raises:
            ConfigurationError: It is none of these; with the name, the value and what to give.
        """
        found = _FORM.fullmatch(text.strip())
        if found is None:
            message = (
                f"{name} is {text!r}: give N, N/day or N/month, where N is a whole number of "
                f"credits from 0 to {MOST_CREDITS}, as in 500/day."
            )
            raise ConfigurationError(message)
        period: Period = "run"
        if found[2] is not None:
            period = "day" if found[2].lower() == "day" else "month"
        return cls(limit=int(found[1]), period=period)

    def window(self, now: float) -> str | None:
        """How all days begin that count: ``2026-03-31``, ``2026-03``, or None for this run.

        Args:
            now: UNIX time in s.
        """
        if self.period == "run":
            return None
        today = datetime.fromtimestamp(now, UTC).date().isoformat()
        return today if self.period == "day" else today[: len("2026-03")]

    def until(self, now: float) -> float | None:
        """When it begins anew, in UNIX s: the next UTC day or month; None for a run, never.

        Args:
            now: UNIX time in s.
        """
        if self.period == "run":
            return None
        if self.period == "day":
            return next_midnight(now)
        return (_midnight(now).replace(day=1) + _LONGEST_MONTH).replace(day=1).timestamp()


def pause_until(until: float | None, *, clock: float, now: float) -> Pause:
    """The pause of a budget that is used up.

    Args:
        until: When it begins anew, in UNIX s; None: not in this run.
        clock: The monotonic time in s.
        now: UNIX time in s.
    """
    return Pause(
        kind="closed" if until is None else "paused",
        reason="The budget is used up.",
        remedy="Start again with another --budget."
        if until is None
        else "Wait until it begins anew, or start again with another --budget.",
        exit_code=outcome(PaymentRequiredError).exit_code,
        rank=Rank.LIMIT,
        due=None if until is None else clock + until - now,
        until=until,
        heeds_calendar=True,
    )


def next_midnight(now: float) -> float:
    """When the next UTC day begins, in UNIX s.

    Args:
        now: UNIX time in s.
    """
    return (_midnight(now) + timedelta(days=1)).timestamp()


def _midnight(now: float) -> datetime:
    """The beginning of the UTC day."""
    today = datetime.fromtimestamp(now, UTC)
    return today.replace(hour=0, minute=0, second=0, microsecond=0)
