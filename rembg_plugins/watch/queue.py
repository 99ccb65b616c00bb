"""The contents in the ledger as they are looked for: which is to be sent next, which wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rembg_plugins.watch.content import COLUMNS, Content
from rembg_plugins.watch.states import ContentState, PathState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from rembg_plugins.watch.database import Database

LOST = (
    "cutout_lost",
    "Its cut-out is no longer kept, so that it would have to be paid for once more.",
)
"""Code and reason of a content that a person has to decide on since its cut-out is gone."""


class Queue:
    """The contents of one engine, to be read.

    Args:
        database: The file.
        engine: Name and version of the engine.
        now: Gives the UNIX time in s.

    Attributes:
        engine: As above.
    """

    def __init__(self, database: Database, *, engine: str, now: Callable[[], float]) -> None:
        """Nothing is read yet."""
        self._database = database
        self.engine = engine
        self._now = now

    def get(self, sha256: bytes) -> Content | None:
        """The content of some bytes, if they were ever seen."""
        found = list(self._where("sha256 = ?", sha256))
        return found[0] if found else None

    def in_state(self, state: ContentState, *, limit: int = -1) -> list[Content]:
        """The contents in a state, those first that were found first."""
        open_ = "AND state < 6" if state < ContentState.CUT else ""  # else its index is not used
        return list(self._where(f"state = ? {open_} ORDER BY not_before LIMIT ?", state, limit))

    def states(self) -> dict[ContentState, int]:
        """How many there are in each state."""
        sql = "SELECT state, count(*) FROM content WHERE engine = ? GROUP BY state"
        return {ContentState(state): n for state, n in self._database.scan(sql, (self.engine,))}

    def next_to_send(self, leave_out: Collection[bytes] = ()) -> Content | None:
        """A content that may be sent now, and that a name in INBOX waits for.

        Args:
            leave_out: Those that somebody has in hand.
        """
        for content in self._where(
            "state IN (1, 3) AND state < 6 AND not_before <= ? AND EXISTS ("
            "SELECT 1 FROM path WHERE path.sha256 = content.sha256 AND path.state = ?)"
            " ORDER BY state, not_before LIMIT ?",
            self._now(),
            PathState.WAITING,
            len(leave_out) + 1,
        ):
            if content.sha256 not in leave_out:
                return content
        return None

    def count_to_send(self, *, limit: int = -1) -> int:
        """How many are left to be sent, now or later, that a name in INBOX waits for.

        Args:
            limit: Where to stop counting.
        """
        sql = (
            "SELECT count(*) FROM (SELECT 1 FROM content WHERE engine = ? AND state IN (1, 2, 3) "
            "AND state < 6 AND EXISTS (SELECT 1 FROM path WHERE path.sha256 = content.sha256 "
            "AND path.state = ?) LIMIT ?)"
        )
        return int(self._database.value(sql, self.engine, PathState.WAITING, limit))

    def next_due(self) -> float | None:
        """The UNIX time at which the next one may be sent; None where none waits."""
        sql = (
            "SELECT min(not_before) FROM content "
            "WHERE engine = ? AND state = ? AND state < 6 AND not_before > ?"
        )
        states = (ContentState.QUEUED, ContentState.IN_DOUBT)
        found = [self._database.value(sql, self.engine, state, self._now()) for state in states]
        return min((due for due in found if due is not None), default=None)

    def _where(self, condition: str, *values: object) -> Iterator[Content]:
        sql = f"SELECT {COLUMNS} FROM content WHERE engine = ? AND {condition}"  # noqa: S608 - texts of ours
        return map(Content.of, self._database.rows(sql, self.engine, *values))
