"""What was spent, and what may still be: the ledger summed up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, Min, Q, QuerySet, Sum
from django.db.models.functions import Substr

from rembg_plugins.django import ledger, windows
from rembg_plugins.django.models import Call

if TYPE_CHECKING:
    from collections.abc import Callable

    from rembg_plugins.django.setting_values import Budget

_DAY, _MONTH = len("2026-11-28"), len("2026-11")  # of the hour's text


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Some calls, summed up.

    Attributes:
        name: Of what: a day, an engine, ...
        credits: That were spent, or may have been.
        calls: How many.
        failed: Calls of them that gave no cut-out, surely.
        in_doubt: Calls of them of which nobody knows whether they were paid for.
    """

    name: str
    credits: int
    calls: int
    failed: int
    in_doubt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What was spent.

    Attributes:
        moment: When this was found out, UTC.
        hour: In this hour by the clock, UTC.
        day: In this day.
        month: In this month.
        engines: In this month, by engine.
        days: In the last days, newest first; days without a call are left out.
        under_way: Calls that began and did not end: of now, or of processes that were killed.
        oldest_under_way: When the first of those began.
        left: Credits of the budget by ``"hour"`` and ``"day"``; None for no bound.
    """

    moment: datetime
    hour: Sums
    day: Sums
    month: Sums
    engines: tuple[Sums, ...]
    days: tuple[Sums, ...]
    under_way: Sums
    oldest_under_way: datetime | None
    left: dict[str, int | None]


def usage(budget: Budget, *, days: int = 7, now: Callable[[], datetime] = windows.utc_now) -> Usage:
    """What was spent until now.

    Args:
        budget: The bounds that hold.
        days: Of how many days each is told, today included.
        now: Gives the time.
    """
    moment = now()
    hour = windows.hour_of(moment)
    calls = ledger.calls()
    first = windows.hour_of(moment - timedelta(days=days - 1))[:_DAY]
    this_month = calls.filter(hour__startswith=hour[:_MONTH])
    under_way = calls.filter(outcome=Call.Outcome.UNDER_WAY)
    return Usage(
        moment=moment,
        hour=_summed(hour, calls.filter(hour=hour)),
        day=_summed(hour[:_DAY], calls.filter(hour__startswith=hour[:_DAY])),
        month=_summed(hour[:_MONTH], this_month),
        engines=_grouped("engine", this_month),
        days=by_day(calls.filter(hour__gte=first)),
        under_way=_summed("under way", under_way),
        oldest_under_way=under_way.aggregate(first=Min("began"))["first"],
        left=windows.left(budget, now=now),
    )


def by_day(calls: QuerySet[Call]) -> tuple[Sums, ...]:
    """The calls of each day, UTC; newest first."""
    return _grouped("day", calls.annotate(day=Substr("hour", 1, _DAY)))[::-1]


def _summed(name: str, calls: QuerySet[Call]) -> Sums:
    found = calls.order_by().aggregate(**_FIGURES)
    return _sums(name, found)


def _grouped(column: str, calls: QuerySet[Call]) -> tuple[Sums, ...]:
    rows = calls.order_by(column).values(column).annotate(**_FIGURES)
    return tuple(_sums(row[column], row) for row in rows)


_FIGURES = {
    "spent": Sum("credits", default=0),
    "begun": Count("pk"),
    "without": Count("pk", filter=Q(outcome=Call.Outcome.FAILED)),
    "unknown": Count("pk", filter=Q(outcome=Call.Outcome.IN_DOUBT)),
}


def _sums(name: str, found: dict[str, int]) -> Sums:
    return Sums(
        name=name,
        credits=found["spent"],
        calls=found["begun"],
        failed=found["without"],
        in_doubt=found["unknown"],
    )
