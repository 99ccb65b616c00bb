"""Who fills a form in, and how many pictures one of them may have cut out."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

from django.db import Error as DatabaseError
from django.utils.crypto import salted_hmac

from rembg_plugins.core.errors import ConfigurationError, SpendingError
from rembg_plugins.django import windows
from rembg_plugins.django.autonomous import autonomous
from rembg_plugins.django.models import Window
from rembg_plugins.django.setting_values import Budget, SettingError, budget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from django.http import HttpRequest

_log = logging.getLogger(__name__)

_SALT = "rembg_plugins.django.visitors"
_DIGITS = 32
_IPV6_PREFIX = 64  # bits: whoever has one address there has all of them


class VisitorError(SpendingError):
    """The pictures of a visitor cannot be counted, so none is taken."""


class VisitorLimitError(VisitorError):
    """A visitor has sent as many pictures as one may in an hour or a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Whoever fills a form in.

    Attributes:
        who: What the ledger says.
        identity: What makes them the same visitor the next time.
    """

    who: str
    identity: str

    @property
    def digest(self) -> str:
        """Stands for them where they are counted; without the site's secret, it names nobody."""
        return salted_hmac(_SALT, self.identity, algorithm="sha256").hexdigest()[:_DIGITS]


def visitor_of(request: HttpRequest, address_of: Callable[[HttpRequest], str]) -> Visitor:
    """The user who is logged in, or else the address.

    Args:
        request: The request with the form's data.
        address_of: Gives the address of whoever sent it.

    Raises:
        ConfigurationError: There is no address, as behind a proxy that speaks over a socket.
    """
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        return Visitor(who=user.get_username(), identity=f"user {user.pk}")
    text = address_of(request)
    try:
        address = ip_address(text)
    except ValueError as problem:
        message = (
            f"{text!r} is no address of a visitor, so nothing can be counted for one. Behind a "
            "proxy, let the form's get_address() say where the address stands."
        )
        raise ConfigurationError(message) from problem
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    place = str(address)
    if isinstance(address, IPv6Address):
        place = str(IPv6Network((int(address), _IPV6_PREFIX), strict=False))
    return Visitor(who=f"form:{address}", identity=f"address {place}")


def bound_of(value: object) -> Budget:
    """The bound that a field declares, as in ``{"hour": 5, "day": 20}``.

    Raises:
        ConfigurationError: It is none.
    """
    try:
        bound = budget(value)
    except SettingError as problem:
        message = f"per_visitor of a CutoutImageField: {problem}."
        raise ConfigurationError(message) from problem
    if bound.hour is None and bound.day is None:
        message = (
            "A CutoutImageField needs a bound, or one visitor could spend all credits: "
            "per_visitor={'hour': 5, 'day': 20}, or one of the two."
        )
        raise ConfigurationError(message)
    return bound


def reserve(visitor: Visitor, bound: Budget, *, now: datetime | None = None) -> Callable[[], None]:
    """Count one picture of a visitor's.

    Args:
        visitor: Whoever sent it.
        bound: How many there may be.
        now: The time, aware.

    Returns:
        A function that gives it back, where nothing came of it.

    Raises:
        VisitorLimitError: There were as many as there may be.
        VisitorError: It cannot be counted.
    """
    counted: list[str] = []

    def give_back() -> None:
        _give_back(counted)

    try:
        for name, most, ends in _windows(visitor, bound, now or windows.utc_now()):
            windows.reserve(name, most, ends=ends)
            counted.append(name)
    except SpendingError as error:
        give_back()
        raise VisitorLimitError(str(error)) from error
    except DatabaseError as problem:
        message = f"Visitors cannot be counted, so nothing was sent: {problem}"
        raise VisitorError(message) from problem
    return give_back


def _windows(visitor: Visitor, bound: Budget, now: datetime) -> Iterator[tuple[str, int, datetime]]:
    """Name, bound and end of the hour and the day, where each has a bound."""
    for name, most, ends in windows.of_budget(now, bound):
        if most is not None:
            yield f"visitor {visitor.digest} {name}", most, ends


def _give_back(names: list[str]) -> None:
    def write() -> None:
        for name in names:
            windows.uncount(name)

    try:
        if names:
            autonomous(Window, write)
    except DatabaseError as problem:  # what went wrong before is what the visitor is told
        _log.warning("A visitor's picture stays counted: %s", problem)
