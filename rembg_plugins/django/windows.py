"""How much may be had in an hour, in a day, or by one visitor: counted in the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import router
from django.db.models import F
from django.utils import timezone

from rembg_plugins.core.errors import SpendingError
from rembg_plugins.django.autonomous import autonomous
from rembg_plugins.django.models import Call, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.models import QuerySet

    from rembg_plugins.django.setting_values import Budget

_NAME_LENGTH = 255
_SWEPT_AFTER = timedelta(days=1)  # past its end: until then a credit may still be given back


def utc_now() -> datetime:
    """The time, in UTC whatever the site's settings say."""
    return datetime.now(UTC)


def alias() -> str:
    """The database of the ledger; all of it is in one."""
    return router.db_for_write(Call)


def reserve(name: str, most: int, *, ends: datetime, now: Callable[[], datetime] = utc_now) -> None:
    """Count one more in a window, unless that would be more than ``most``.

    What is counted stays so, whatever becomes of the transaction around it; see
    :func:`~rembg_plugins.django.autonomous.autonomous`.

    Args:
        name: Of the window, at most 255 characters; begin it with what it is for.
        most: How many there may be.
        ends: When it ends, UTC where it has no time zone; a day later it is forgotten.
        now: Gives the time.

    Raises:
        SpendingError: It would be more.
        DatabaseError: It cannot be counted.
    """
    if len(name) > _NAME_LENGTH:
        message = f"The name of a window has at most {_NAME_LENGTH} characters, got: {len(name)}"
        raise ValueError(message)
    moment = now()

    autonomous(Call, lambda: count(name, most, ends=ends, now=moment))


def count(name: str, most: int | None, *, ends: datetime, now: datetime) -> None:
    """As :func:`reserve`, within the transaction that is under way; None for no bound.

    It compares and raises in one statement, so that no bound is passed by calls at once, and it
    writes first: a transaction of SQLite that has read before it writes is refused at once where
    another one wrote meanwhile, and does not wait for it.

    Raises:
        SpendingError: It would be more.
        DatabaseError: It cannot be counted.
    """
    window = _windows().filter(name=name)
    room = window if most is None else window.filter(reserved__lt=most)
    if room.update(reserved=F("reserved") + 1):
        return
    _, is_new = _windows().get_or_create(name=name, defaults={"ends": stored(ends)})
    if is_new:
        _ended(now).exclude(name=name).delete()
    if not room.update(reserved=F("reserved") + 1):
        message = (
            f"The budget of {most} for '{name}' is used up until "
            f"{_aware(ends).astimezone(UTC):%Y-%m-%d %H:%M} UTC. Nothing was sent."
        )
        raise SpendingError(message)


def uncount(name: str) -> None:
    """Give back one that was counted.

    Raises:
        DatabaseError: It cannot be.
    """
    _windows().filter(name=name, reserved__gt=0).update(reserved=F("reserved") - 1)


def of_budget(moment: datetime, budget: Budget) -> Iterator[tuple[str, int | None, datetime]]:
    """Name, bound and end of the hour and the day, in the order in which all lock them.

    Both are counted in where there is no bound as well: a bound that is set later in the hour
    then holds for all of it, and what is given back was always counted.
    """
    hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    yield f"hour {hour_of(hour)}", budget.hour, hour + timedelta(hours=1)
    yield f"day {hour_of(hour)[:10]}", budget.day, day + timedelta(days=1)


def hour_of(moment: datetime) -> str:
    """The hour by the clock, UTC: ``2026-11-28T09``; a day is its first ten characters."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H}"


def left(budget: Budget, *, now: Callable[[], datetime] = utc_now) -> dict[str, int | None]:
    """The credits that may still be spent: by ``"hour"`` and ``"day"``; None for no bound.

    Raises:
        DatabaseError: They cannot be read.
    """
    found: dict[str, int | None] = {}
    for name, most, _ in of_budget(now(), budget):
        reserved = _windows().filter(name=name).values_list("reserved", flat=True).first()
        kind = name.partition(" ")[0]
        found[kind] = None if most is None else max(0, most - (reserved or 0))
    return found


def sweep(*, now: Callable[[], datetime] = utc_now) -> int:
    """Forget the windows that ended more than a day ago; how many those were.

    Raises:
        DatabaseError: They cannot be deleted.
    """
    return _ended(now()).delete()[0]


def stored(moment: datetime) -> datetime:
    """The moment as the database takes it: naive where the site has no time zones."""
    moment = _aware(moment)
    return moment if settings.USE_TZ else timezone.make_naive(moment)


def moment_of(began: datetime, hour: str) -> datetime:
    """When a call began, by what is stored of it.

    Where the site has no time zones, an hour of each year comes twice by the clock on the wall:
    the hour in UTC tells which of the two it was.

    Args:
        began: As it is stored.
        hour: As :func:`hour_of` gave it.
    """
    if timezone.is_aware(began):
        return began
    first, second = (timezone.make_aware(began.replace(fold=fold)) for fold in (0, 1))
    return second if hour_of(second) == hour else first


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if timezone.is_naive(moment) else moment


def _windows() -> QuerySet[Window]:
    return Window.objects.using(alias())


def _ended(moment: datetime) -> QuerySet[Window]:
    """Windows that nothing is given back to any more."""
    return _windows().filter(ends__lt=stored(moment - _SWEPT_AFTER))
