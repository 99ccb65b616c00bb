"""What the watcher has to tell: of one picture, and of its gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PictureStatus = Literal["published", "failed", "parked", "again"]
"""Published; failed for good; parked for a person; it will be tried again by itself."""

GateKind = Literal["open", "paused", "closed"]
"""Pictures are sent; again after a while; only once something changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureNews:
    """What became of one picture.

    Attributes:
        source: Its path below INBOX.
        output: Its output's path below OUTBOX.
        status: What became of it.
        sha256: Of its bytes.
        credits: Billed for certain, for this picture, just now.
        in_doubt: Calls of which nobody can know whether they were billed, just now.
        same_as: The path below INBOX whose cut-out it shares.
        size_px: Width and height of the output, in px.
        format: Of the output: ``png``, ``jpg``, ``webp``, ``gif`` or ``bmp``.
        coverage: The part of the picture that is not transparent, 0 to 1.
        warnings: What a person should look at.
        error: What went wrong.
        reason: The same in one sentence, where no exception is at hand.
        code: The same in one word.
        note: Where the note that says it all lies.
        elapsed_s: From the beginning of the call, or of the work where there was none.
    """

    source: bytes
    output: bytes | None = None
    status: PictureStatus
    sha256: bytes | None = None
    credits: int = 0
    in_doubt: int = 0
    same_as: bytes | None = None
    size_px: tuple[int, int] | None = None
    format: str | None = None
    coverage: float | None = None
    warnings: tuple[str, ...] = ()
    error: BaseException | None = None
    reason: str | None = None
    code: str | None = None
    note: str | None = None
    elapsed_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateState:
    """Whether pictures may be sent.

    Attributes:
        kind: Open, paused or closed.
        reason: Why it is not open.
        remedy: What a person can do.
        until: When it is asked again, in UNIX seconds; None where nobody can know.
        running: Calls under way.
        width: Calls that may be under way at once.
        exit_code: What a run that ends here ends with; None where it is open.
    """

    kind: GateKind = "open"
    reason: str | None = None
    remedy: str | None = None
    until: float | None = None
    running: int = 0
    width: int = 1
    exit_code: int | None = None
