"""The account behind a key: what is left of its credits, and what they went for."""

from __future__ import annotations

import json
import math
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn, Self

from rembg_plugins.api.authentication import Authentication, scrub
from rembg_plugins.api.client import CONNECT_TIMEOUT_S, READ_TIMEOUT_S
from rembg_plugins.api.error_mapping import response_info
from rembg_plugins.api.membership import AnswerProblem, read_billing_cycles, read_usage
from rembg_plugins.api.question import Asker
from rembg_plugins.api.report import read_report
from rembg_plugins.api.route import checked_url, find_route
from rembg_plugins.core.errors import APIResponseError, ConfigurationError
from rembg_plugins.core.setting import SETTINGS
from rembg_plugins.core.usage_query import UsageQuery, parse_usage_query, query_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import requests

    from rembg_plugins.api.membership import BillingPeriod, Usage
    from rembg_plugins.core.configuration import Configuration

_KEY, _URL = SETTINGS["api_key"], SETTINGS["usage_url"]
_LONGEST = 2**20  # bytes of an answer; a list of twenty years has 30 kB


class Account:
    """Asks what is left of an account's credits; that costs nothing.

    Safe to use from several threads and after a fork: each question has a connection of its own.
    Not picklable: it holds the key, which its ``repr`` does not show.

    Args:
        api_key: The key of the account; a user token does not do here.
        usage_url: https, or http to this machine.
        connect_timeout_s: For making a connection, in s.
        read_timeout_s: For each wait for the other side, and for the answer in all, in s.
        clock: Gives the time in s, for the latter.
        now: Gives the date, for a date in ``Retry-After``.

    Raises:
        ConfigurationError: There is no key, or the key, the URL or the environment's
            certificates cannot be used.

    Source: API reference, "Membership usage".
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        usage_url: str = str(_URL.default),
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Find the way there; no connection is made yet."""
        if api_key is None:
            message = (
                f"The credits of an account are told to its API key alone: set {_KEY.variable}. "
                "A user token does not do here."
            )
            raise ConfigurationError(message)
        self._authentication = Authentication(api_key=api_key)
        try:
            checked_url(usage_url, example=_URL.default)
        except ConfigurationError as problem:
            message = f"{_URL.variable} cannot be used: {problem}"
            raise ConfigurationError(message) from problem
        self._route = find_route(usage_url)
        self._secrets = self._authentication.secrets + self._route.secrets
        self._now = now
        self._asker = Asker(
            route=self._route,
            secrets=self._secrets,
            timeouts=(connect_timeout_s, read_timeout_s),
            longest=_LONGEST,
            setting=_URL.variable,
            clock=clock,
            now=now,
        )

    @classmethod
    def configured(cls, configuration: Configuration) -> Self:
        """The account that the settings describe.

        Raises:
            ConfigurationError: As above.
        """
        return cls(
            configuration.api_key.value,
            usage_url=configuration.usage_url.value,
            connect_timeout_s=configuration.connect_timeout_s.value,
            read_timeout_s=configuration.read_timeout_s.value,
        )

    def __repr__(self) -> str:
        return f"Account({self._route!r}, {self._authentication!r})"

    def __reduce__(self) -> NoReturn:
        message = "an account is not picklable: it holds the key; make one in each process"
        raise TypeError(message)

    def usage(
        self,
        *,
        year: int | None = None,
        month: int | None = None,
        period_start: int | datetime | None = None,
        billing_cycle: bool = True,
    ) -> Usage:
        """Ask once what the account has and has used; nothing is repeated here.

        Args:
            year: Of a calendar month in UTC; the current one by default.
            month: 1 to 12; the current one by default.
            period_start: A billing period instead, by its start: Unix seconds, or a time with
                its zone.
            billing_cycle: Ask for the billing period too; without it nobody knows what is left.

        Raises:
            ValidationError: An argument is out of range, or there are a month and a period;
                nothing was sent.
            APIError: There is no answer, a refusal, or an answer that cannot be used.
        """
        query = parse_usage_query(
            {
                "year": year,
                "month": month,
                "periodStartUnix": _seconds(period_start),
                "includeBillingCycle": billing_cycle,
            }
        )
        with self._answer(query) as answer:
            return read_usage(answer, billing_cycle=query.billing_cycle)

    def billing_cycles(self) -> tuple[BillingPeriod, ...]:
        """Ask once for all billing periods, newest first.

        Raises:
            APIError: There is no answer, a refusal, or an answer that cannot be used.
        """
        with self._answer(UsageQuery(list_cycles=True)) as answer:
            return read_billing_cycles(answer)

    @contextmanager
    def _answer(self, query: UsageQuery) -> Iterator[object]:
        """Give what the API answers; what the block finds lacking in it becomes its error."""
        response, content = self._asker.ask(query_parameters(query), self._authentication.headers())
        try:
            yield _read_json(content, self._secrets)
        except AnswerProblem as problem:
            raise self._unusable(response, content, problem) from problem

    def _unusable(
        self, response: requests.Response, content: bytes, problem: AnswerProblem
    ) -> APIResponseError:
        """The error of an answer 2xx that tells no usage: a page that asks to sign in, say."""
        report = read_report(content, self._secrets)
        info = response_info(
            response.status_code,
            response.headers,
            report.text,
            secrets=self._secrets,
            now=self._now(),
        )
        said = f" ({report.sentence})" if report.sentence else ""
        message = (
            f"The API answered {info.status}, but not with the usage of an account: "
            f"{problem}{said}. Check {_URL.variable}."
        )
        return APIResponseError(message, response=info)


def _seconds(moment: object) -> object:
    """A time in Unix seconds; one without a zone is left to be refused."""
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        return int(moment.timestamp())
    return moment


def _read_json(content: bytes, secrets: tuple[str, ...]) -> object:
    """The value of a JSON text, without the key wherever it is repeated; None for no JSON.

    Not raised, since the parser's error holds the whole text.
    """
    try:
        value: object = json.loads(content, parse_constant=_refuse, parse_float=_finite)
        return _scrubbed(value, secrets)
    except (ValueError, RecursionError):
        return None


def _scrubbed(value: object, secrets: tuple[str, ...]) -> object:
    if isinstance(value, str):
        return scrub(value, secrets)
    if isinstance(value, list):
        return [_scrubbed(item, secrets) for item in value]
    if isinstance(value, dict):
        return {scrub(name, secrets): _scrubbed(item, secrets) for name, item in value.items()}
    return value


def _finite(text: str) -> float:
    """A number that JSON can hold; ``1e999`` reads as infinity."""
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)
