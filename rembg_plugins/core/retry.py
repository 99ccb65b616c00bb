"""When to try again, and when never.

A repeat can be paid for twice: the API has no idempotency key. So the decision reads what is
known of money and nothing else: how much was ``sent``, the status, ``Retry-After``, and whether
the refusal is ``final``. Never the class: a refused connection and a reset after the whole body
arrived are one and the same class in the library below.

=========  ==========================================================================
decision   for
=========  ==========================================================================
free       no answer and nothing sent; 429 (not final); 503
in doubt   no answer and part or all sent; every other 5xx: at most one repeat ever
never      final (a refused certificate, a spent quota); 2xx, 3xx and every other 4xx
=========  ==========================================================================
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from rembg_plugins.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rembg_plugins.core.errors import RembgError

LONGEST_RETRY_AFTER_S = 3600.0
"""What asks for a longer wait than this is not slept on: the error goes to the caller."""

Repeat = Literal["free", "in doubt", "never"]
"""What a repeat may cost: nothing, perhaps a second credit, or it cannot help."""

_TOO_MANY_REQUESTS = 429
_UNAVAILABLE = 503
_SERVER_ERRORS = range(500, 600)
_DOUBLINGS = 32  # more would only overflow: the wait is bounded long before


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often to try, and how long to wait in between.

    Attributes:
        attempts: Tries in all, the first included; 1 or more.
        in_doubt: Whether a call that may have been paid for is repeated, once at most.
        base_s: The first wait, in s; it doubles from try to try.
        max_s: The longest wait of our own choice, in s. ``Retry-After`` may ask for more.

    Raises:
        ConfigurationError: A number is out of its range.
    """

    NONE: ClassVar[Retry]
    """One try, no repeats."""

    attempts: int = 4
    in_doubt: bool = True
    base_s: float = 0.5
    max_s: float = 30.0

    def __post_init__(self) -> None:
        """Refuse what would wait for ever, or not try at all."""
        if self.attempts < 1:
            message = f"Retry: attempts must be at least 1, got: {self.attempts}"
            raise ConfigurationError(message)
        for name in ("base_s", "max_s"):
            seconds = getattr(self, name)
            if not 0 <= seconds < math.inf:
                message = f"Retry: {name} must be a number of seconds, 0 or more, got: {seconds}"
                raise ConfigurationError(message)


Retry.NONE = Retry(attempts=1)


def repeat_of(error: RembgError) -> Repeat:
    """What a repeat may cost after this error, whatever the policy and the class.

    Source: the money rules, ``docs/architecture.md``, "The one path".
    """
    status = error.status
    if error.final:
        return "never"
    if status is None:
        return "free" if error.sent == "nothing" else "in doubt"
    if status in {_TOO_MANY_REQUESTS, _UNAVAILABLE}:
        return "free"
    return "in doubt" if status in _SERVER_ERRORS else "never"


def is_in_doubt(error: RembgError) -> bool:
    """Whether nobody can know if the call that failed so was paid for."""
    return repeat_of(error) == "in doubt"


def wait_before_repeat(
    error: RembgError,
    *,
    attempt: int,
    doubts: int,
    policy: Retry,
    jitter: Callable[[], float] = random.random,
) -> float | None:
    """How long to wait before the same call is made again.

    Args:
        error: Why the last try failed.
        attempt: How many tries were made, 1 or more.
        doubts: How many of them were repeated in doubt (see :func:`is_in_doubt`).
        policy: How often to try.
        jitter: Gives a number from 0 to 1, so that callers who failed together spread out.

    Returns:
        The wait in s, or None where the call must not be repeated.
    """
    repeat = repeat_of(error)
    if repeat == "never" or attempt >= policy.attempts:
        return None
    if repeat == "in doubt" and (doubts > 0 or not policy.in_doubt):
        return None
    asked = error.response.retry_after if error.response is not None else None
    if asked is not None and asked > 0:
        return asked if asked <= LONGEST_RETRY_AFTER_S else None
    longest = min(policy.max_s, policy.base_s * 2.0 ** min(attempt - 1, _DOUBLINGS))
    return longest * (1 + jitter()) / 2
