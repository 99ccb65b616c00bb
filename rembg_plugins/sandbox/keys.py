"""The test keys: which account a key means, and in which state that is.

A key that begins with ``sandbox-`` is an account of its own; its ending decides the state.
"""

from __future__ import annotations

from typing import Literal

PREFIX = "sandbox-"
LONGEST_KEY = 100  # characters
BUSY_RETRY_AFTER = "45s"
"""What the busy key is told; the API's form of it.

Source: seen by users of the API in production.
"""
GOOD_KEY = "sandbox-key"

State = Literal["good", "unverified", "unknown", "empty", "shrunken", "busy"]

STATES: dict[State, str] = {
    "good": "Everything works until its credits are used up.",
    "unverified": "403: the e-mail address is not verified.",
    "unknown": "401: there is no such key.",
    "empty": "429: the monthly limit is reached.",
    "shrunken": "200, but the picture is shrunk to fit into 460 × 460 px.",
    "busy": f"429: too many requests, with `Retry-After: {BUSY_RETRY_AFTER}`.",
}
"""What each state answers."""


def state_of(key: str) -> State:
    """The state that a key stands for; whatever is no test key is unknown."""
    if not key.startswith(PREFIX) or len(key) > LONGEST_KEY:
        return "unknown"
    ending = key.rpartition("-")[2]
    return next((state for state in STATES if state == ending), "good")
