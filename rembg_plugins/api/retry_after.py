"""The ``Retry-After`` header, in its three known forms."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*s?", re.IGNORECASE)


def parse_retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """How long the server asks to wait, in s; None where it does not, or for nonsense.

    Args:
        value: ``45``, ``45s`` or an HTTP date.
        now: The time against which a date is read; the clock's by default.

    Source: ``45s`` and dates were seen by users of the API in production.
    """
    text = (value or "").strip()
    if seconds := _SECONDS.fullmatch(text):
        return float(seconds.group(1))
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:  # "-0000": UTC of unknown place
            moment = moment.replace(tzinfo=UTC)
        wait = (moment - (now or datetime.now(UTC))).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return wait if wait >= 0 else None
