"""Billing periods and calendar months, in Unix seconds."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_MONTHS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A span of time.

    Attributes:
        start: Its first second.
        end: Its last second, the one before the next period.
    """

    start: int
    end: int

    def __contains__(self, moment: float) -> bool:
        return self.start <= moment < self.end + 1


def calendar_month(year: int, month: int) -> Period:
    """A calendar month in UTC."""
    start = datetime(year, month, 1, tzinfo=UTC)
    days = timedelta(days=monthrange(year, month)[1])
    return Period(start=_seconds(start), end=_seconds(start) + int(days.total_seconds()) - 1)


def month_of(moment: float) -> Period:
    """The calendar month in UTC that a moment lies in."""
    date = datetime.fromtimestamp(moment, UTC)
    return calendar_month(date.year, date.month)


def periods(subscribed: int, until: float) -> list[Period]:
    """The billing periods from the subscription to the one that ``until`` lies in; newest first.

    A period begins at the subscription's day and time of each month, or on the last day of a
    month that is too short.
    """
    found: list[Period] = []
    while not found or found[0].end + 1 <= until:
        start = _renewal(subscribed, len(found))
        found.insert(0, Period(start=start, end=_renewal(subscribed, len(found) + 1) - 1))
    return found


def _renewal(subscribed: int, number: int) -> int:
    first = datetime.fromtimestamp(subscribed, UTC)
    months = first.year * _MONTHS + first.month - 1 + number
    year, month = months // _MONTHS, months % _MONTHS + 1
    day = min(first.day, monthrange(year, month)[1])
    return _seconds(first.replace(year=year, month=month, day=day))


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
