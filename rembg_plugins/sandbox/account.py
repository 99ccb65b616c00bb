"""An account of the sandbox: its credits, and what they were spent on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from rembg_plugins.sandbox.periods import Period, month_of, periods
from rembg_plugins.sandbox.rate_window import RateWindow

if TYPE_CHECKING:
    from rembg_plugins.sandbox.keys import State
    from rembg_plugins.sandbox.settings import Settings

_SUBSCRIBED_BEFORE_S = 75 * 86_400  # so that there are past billing periods to look at

Kind = Literal["api", "app"]


@dataclass(frozen=True, slots=True)
class Use:
    """One credit that was spent.

    Attributes:
        moment: When, in Unix seconds.
        kind: Through the API, or in the vendor's own app.
        prepaid: Whether a bought credit went for it, not an included one.
    """

    moment: float
    kind: Kind
    prepaid: bool


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
        uses: Every credit that was spent.
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
    uses: list[Use] = field(default_factory=list)
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
        return sum(
            use.kind == kind and use.moment in period and prepaid in {None, use.prepaid}
            for use in self.uses
        )

    def used_included(self, period: Period) -> int:
        """The included credits that were spent in a period."""
        return sum(not use.prepaid and use.moment in period for use in self.uses)

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
        self.prepaid -= prepaid
        self.uses.append(Use(now, "api", prepaid))
