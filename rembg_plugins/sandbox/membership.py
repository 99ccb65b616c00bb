"""What the membership usage answers about an account."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rembg_plugins.sandbox.periods import Period, calendar_month

if TYPE_CHECKING:
    from rembg_plugins.core.usage_query import UsageQuery
    from rembg_plugins.sandbox.account import Account


def membership_usage(account: Account, query: UsageQuery, now: float) -> dict[str, object]:
    """The answer to a question about an account.

    Source: API reference, "Membership usage".
    """
    if query.list_cycles:
        return {"billingCycles": [_counted(account, period) for period in account.periods(now)]}
    asked = _asked(account, query, now)
    usage: dict[str, object] = {
        "membership": account.membership,
        "credits": account.included,
        "prepaidCredits": account.prepaid,
        "app_usage": account.count(asked, "app"),
        "api_usage": account.count(asked, "api"),
    }
    if query.billing_cycle:
        of_period = query.period_start is not None
        usage["billingCycle"] = _cycle(account, asked if of_period else account.period(now))
    return usage


def _asked(account: Account, query: UsageQuery, now: float) -> Period:
    """The calendar month or billing period that is asked for."""
    if query.period_start is not None:
        known = (period for period in account.periods(now) if period.start == query.period_start)
        # A period that never was has no usage; it is not the caller's mistake (assumed).
        return next(known, Period(start=query.period_start, end=query.period_start))
    today = datetime.fromtimestamp(now, UTC)
    return calendar_month(query.year or today.year, query.month or today.month)


def _counted(account: Account, period: Period) -> dict[str, object]:
    return {
        "periodStartUnix": period.start,
        "periodEndUnix": period.end,
        "appUsage": account.count(period, "app", prepaid=False),
        "apiUsage": account.count(period, "api", prepaid=False),
    }


def _cycle(account: Account, period: Period) -> dict[str, object]:
    used = account.used_included(period)
    return {
        **_counted(account, period),
        "includedCredits": account.included,
        "prepaidCredits": account.prepaid,
        "usedIncludedCredits": used,
        "remainingIncludedCredits": max(0, account.included - used),
        "stripeBillingSynced": account.synced,
    }
