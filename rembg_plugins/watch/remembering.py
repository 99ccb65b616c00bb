"""What of the gate survives a restart: a daily or monthly limit, and a gate that was closed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rembg_plugins.watch.pauses import Pause, Rank

if TYPE_CHECKING:
    from collections.abc import MutableMapping

KEY = "gate"
"""Where it is kept."""

NOT_BELIEVED_S = 31 * 86_400.0
"""No limit lasts longer than this, in s: a later end comes from a clock that was wrong."""


def keep(pause: Pause | None, store: MutableMapping[str, str], *, owner: str) -> None:
    """Write down what is to be remembered of a pause; None: nothing.

    Args:
        pause: A limit, or a gate that is closed.
        store: Where.
        owner: Whose limit it is.
    """
    if pause is None:
        store.pop(KEY, None)
        return
    facts = {
        "owner": owner,
        "reason": pause.reason,
        "remedy": pause.remedy,
        "exit_code": pause.exit_code,
        "rank": pause.rank.name,
        "until": pause.until,
    }
    store[KEY] = json.dumps(facts)


def lift(store: MutableMapping[str, str]) -> bool:
    """Let the next run begin at once, with one call that tries: a person has done something.

    Returns:
        Whether there was anything to lift.
    """
    try:
        facts = json.loads(store.get(KEY, "null"))
        store[KEY] = json.dumps({**facts, "until": None})
    except (ValueError, TypeError):
        return False
    return True


def recall(
    store: MutableMapping[str, str], *, owner: str, clock: float, now: float
) -> Pause | None:
    """The pause with which a restart begins: one call tries, at once or when it is time.

    What was kept is read without trust.

    Args:
        store: Where it was kept.
        owner: Who asks; another's limit is not heeded.
        clock: The monotonic time in s.
        now: The UNIX time in s.
    """
    try:
        facts = json.loads(store.get(KEY, "null"))
        if facts["owner"] != owner:
            return None
        left = 0.0 if facts["until"] is None else float(facts["until"]) - now
        if not 0 < left <= NOT_BELIEVED_S:
            left = 0.0
        return Pause(
            reason=str(facts["reason"]),
            remedy=str(facts["remedy"]),
            exit_code=int(facts["exit_code"]),
            rank=Rank[facts["rank"]],
            due=clock + left,
            until=now + left,
            heeds_calendar=True,
            tries=True,
        )
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
