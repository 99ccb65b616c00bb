"""An account of the sandbox: its credits, and what they were spent on."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from rembg_plugins.sandbox.periods import Period, month_of, periods
from rembg_plugins.sandbox.rate_window import RateWindow

if TYPE_CHECKING:
    from rembg_plugins.sandbox.keys import State
    from rembg_plugins.sandbox.settings import Settings

_SUBSCRIBED_BEFORE_S = 75 * 86_400  # so that there are past billing periods to look at

Kind = Literal["api", "app"]
_KINDS: tuple[Kind, ...] = get_args(Kind)
_EITHER = (False, True)


@dataclass(slots=True, kw_only=True)
class Account:
    """What is known of one key or token.

    Attributes:
        name: The key or token, which is no secret: test keys alone have accounts.
        state: What calls with it are answered.
        included: Included credits of each billing period.
        prepaid: Bought credits that are left; they are never reset.
        subscribed: When the first billing period began, in Unix seconds.
        synced: Whether the billing periods are known; if not, calendar months stand in.
        membership: The label of the plan.
        window: The short-term limit.
        uses: When each credit was spent, in Unix seconds, in order, by kind and whether it was
            a prepaid one.
        reserved: Credits of calls that are under way, as (included, prepaid).
    """

    name: str
    state: State
    included: int
    prepaid: int = 0
    subscribed: int
    synced: bool = True
    membership: str = "Sandbox"
    window: RateWindow
    uses: dict[tuple[Kind, bool], list[float]] = field(
        default_factory=lambda: {(kind, prepaid): [] for kind in _KINDS for prepaid in _EITHER}
    )
    reserved: list[int] = field(default_factory=lambda: [0, 0])

    @classmethod
    def opened(cls, name: str, state: State, settings: Settings, now: float) -> Account:
        """A new account, subscribed some months ago."""
        return cls(
            name=name,
            state=state,
            included=0 if state in {"empty", "shrunken"} else settings.credits,
            subscribed=int(now) - _SUBSCRIBED_BEFORE_S,
            window=RateWindow(settings.rate),
        )

    def periods(self, now: float) -> list[Period]:
        """The billing periods so far, newest first."""
        return periods(self.subscribed, now)

    def period(self, now: float) -> Period:
        """The billing period of now, or the calendar month where those are not known."""
        return self.periods(now)[0] if self.synced else month_of(now)

    def count(self, period: Period, kind: Kind, *, prepaid: bool | None = None) -> int:
        """The credits that were spent in a period; with ``prepaid``, only such or only others."""
        either = _EITHER if prepaid is None else (prepaid,)
        return sum(_within(self.uses[kind, one], period) for one in either)

    def used_included(self, period: Period) -> int:
        """The included credits that were spent in a period."""
        return sum(self.count(period, kind, prepaid=False) for kind in _KINDS)

    def reserve(self, now: float) -> bool | None:
        """Put a credit aside for a call: an included one first.

        Returns:
            Whether it is a prepaid one; None where none is left.
        """
        prepaid = self.included - self.used_included(self.period(now)) <= self.reserved[0]
        if prepaid and self.prepaid <= self.reserved[1]:
            return None
        self.reserved[prepaid] += 1
        return prepaid

    def release(self, *, prepaid: bool) -> None:
        """Give back a credit that was put aside: the call failed."""
        self.reserved[prepaid] -= 1

    def spend(self, now: float, *, prepaid: bool) -> None:
        """Spend a credit that was put aside."""
        self.reserved[prepaid] -= 1
        self.prepaid = max(0, self.prepaid - prepaid)  # it may have been changed meanwhile
        self.use(now, "api", prepaid=prepaid)

    def use(self, now: float, kind: Kind, *, prepaid: bool = False) -> None:
        """Note that a credit was spent."""
        insort(self.uses[kind, prepaid], now)


def _within(moments: list[float], period: Period) -> int:
    """How many of the moments, which are in order, lie in a period."""
    return bisect_left(moments, period.end + 1) - bisect_left(moments, period.start)
