"""A row of the ledger: some bytes, and what became of the calls for them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any, Self

from rembg_plugins.watch.states import ContentState

COLUMNS = (
    "sha256, state, width, height, first_seen, not_before, sends, attempts, billed, doubts, kept, "
    "code, reason, status, tried, sent_on"
)


class Begin(Enum):
    """What became of the wish to send."""

    BEGUN = "it is committed: send"
    TAKEN = "it is no longer to be sent"
    WAIT = "calls under way may use up the budget: ask again when one has ended"
    SPENT = "the budget is used up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A row: some bytes, and what became of the calls for them.

    Attributes:
        sha256: Of the bytes.
        state: Where it stands.
        size_px: Width and height in px, before any orientation.
        first_seen: UNIX time in s.
        not_before: When it may be sent, likewise.
        sends: Calls that were begun.
        attempts: Those that may have been billed, less those for which a person forced one more.
        billed: Calls that were billed for certain.
        in_doubt: Calls of which nobody can know whether they were billed.
        kept: Whether its cut-out is kept.
        code: A short name of what went wrong.
        reason: The same as a sentence.
        status: The HTTP status that was answered, if any was.
        tried: When each call ended (UNIX s), and how.
        sent_on: The UTC day of the last call.
    """

    sha256: bytes
    state: ContentState
    size_px: tuple[int, int]
    first_seen: float
    not_before: float
    sends: int
    attempts: int
    billed: int
    in_doubt: int
    kept: bool
    code: str | None
    reason: str | None
    status: int | None
    tried: tuple[tuple[float, str], ...]
    sent_on: str | None

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> Self:
        """The content that a row stands for."""
        sha256, state, width, height, first_seen, not_before, sends, *rest = row
        attempts, billed, doubts, kept, code, reason, status, tried, sent_on = rest
        return cls(
            sha256=sha256,
            state=ContentState(state),
            size_px=(width, height),
            first_seen=first_seen,
            not_before=not_before,
            sends=sends,
            attempts=attempts,
            billed=billed,
            in_doubt=doubts,
            kept=bool(kept),
            code=code,
            reason=reason,
            status=status,
            tried=tuple((at, how) for at, how in json.loads(tried)),
            sent_on=sent_on,
        )
