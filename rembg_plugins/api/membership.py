"""What an account has and has used, as the API tells it.

Source: API reference, "Membership usage". The names are the API's own, in this language's
spelling: ``periodStartUnix`` is ``period_start_unix``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from rembg_plugins.core.option_values import OptionProblem, parse_boolean
from rembg_plugins.core.usage_query import LATEST_UNIX

_NUMBER = re.compile(r"([+-]?[0-9]{1,18})(?:\.0*)?")
_MOST = 10**18  # what has more digits is no count of anything
_LATEST = LATEST_UNIX - 2 * 86_400  # s: so that a day later, in any time zone, is a date too
_SHOWN = 60  # characters of a bad value that a message repeats


class AnswerProblem(Exception):  # noqa: N818 - never leaves this package as an error of its own
    """Says what an answer lacks."""


class Extra(Mapping[str, object]):
    """Members of an answer that this version does not know, under the API's names; read only."""

    __slots__ = ("_members",)

    def __init__(self, members: Mapping[str, object] | tuple[()] = ()) -> None:
        """Keep a copy."""
        self._members = dict(members)

    def __getitem__(self, name: str) -> object:
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __repr__(self) -> str:
        return f"Extra({self._members!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingPeriod:
    """One billing period and what was used in it.

    Attributes:
        period_start_unix: Its first second, in Unix seconds.
        period_end_unix: Its last second, the one before the renewal; no date of cancellation.
        app_usage: Credits that were used in the vendor's own app.
        api_usage: Credits that were used through the API.
        extra: What else the API told.
    """

    period_start_unix: int
    period_end_unix: int
    app_usage: int
    api_usage: int
    extra: Mapping[str, object] = field(default_factory=Extra, hash=False)

    @property
    def period_start(self) -> datetime:
        """Its first second, in UTC."""
        return datetime.fromtimestamp(self.period_start_unix, UTC)

    @property
    def period_end(self) -> datetime:
        """Its last second, in UTC."""
        return datetime.fromtimestamp(self.period_end_unix, UTC)

    @property
    def renewal(self) -> datetime:
        """When the next one begins, in UTC."""
        return self.period_end + timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingCycle(BillingPeriod):
    """A billing period, and the credits of the account in it.

    Attributes:
        included_credits: The allowance of the plan for the period.
        prepaid_credits: Bought credits that are left; they are never reset.
        used_included_credits: Used of the allowance; the use of prepaid ones is not in it.
        remaining_included_credits: Left of the allowance; 0 where more than that was used.
        stripe_billing_synced: False where the renewal is not known and the period is the UTC
            calendar month; None where the API does not tell.
    """

    included_credits: int
    prepaid_credits: int
    used_included_credits: int
    remaining_included_credits: int
    stripe_billing_synced: bool | None = None

    @property
    def remaining(self) -> int:
        """The credits that are left before the renewal, prepaid ones included.

        Source: API reference, "Membership usage".
        """
        return self.remaining_included_credits + self.prepaid_credits


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What an account has, and has used.

    Attributes:
        membership: The label of the plan; empty where there is none.
        credits: The included allowance.
        prepaid_credits: Bought credits that are left.
        app_usage: Credits that were used in the vendor's own app, in the UTC calendar month or
            the billing period that was asked for.
        api_usage: Credits that were used through the API, likewise.
        billing_cycle: The billing period; None where it was not asked for.
        extra: What else the API told.
    """

    membership: str
    credits: int
    prepaid_credits: int
    app_usage: int
    api_usage: int
    billing_cycle: BillingCycle | None = None
    extra: Mapping[str, object] = field(default_factory=Extra, hash=False)

    @property
    def remaining(self) -> int | None:
        """The credits that are left before the renewal; None without the billing cycle."""
        return None if self.billing_cycle is None else self.billing_cycle.remaining


def read_usage(answer: object, *, billing_cycle: bool) -> Usage:
    """The usage that a JSON answer tells.

    Args:
        answer: What the JSON stands for.
        billing_cycle: Whether it was asked for, so that it must be there.

    Raises:
        AnswerProblem: Something that we need is not there.
    """
    members = _Members(answer)
    cycle = members.take("billingCycle")
    if cycle is None and billing_cycle:
        members.refuse("billingCycle")
    return Usage(
        membership=members.text("membership"),
        credits=members.count("credits"),
        prepaid_credits=members.count("prepaidCredits"),
        app_usage=members.count("app_usage"),
        api_usage=members.count("api_usage"),
        billing_cycle=None if cycle is None else _read_cycle(_Members(cycle, "billingCycle")),
        extra=members.rest(),
    )


def read_billing_cycles(answer: object) -> tuple[BillingPeriod, ...]:
    """The billing periods that a JSON answer lists, in its order: newest first.

    Raises:
        AnswerProblem: Something that we need is not there.
    """
    members = _Members(answer)
    listed = members.take("billingCycles")
    if not isinstance(listed, list):
        members.refuse("billingCycles", "a list", listed)
    return tuple(
        _read_period(_Members(item, f"billingCycles[{number}]"))
        for number, item in enumerate(listed)
    )


def _read_period(members: _Members) -> BillingPeriod:
    start, end = members.period()
    return BillingPeriod(
        period_start_unix=start,
        period_end_unix=end,
        app_usage=members.count("appUsage"),
        api_usage=members.count("apiUsage"),
        extra=members.rest(),
    )


def _read_cycle(members: _Members) -> BillingCycle:
    start, end = members.period()
    return BillingCycle(
        period_start_unix=start,
        period_end_unix=end,
        app_usage=members.count("appUsage"),
        api_usage=members.count("apiUsage"),
        included_credits=members.count("includedCredits"),
        prepaid_credits=members.count("prepaidCredits"),
        used_included_credits=members.count("usedIncludedCredits"),
        remaining_included_credits=members.left("remainingIncludedCredits"),
        stripe_billing_synced=members.flag("stripeBillingSynced"),
        extra=members.rest(),
    )


class _Members:
    """The members of a JSON object; each is taken out once, and what is left is extra.

    Args:
        value: The object.
        place: Where it stands in the answer; empty for the answer itself.
    """

    def __init__(self, value: object, place: str = "") -> None:
        """Raise for what is no object."""
        self._place = place
        if not isinstance(value, dict):
            what = f"no object in {place}: {_shown(value)}" if place else "no JSON object in it"
            raise AnswerProblem(what)
        self._left: dict[str, object] = dict(value)

    def take(self, name: str) -> object:
        return self._left.pop(name, None)

    def count(self, name: str) -> int:
        number = self.number(name)
        if number < 0:
            self.refuse(name, "0 or more", number)
        return number

    def left(self, name: str) -> int:
        """What is left of something, where less than nothing is nothing.

        Source: API reference, "Membership usage": max(0, included - used).
        """
        return max(0, self.number(name))

    def number(self, name: str) -> int:
        """A whole number; also one that came as a string, which the API may do."""
        value = self.take(name)
        number = _whole(value)
        if number is None:
            self.refuse(name, "a whole number", value)
        return number

    def period(self) -> tuple[int, int]:
        """The first and the last second of a period."""
        start, end = self.moment("periodStartUnix"), self.moment("periodEndUnix")
        if end < start:
            self.refuse("periodEndUnix", f"the end of a period that begins at {start}", end)
        return start, end

    def moment(self, name: str) -> int:
        """Unix seconds that every calendar can show."""
        value = self.take(name)
        number = _whole(value)
        if number is None or not 0 <= number <= _LATEST:
            self.refuse(name, "a time in Unix seconds", value)
        return number

    def text(self, name: str) -> str:
        value = self.take(name)
        return "" if value is None else str(value)

    def flag(self, name: str) -> bool | None:
        value = self.take(name)
        try:
            return None if value is None else parse_boolean(name, value)
        except OptionProblem:
            return None

    def rest(self) -> Extra:
        return Extra(self._left)

    def refuse(self, name: str, expected: str = "", value: object = None) -> NoReturn:
        """Raise for a member that is absent, or not what it should be."""
        path = f"{self._place}.{name}" if self._place else name
        absent = f"no {path} in it"
        raise AnswerProblem(
            absent if value is None else f"{path} is not {expected}: {_shown(value)}"
        )


def _whole(value: object) -> int | None:
    if isinstance(value, str):
        match = _NUMBER.fullmatch(value.strip())
        return int(match.group(1)) if match else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not abs(value) <= _MOST or value != int(value):  # so put for what is not a number
        return None
    return int(value)


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str | int | float) else f"<{type(value).__name__}>"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
