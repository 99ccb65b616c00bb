"""Everything that a sandbox knows, in memory."""

from __future__ import annotations

import math
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from rembg_plugins.core import messages
from rembg_plugins.sandbox.account import Account
from rembg_plugins.sandbox.calls import Calls
from rembg_plugins.sandbox.faults import Faults
from rembg_plugins.sandbox.keys import BUSY_RETRY_AFTER, LONGEST_KEY, PREFIX, state_of
from rembg_plugins.sandbox.periods import Period
from rembg_plugins.sandbox.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rembg_plugins.sandbox.settings import Settings

ANONYMOUS = "anonymous"
MOST_ACCOUNTS = 10_000
_BEARER = "bearer "
_DAY_S = 86_400


class World:
    """Accounts, faults and calls; touched by the event loop alone, hence without locks.

    Args:
        settings: The sandbox's.
        now: Gives the Unix time in s.
        tick: Gives a time in s that nobody sets back, for the short-term limit.
    """

    def __init__(
        self,
        settings: Settings,
        now: Callable[[], float] = time.time,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with no account but those that calls bring."""
        self.settings = settings
        self.now = now
        self.tick = tick
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.calls = Calls()
        self.faults = Faults()
        self._accounts: dict[str, Account] = {}

    def account(self, name: str) -> Account:
        """The account of a test key, opened on first sight."""
        if name not in self._accounts:
            if len(self._accounts) >= MOST_ACCOUNTS:
                raise Refusal.because(HTTPStatus.UNAUTHORIZED, messages.INVALID_KEY)
            self._accounts[name] = Account.opened(
                name, "good" if name == ANONYMOUS else state_of(name), self.settings, self.now()
            )
        return self._accounts[name]

    def caller(self, headers: Mapping[str, str]) -> Account:
        """The account of a call.

        Raises:
            Refusal: There are two credentials, or none that is good.

        Source: API reference, "Error Reference"; ``Bearer`` is assumed.
        """
        key = headers.get("x-api-key")
        authorization = headers.get("authorization")
        if key and authorization:
            raise Refusal.because(HTTPStatus.BAD_REQUEST, messages.CONFLICTING_CREDENTIALS)
        if authorization and not authorization.lower().startswith(_BEARER):
            raise Refusal.because(HTTPStatus.UNAUTHORIZED, messages.INVALID_KEY)
        name = key or _token(authorization or "")
        return self._known(name) if name or authorization else self.account(ANONYMOUS)

    def name_of(self, headers: Mapping[str, str]) -> str:
        """How a call's account is listed: a test key, or no more than that there is one."""
        key = headers.get("x-api-key") or _token(headers.get("authorization") or "")
        if key.startswith(PREFIX):
            return key[:LONGEST_KEY]
        return "unknown" if key or headers.get("authorization") else ANONYMOUS

    def member(self, headers: Mapping[str, str]) -> Account:
        """The account whose usage is asked for: by its key alone.

        Raises:
            Refusal: There is no good key.
        """
        return self._known(headers.get("x-api-key") or "")

    def admit(self, account: Account) -> None:
        """Let a call in.

        Raises:
            Refusal: There were too many in a short time.
        """
        if account.state == "busy":
            raise Refusal.because(
                HTTPStatus.TOO_MANY_REQUESTS, messages.RATE_LIMIT, {"Retry-After": BUSY_RETRY_AFTER}
            )
        wait = account.window.admit(self.tick())
        if wait > 0:
            header = {"Retry-After": str(math.ceil(wait))}
            raise Refusal.because(HTTPStatus.TOO_MANY_REQUESTS, messages.RATE_LIMIT, header)

    def reserve(self, account: Account) -> bool | None:
        """Put a credit aside for a call.

        Returns:
            Whether it is a prepaid one; None where the call is free.

        Raises:
            Refusal: The account's limit is reached.
        """
        if account.name == ANONYMOUS:
            self._count_anonymous(account)
            return None
        if account.state == "shrunken":
            return None
        prepaid = account.reserve(self.now())
        if prepaid is None:
            raise Refusal.because(HTTPStatus.TOO_MANY_REQUESTS, messages.MONTHLY_LIMIT)
        return prepaid

    def _known(self, name: str) -> Account:
        state = state_of(name)
        if state == "unknown":
            raise Refusal.because(HTTPStatus.UNAUTHORIZED, messages.INVALID_KEY)
        account = self.account(name)
        if account.state == "unverified":
            raise Refusal.because(HTTPStatus.FORBIDDEN, messages.EMAIL_NOT_VERIFIED)
        return account

    def _count_anonymous(self, account: Account) -> None:
        now = self.now()
        start = int(now) - int(now) % _DAY_S
        today = Period(start=start, end=start + _DAY_S - 1)
        if account.count(today, "api") >= self.settings.anonymous_a_day:
            raise Refusal.because(HTTPStatus.TOO_MANY_REQUESTS, messages.DAILY_LIMIT)
        account.reserved[0] += 1
        account.spend(now, prepaid=False)


def _token(authorization: str) -> str:
    return authorization[len(_BEARER) :].strip()
