"""The ledger: each call is written down before anything is sent, and within the budget."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from rembg_plugins.core.errors import SpendingError
from rembg_plugins.django.autonomous import autonomous
from rembg_plugins.django.models import Call, Window
from rembg_plugins.django.setting_values import Budget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rembg_plugins.django.purpose import Purpose


ATTEMPTS = 2
"""Calls for one cut-out that may have been paid for and gave none, ever, until a person says."""


def begin(*, key: str, engine: str, is_paid: bool, purpose: Purpose, budget: Budget) -> int:
    """Write down that a call begins, and reserve its credit.

    Returns:
        The number of the row, for :func:`end`.

    Raises:
        SpendingError: The budget is used up, or so are the attempts for this cut-out.
        DatabaseError: It cannot be written down.
    """
    now = timezone.now()

    def write() -> int:
        with transaction.atomic():
            if is_paid:
                _check_attempts(key)
                for name, most, ends in _windows(budget, now):
                    reserve(name, most, ends=ends)
            return Call.objects.create(
                began=now,
                key=key,
                picture=purpose.picture[:255],
                who=purpose.who[:255],
                engine=engine[:100],
                credits=int(is_paid),
            ).pk

    return autonomous(Call, write)


def end(
    number: int, *, outcome: Call.Outcome, error: str, billed: bool | None, seconds: float
) -> None:
    """Write down what became of a call; a credit that was surely not spent is given back.

    Args:
        number: The row.
        outcome: What became of it.
        error: The class and text of what went wrong, or nothing.
        billed: Whether it cost a credit; None where nobody can know, which counts as one.
        seconds: How long it took.

    Raises:
        DatabaseError: It cannot be written down.
    """

    def write() -> None:
        with transaction.atomic():
            call = Call.objects.get(pk=number)
            if billed is False and call.credits:
                _give_back(call)
            call.credits = 0 if billed is False else call.credits
            call.outcome, call.error, call.seconds = outcome, error[:255], seconds
            call.save(update_fields=["credits", "outcome", "error", "seconds"])

    autonomous(Call, write)


def lose(key: str) -> None:
    """Write down that a cut-out was paid for, but could not be kept: its call gave none.

    Raises:
        DatabaseError: It cannot be written down.
    """

    def write() -> None:
        made = Call.objects.filter(key=key, outcome=Call.Outcome.DONE).first()
        if made is not None:
            made.outcome, made.error = Call.Outcome.IN_DOUBT, "The cut-out could not be kept."
            made.save(update_fields=["outcome", "error"])

    autonomous(Call, write)


def reserve(name: str, most: int, *, ends: datetime) -> None:
    """Count one more in a window, unless that would be more than ``most``.

    Raises:
        SpendingError: It would.
    """
    Window.objects.get_or_create(name=name, defaults={"ends": ends})
    counted = Window.objects.filter(name=name, reserved__lt=most).update(reserved=F("reserved") + 1)
    if not counted:
        message = (
            f"The budget of {most} for '{name}' is used up until {ends:%Y-%m-%d %H:%M} UTC. "
            "Nothing was sent."
        )
        raise SpendingError(message)


def _check_attempts(key: str) -> None:
    spent = Call.objects.filter(key=key, forgiven=False, credits__gt=0)
    if spent.exclude(outcome=Call.Outcome.DONE).count() >= ATTEMPTS:
        message = (
            f"{ATTEMPTS} calls for this picture may have been paid for and gave no cut-out. "
            "Look at them in the ledger; `manage.py rembg_refresh --force` allows more."
        )
        raise SpendingError(message)


def _windows(budget: Budget, now: datetime) -> Iterator[tuple[str, int, datetime]]:
    """Name, bound and end of the hour and the day, in UTC, where each has a bound."""
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if budget.hour is not None:
        yield f"hour {hour:%Y-%m-%dT%H}", budget.hour, hour + timedelta(hours=1)
    if budget.day is not None:
        day = hour.replace(hour=0)
        yield f"day {day:%Y-%m-%d}", budget.day, day + timedelta(days=1)


def _give_back(call: Call) -> None:
    unbounded = Budget(hour=0, day=0)  # for the names alone: which bounds there were then is past
    names = [name for name, _, _ in _windows(unbounded, call.began)]
    Window.objects.filter(name__in=names, reserved__gt=0).update(reserved=F("reserved") - 1)
