"""The ledger: each call is written down before anything is sent, and within the budget."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rembg_plugins.core.errors import CutoutPendingError, SpendingError
from rembg_plugins.django import windows
from rembg_plugins.django.autonomous import autonomous
from rembg_plugins.django.models import Call
from rembg_plugins.django.setting_values import Budget
from rembg_plugins.django.windows import alias, hour_of, reserve, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet

    from rembg_plugins.django.purpose import Purpose

__all__ = [
    "ATTEMPTS",
    "LOST",
    "begin",
    "calls",
    "end",
    "forgive",
    "lose",
    "reserve",
    "unsuccessful",
]

ATTEMPTS = 2
"""Calls for one cut-out that may have been paid for and gave none, ever, until a person says."""

LOST = 3
"""Cut-outs of one picture that are paid for in a day, though the store lost those before."""

_LENGTH = 255  # characters of what is kept of any text


def begin(
    *,
    key: str,
    engine: str,
    is_paid: bool,
    purpose: Purpose,
    budget: Budget,
    longest: timedelta = timedelta(),
    now: Callable[[], datetime] = utc_now,
) -> int:
    """Write down that a call begins, and reserve its credit.

    Args:
        key: Of the cut-out.
        engine: Its name and version.
        is_paid: Whether the call may cost a credit.
        purpose: For whom, and of what.
        budget: The bounds that hold now.
        longest: How long a call takes at most: one for the same cut-out that began no longer ago,
            and has not ended, may still give it. Nothing: that is not looked at.
        now: Gives the time.

    Returns:
        The number of the row, for :func:`end`.

    Raises:
        CutoutPendingError: Another call for this cut-out is under way, for all that is known.
        SpendingError: The budget is used up, or so are the attempts for this cut-out.
        DatabaseError: It cannot be written down.
    """
    moment = now()

    def write() -> int:
        # Written before anything is read: see windows.count().
        call = calls().create(
            began=windows.stored(moment),
            hour=hour_of(moment),
            key=key,
            picture=_kept(purpose.picture),
            who=_kept(purpose.who),
            engine=_kept(engine),
            credits=int(is_paid),
        )
        if is_paid:
            for name, most, ends in windows.of_budget(moment, budget):
                windows.count(name, most, ends=ends, now=moment)
            # After the windows: their rows stay locked until all is written, so no two calls
            # look at the attempts at once, even where the lock of the key was lost.
            _check_alone(call, moment, longest)
            _check_attempts(call, moment)
        return call.pk

    return autonomous(Call, write)


def end(
    number: int, *, outcome: Call.Outcome, error: str, billed: bool | None, seconds: float
) -> None:
    """Write down what became of a call, once; a credit that was surely not spent is given back.

    Args:
        number: The row.
        outcome: What became of it.
        error: The class and text of what went wrong, or nothing.
        billed: Whether it cost a credit; None where nobody can know, which counts as one.
        seconds: How long it took.

    Raises:
        LookupError: There is no such row under way: it was ended before, or is gone.
        DatabaseError: It cannot be written down.
    """

    def write() -> None:
        call = calls().filter(pk=number)
        under_way = call.filter(outcome=Call.Outcome.UNDER_WAY)
        if not under_way.update(outcome=outcome, error=_kept(error), seconds=seconds):
            message = f"There is no call {number} under way in the ledger."
            raise LookupError(message)
        if billed is False and call.filter(credits__gt=0).update(credits=0):
            _give_back(call)
        elif billed and call.filter(credits=0).update(credits=1):
            _count_unasked(call)

    autonomous(Call, write)


def lose(key: str) -> None:
    """Write down that the latest cut-out of a picture could not be kept: its call gave none.

    Raises:
        DatabaseError: It cannot be written down.
    """

    def write() -> None:
        made = calls().filter(key=key, outcome=Call.Outcome.DONE).order_by("-pk")[:1]
        for number in made.values_list("pk", flat=True):
            calls().filter(pk=number).update(
                outcome=Call.Outcome.IN_DOUBT, error="The cut-out could not be kept."
            )

    autonomous(Call, write)


def forgive(key: str, *, failed: bool = False) -> int:
    """Let a cut-out be made anew, however often the store has lost it.

    Args:
        key: Of the cut-out.
        failed: Forgive the calls as well that may have been paid for and gave none.

    Returns:
        How many calls counted against it until now.

    Raises:
        DatabaseError: It cannot be written down.
    """
    counted = _counted(key)
    if not failed:
        counted = counted.filter(outcome=Call.Outcome.DONE)
    return counted.update(forgiven=True)


def unsuccessful(key: str) -> QuerySet[Call]:
    """The calls that may have been paid for, gave no cut-out, and were not forgiven."""
    return _counted(key).exclude(outcome=Call.Outcome.DONE)


def calls() -> QuerySet[Call]:
    """The calls, read where they are written: a replica may not know the latest."""
    return Call.objects.using(alias())


def _counted(key: str) -> QuerySet[Call]:
    return calls().filter(key=key, forgiven=False, credits__gt=0)


def _check_alone(call: Call, moment: datetime, longest: timedelta) -> None:
    """Refuse a second call beside one: the lock of a key may vanish while its holder works.

    A cache can be cleared, lock files of two machines know nothing of each other; the ledger is
    what all of them share. What began too far ahead was written by a clock that was wrong.
    """
    others = unsuccessful(call.key).exclude(pk=call.pk).filter(outcome=Call.Outcome.UNDER_WAY)
    for began, hour in others.values_list("began", "hour"):
        if abs(moment - windows.moment_of(began, hour)) < longest:
            message = (
                "Another call for this picture has begun and not ended: its cut-out may still "
                "come. Nothing was sent. If its process was killed, try again in "
                f"{longest.total_seconds():g} s."
            )
            raise CutoutPendingError(message)


def _check_attempts(call: Call, moment: datetime) -> None:
    if unsuccessful(call.key).exclude(pk=call.pk).count() >= ATTEMPTS:
        message = (
            f"{ATTEMPTS} calls for this picture may have been paid for and gave no cut-out. "
            "Look at them in the ledger; `manage.py rembg_refresh --force` allows more."
        )
        raise SpendingError(message)
    day = hour_of(moment - timedelta(days=1))
    done = _counted(call.key).filter(outcome=Call.Outcome.DONE, hour__gt=day)
    if done.count() >= LOST:
        message = (
            f"{LOST} cut-outs of this picture were paid for within a day, and the store has none "
            "of them: see whether it keeps what is written to it. "
            "`manage.py rembg_refresh` allows more."
        )
        raise SpendingError(message)


def _give_back(call: QuerySet[Call]) -> None:
    for name, _, _ in windows.of_budget(_moment_of(call), Budget()):
        windows.uncount(name)


def _count_unasked(call: QuerySet[Call]) -> None:
    """An engine that said it was free took a credit: no bound can be held against it any more."""
    moment = _moment_of(call)
    for name, most, ends in windows.of_budget(moment, Budget()):
        windows.count(name, most, ends=ends, now=moment)


def _moment_of(call: QuerySet[Call]) -> datetime:
    """The beginning of the hour in which it began; its windows are named so."""
    return datetime.fromisoformat(f"{call.values_list('hour', flat=True)[0]}:00+00:00")


def _kept(text: str) -> str:
    """The text as every database keeps it: no NUL, no half characters, not too long."""
    return text.replace("\0", "").encode(errors="replace").decode()[:_LENGTH]
