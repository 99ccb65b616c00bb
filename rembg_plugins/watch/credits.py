"""The credits that must stay in the account: ``--min-credits``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from rembg_plugins.core.errors import APIResponseError, PaymentRequiredError, RembgError
from rembg_plugins.core.outcomes import outcome
from rembg_plugins.watch.pauses import Ladder, Pause, Rank

if TYPE_CHECKING:
    from collections.abc import Callable

ASK_EVERY_S = 60.0
"""How old the API's answer may be while pictures are sent, in s."""

_REMEDY = "Buy credits, wait for the renewal, or keep fewer with --min-credits."


class CreditGuard:
    """Knows whether one more call could leave less than must stay; used through the gate alone.

    Whatever ended since the question was asked counts as spent, unless it was surely free, and
    whatever is under way too: the answer may know of it or not.

    Args:
        keep: Credits that must stay.
        ask: Gives the credits that are left, as :meth:`rembg_plugins.api.account.Account.usage`
            tells them; it may take seconds, and raise a ``RembgError``.
        clock: Gives the monotonic time in s.
        now: Gives the UNIX time in s.

    Attributes:
        pause: Why no call may begin.
    """

    def __init__(
        self,
        keep: int,
        ask: Callable[[], int | None],
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Nothing is known yet."""
        self.pause: Pause | None = None
        self._keep = keep
        self._ask = ask
        self._clock = clock
        self._now = now
        self._left: int | None = None
        self._spent = 0
        self._spent_while_asking = 0
        self._asked_at = 0.0
        self._is_sending = False
        self._too_few = Ladder(ASK_EVERY_S, 15 * ASK_EVERY_S)
        self._failures = Ladder(5.0, 10 * ASK_EVERY_S)

    def has_room(self, running: int) -> bool:
        """Whether one more call may begin beside so many."""
        return self._left is not None and self._left - self._spent - running > self._keep

    def begun(self) -> None:
        """A call begins."""
        self._is_sending = True

    def ended(self, *, billed: bool | None) -> None:
        """A call has ended; None where nobody knows whether it was billed."""
        self._spent += billed is not False
        self._spent_while_asking += billed is not False

    @property
    def is_due(self) -> bool:
        """Whether the account has to be asked before it can go on, or soon."""
        if self.pause is not None:
            return self.pause.left_s(clock=self._clock(), now=self._now()) == 0
        if self._left is None or self._left - self._spent <= self._keep:
            return True
        return self._is_sending and self._clock() - self._asked_at >= ASK_EVERY_S

    def begin_question(self) -> None:
        """The account is about to be asked: what ends from now on may not be in its answer."""
        self._asked_at = self._clock()
        self._spent_while_asking = 0
        self._is_sending = False

    def question(self) -> int | RembgError:
        """Ask, without touching anything: what is left, or why nobody can tell."""
        try:
            left = self._ask()
        except RembgError as error:
            return error
        return APIResponseError("The API did not tell it.") if left is None else left

    def answered(self, answer: int | RembgError) -> None:
        """Go by the answer."""
        if isinstance(answer, RembgError):
            self._left = None
            row = outcome(answer)
            reason = f"The credits that are left cannot be asked for: {answer}"
            self._wait(reason, row.remedy, row.exit_code, self._failures.climb())
            return
        self._failures.reset()
        self._left, self._spent = answer, self._spent_while_asking
        if answer > self._keep:
            self._too_few.reset()
            self.pause = None
            return
        reason = f"The account has {answer} credits left, and {self._keep} must stay."
        seconds = self._too_few.climb()
        self._wait(reason, _REMEDY, outcome(PaymentRequiredError).exit_code, seconds, "closed")

    def ask_again(self) -> None:
        """Something has changed: ask at once."""
        self.pause = None
        self._left = None
        self._too_few.reset()
        self._failures.reset()

    def _wait(
        self,
        reason: str,
        remedy: str,
        exit_code: int,
        seconds: float,
        kind: Literal["paused", "closed"] = "paused",
    ) -> None:
        self.pause = Pause(
            kind=kind,
            reason=reason,
            remedy=remedy,
            exit_code=exit_code,
            rank=Rank.CLOSED,
            due=self._clock() + seconds,
            until=self._now() + seconds,
        )
