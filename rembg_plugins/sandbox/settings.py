"""What can be set of a sandbox."""

from __future__ import annotations

from dataclasses import dataclass

from rembg_plugins.core.rate import Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one sandbox.

    Attributes:
        credits: Included credits of each account and billing period.
        anonymous_a_day: Calls without a key in one day (UTC). Assumed: the API does not say.
        rate: Calls in a time for each account; None for no limit.
            Source of 200 in 10 s: seen by users of the API in production.
        latency_s: Seconds that each cut-out takes longer.
        engine: The engine that cuts out; no paid one.
    """

    credits: int = 1000
    anonymous_a_day: int = 20
    rate: Rate | None = Rate(requests=200, seconds=10)  # noqa: RUF009 - frozen
    latency_s: float = 0.0
    engine: str = "local"
