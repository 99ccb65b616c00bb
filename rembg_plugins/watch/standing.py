"""How an INBOX stands: what its ledger holds, and what its watcher said last."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rembg_plugins.watch.health import Spent, check, is_running, read_status
from rembg_plugins.watch.ledger import FILE, Ledger, day_of
from rembg_plugins.watch.problems import LEDGER, problem_of
from rembg_plugins.watch.states import ContentState, PathState
from rembg_plugins.watch.warned import ToLookAt, find_warned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ENGINE = "engine"
"""The fact in the ledger that names the engine which was last used."""

_MONTH = len("2026-03")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A picture that needs a person.

    Attributes:
        source: Its path below INBOX.
        sha256: Of its bytes; None where they were never read to their end.
        code: A short name of what went wrong.
        reason: The same as a sentence.
        note: Where the note on it lies.
        attempts: Calls that may have been billed.
        billed: Those that were for certain.
        in_doubt: Those of which nobody can know.
    """

    source: bytes
    sha256: bytes | None
    code: str | None
    reason: str | None
    note: str | None = None
    attempts: int = 0
    billed: int = 0
    in_doubt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an INBOX stands.

    Attributes:
        folder: Its state folder.
        status: What its watcher said last, as :mod:`~rembg_plugins.watch.health` has it.
        is_running: Whether a watcher runs.
        problems: What is wrong with the watcher, a sentence each.
        paths: How many names there are in each state.
        contents: How many contents, likewise.
        today: What was paid on this UTC day.
        month: What was paid in this UTC month.
        failed: Names that failed.
        parked: Names of pictures that a person has to decide on.
        to_look_at: Outputs that look wrong.
    """

    folder: Path
    status: Mapping[str, Any] | None
    is_running: bool
    problems: tuple[str, ...]
    paths: Mapping[PathState, int]
    contents: Mapping[ContentState, int]
    today: Spent
    month: Spent
    failed: tuple[Trouble, ...]
    parked: tuple[Trouble, ...]
    to_look_at: ToLookAt = field(default_factory=ToLookAt)

    @property
    def interrupted(self) -> int:
        """Pictures that were being sent when their watcher ended: they may have been paid for."""
        is_free = not (self.status or {}).get("is_paid", True)
        return 0 if self.is_running or is_free else self.contents.get(ContentState.SENDING, 0)


def open_ledger(folder: Path) -> Ledger:
    """The ledger in a state folder, for the engine that its watcher last used.

    Raises:
        ConfigurationError: There is none, or it cannot be used.
    """
    if not (folder / FILE).exists():
        message = (
            f"There is no ledger in {folder}: no picture of this INBOX was ever watched, or its "
            "ledger lies elsewhere (--state)."
        )
        raise problem_of(LEDGER, message)
    ledger = Ledger(folder, engine="")
    engine = ledger.meta.get(ENGINE) or (read_status(folder) or {}).get("engine")
    if engine is None:  # nobody has used it yet
        return ledger
    ledger.close()
    return Ledger(folder, engine=engine)


def standing_of(folder: Path, *, most: int, now: float | None = None) -> Standing:
    """How the INBOX of a state folder stands.

    Args:
        folder: The state folder.
        most: How many failed and parked names, and outputs that look wrong, are told at most.
        now: The UNIX time in s.

    Raises:
        ConfigurationError: There is no ledger, or it cannot be used.
    """
    now = time.time() if now is None else now
    ledger = open_ledger(folder)
    try:
        status = read_status(folder)
        return Standing(
            folder=folder,
            status=status,
            is_running=is_running(status, now),
            problems=check(status, now),
            paths=ledger.paths.states(),
            contents=ledger.contents.states(),
            today=_spent(ledger, day_of(now)),
            month=_spent(ledger, day_of(now)[:_MONTH]),
            failed=tuple(_failed(ledger, most)),
            parked=tuple(_parked(ledger, most)),
            # Only the watcher knows where its outputs go: where it said nothing, they are unknown.
            to_look_at=find_warned(Path(status["outbox"]), most=most) if status else ToLookAt(),
        )
    finally:
        ledger.close()


def _spent(ledger: Ledger, days: str) -> Spent:
    return Spent(
        credits=ledger.tally.count("billed", days), in_doubt=ledger.tally.count("in_doubt", days)
    )


def _failed(ledger: Ledger, most: int) -> Iterator[Trouble]:
    for row in ledger.paths.in_state(PathState.FAILED, limit=most):
        content = None if row.sha256 is None else ledger.contents.get(row.sha256)
        yield Trouble(
            source=row.place.relative,
            sha256=row.sha256,
            code=row.code,
            reason=row.reason,
            note=row.note,
            attempts=content.attempts if content else 0,
            billed=content.billed if content else 0,
            in_doubt=content.in_doubt if content else 0,
        )


def _parked(ledger: Ledger, most: int) -> Iterator[Trouble]:
    left = most
    for content in ledger.contents.in_state(ContentState.PARKED, limit=most):
        rows = ledger.paths.of_content(content.sha256, limit=left)
        left -= len(rows)
        for row in rows:
            yield Trouble(
                source=row.place.relative,
                sha256=row.sha256,
                code=content.code,
                reason=content.reason,
                attempts=content.attempts,
                billed=content.billed,
                in_doubt=content.in_doubt,
            )
