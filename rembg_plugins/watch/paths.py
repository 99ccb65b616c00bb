"""The names of INBOX in the ledger."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rembg_plugins.watch.database import plain
from rembg_plugins.watch.listing import Listing
from rembg_plugins.watch.path_row import COLUMNS, PathRow, fold_of, key_of, stamp_of
from rembg_plugins.watch.queue import LOST
from rembg_plugins.watch.states import ContentState, PathState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from sqlite3 import Connection

    from rembg_plugins.watch.database import Database
    from rembg_plugins.watch.records import Output, Place, Stamp, Taken
    from rembg_plugins.watch.tally import Tally

WORK = (PathState.READY, PathState.FAILING, PathState.PUBLISHED)
"""The states in which something is to be done about a name."""

_LET_GO = "out = iif(path.state = 4, NULL, out), fold = iif(path.state = 4, NULL, fold)"
_ENDS = {ContentState.CUT: PathState.READY, ContentState.FAILED: PathState.FAILING}


class Paths(Listing):
    """The names in INBOX.

    Args:
        database: The file.
        tally: Counts what is published.
        engine: Name and version of the engine whose contents they wait for.
        now: Gives the UNIX time in s.
    """

    def __init__(
        self, database: Database, tally: Tally, *, engine: str, now: Callable[[], float]
    ) -> None:
        """Nothing is read yet."""
        super().__init__(database)
        self._tally = tally
        self._engine = engine
        self._now = now

    def get(self, place: Place) -> PathRow | None:
        """The row of a name, if there is one."""
        found = list(self._where("folder = ? AND name = ?", place.folder, place.name))
        return found[0] if found else None

    def of_content(self, sha256: bytes, *, limit: int = -1) -> list[PathRow]:
        """The names that have some bytes."""
        return list(self._where("sha256 = ? LIMIT ?", sha256, limit))

    def in_state(self, state: PathState, *, limit: int = -1) -> list[PathRow]:
        """The names in a state that is work left, or FAILED."""
        index = "state = 7" if state is PathState.FAILED else "state < 6"
        return list(self._where(f"state = ? AND {index} LIMIT ?", state, limit))

    def states(self) -> dict[PathState, int]:
        """How many there are in each state."""
        rows = self._database.scan("SELECT state, count(*) FROM path GROUP BY state")
        return {PathState(state): n for state, n in rows}

    def next_to_do(
        self, leave_out: Collection[Place] = (), *, may_publish: bool = True
    ) -> PathRow | None:
        """A name whose output, note or original can be seen to now.

        Args:
            leave_out: Those that somebody has in hand.
            may_publish: Whether outputs can be written.
        """
        for state in WORK if may_publish else WORK[1:]:
            for row in self._where(
                "state = ? AND state < 6 AND not_before <= ? ORDER BY not_before LIMIT ?",
                state,
                self._now(),
                len(leave_out) + 1,
            ):
                if row.place not in leave_out:
                    return row
        return None

    # What the finder tells.

    def add(self, taken: Sequence[Taken]) -> None:
        """Files that were read: new contents are queued, known ones are used again."""
        now = self._now()
        with self._database.transaction() as ledger:
            for file in taken:
                before = self._sha256_at(ledger, file.place)
                ledger.execute(
                    "INSERT OR IGNORE INTO content(engine, sha256, state, width, height, "
                    "first_seen, not_before) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (self._engine, file.sha256, ContentState.QUEUED, *file.size_px, now, now),
                )
                state = self._state_for(ledger, file.sha256)
                # An output of this name stays known: it is ours, and may be replaced. But not
                # where its original was, or is being, moved or deleted: it may be all that is left.
                ledger.execute(
                    "INSERT INTO path(folder, name, state, size, mtime_ns, ino, sha256) "  # noqa: S608 - texts of ours
                    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT(folder, name) DO UPDATE SET "
                    "state = excluded.state, size = excluded.size, not_before = 0, "
                    "mtime_ns = excluded.mtime_ns, ino = excluded.ino, sha256 = excluded.sha256, "
                    f"made = NULL, code = NULL, reason = NULL, away = 0, {_LET_GO}",
                    (*key_of(file.place), state, *stamp_of(file.stamp), file.sha256),
                )
                if before != file.sha256:
                    self._let_go(ledger, before)

    def fail_path(self, place: Place, stamp: Stamp, reason: str, code: str) -> None:
        """A file that is no good picture; nothing was sent of it."""
        with self._database.transaction() as ledger:
            before = self._sha256_at(ledger, place)
            ledger.execute(
                "INSERT INTO path(folder, name, state, size, mtime_ns, ino, code, reason) "  # noqa: S608 - likewise
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(folder, name) DO UPDATE SET "
                "state = excluded.state, size = excluded.size, mtime_ns = excluded.mtime_ns, "
                "ino = excluded.ino, code = excluded.code, reason = excluded.reason, "
                f"sha256 = NULL, not_before = 0, made = NULL, away = 0, {_LET_GO}",
                (*key_of(place), PathState.FAILING, *stamp_of(stamp), code, plain(reason)),
            )
            self._let_go(ledger, before)

    def forget(self, places: Sequence[Place]) -> None:
        """Files that are gone from INBOX; a content that no name waits for is not sent."""
        with self._database.transaction() as ledger:
            for place in places:
                before = self._sha256_at(ledger, place)
                ledger.execute("DELETE FROM path WHERE folder = ? AND name = ?", key_of(place))
                self._let_go(ledger, before)

    # What the workers tell.

    def look_again(self, place: Place) -> None:
        """A file is not what it was when it was read: the next scan takes it for changed."""
        with self._database.transaction() as ledger:
            before = self._sha256_at(ledger, place)
            sql = "UPDATE path SET mtime_ns = -1, sha256 = NULL WHERE folder = ? AND name = ?"
            ledger.execute(sql, key_of(place))
            self._let_go(ledger, before)

    def is_taken(self, fold: str, place: Place) -> bool:
        """Whether another name's output has a name that clashes with this."""
        sql = "SELECT folder, name FROM path WHERE fold = ?"
        return any(row != key_of(place) for row in self._database.rows(sql, fold_of(fold)))

    def published(
        self, row: PathRow, output: Output, *, fold: str, made: bytes, done: bool
    ) -> None:
        """Its output is there; the name itself may have got other bytes meanwhile.

        Those may replace the output only where nothing is done about originals.

        Args:
            row: The name, as it was when the output was begun.
            output: What was written.
            fold: The output's name, as clashes are found.
            made: How it was made.
            done: Whether nothing is left to do about the original.
        """
        state = PathState.DONE if done else PathState.PUBLISHED
        with self._database.transaction() as ledger:
            ledger.execute(
                "UPDATE path SET out = ?, fold = ?, out_size = ?, out_mtime_ns = ?, "
                "out_ino = ?, out_sha256 = ?, not_before = 0, "
                "made = CASE WHEN sha256 = ? THEN ? END, "
                "state = CASE WHEN sha256 = ? AND state = ? THEN ? ELSE state END "
                "WHERE folder = ? AND name = ? AND (sha256 = ? OR ?)",
                (
                    *(output.relative, fold_of(fold), *stamp_of(output.stamp), output.sha256),
                    *(row.sha256, made, row.sha256, PathState.READY, state),
                    *(*key_of(row.place), row.sha256, done),
                ),
            )
            self._tally.add("published")

    def publish_again(self, row: PathRow, *, not_before: float) -> None:
        """Its output was there, and is no longer; that is not bought again unasked."""
        assert row.sha256 is not None  # noqa: S101 - for the type checker: it was published
        with self._database.transaction() as ledger:
            ledger.execute(
                "INSERT OR IGNORE INTO content(engine, sha256, state, width, height, first_seen, "
                "not_before, code, reason) VALUES (?, ?, ?, 0, 0, ?, 0, ?, ?)",
                (self._engine, row.sha256, ContentState.PARKED, self._now(), *LOST),
            )
            ledger.execute(
                "UPDATE path SET state = ?, not_before = ?, made = NULL "
                "WHERE folder = ? AND name = ? AND sha256 = ? AND state = ?",
                (
                    *(self._state_for(ledger, row.sha256), not_before),
                    *(*key_of(row.place), row.sha256, PathState.PUBLISHED),
                ),
            )

    def disposed(self, row: PathRow) -> None:
        """The original is gone from INBOX, as was wished."""
        with self._database.transaction() as ledger:
            ledger.execute(
                "DELETE FROM path WHERE folder = ? AND name = ? AND sha256 = ? AND state = ?",
                (*key_of(row.place), row.sha256, PathState.PUBLISHED),
            )

    def failed(
        self, row: PathRow, *, note: str | None, is_away: bool, code: str, reason: str
    ) -> None:
        """A note on it was written.

        Args:
            row: The name, as it was before.
            note: Where the note lies.
            is_away: Whether the original was moved there.
            code: A short name of what went wrong.
            reason: The same as a sentence.
        """
        with self._database.transaction() as ledger:
            changed = ledger.execute(
                "UPDATE path SET state = ?, note = ?, away = ?, code = ?, reason = ? "
                "WHERE folder = ? AND name = ? AND state = ? AND mtime_ns = ? AND size = ?",
                (
                    *(PathState.FAILED, note and os.fsencode(note), is_away, code, plain(reason)),
                    *(*key_of(row.place), PathState.FAILING),
                    *(row.stamp.mtime_ns, row.stamp.size),
                ),
            ).rowcount
            if changed:
                self._tally.add("failed")

    def retry(self, place: Place) -> None:
        """A person wants a failed name to be tried again; its original lies in INBOX again.

        Where its content failed, that has to be tried again first.
        """
        row = self.get(place)
        if row is None or row.state is not PathState.FAILED:
            return
        with self._database.transaction() as ledger:
            if row.sha256 is None:  # the next scan finds it, as if it were new
                ledger.execute("DELETE FROM path WHERE folder = ? AND name = ?", key_of(place))
                return
            ledger.execute(
                "UPDATE path SET state = ?, not_before = 0, note = NULL, away = 0, code = NULL, "
                "reason = NULL WHERE folder = ? AND name = ?",
                (self._state_for(ledger, row.sha256), *key_of(place)),
            )

    def postpone(self, place: Place, *, not_before: float, reason: str) -> None:
        """What was to be done about it did not work; it is tried again later."""
        with self._database.transaction() as ledger:
            ledger.execute(
                "UPDATE path SET not_before = ?, reason = ? WHERE folder = ? AND name = ?",
                (not_before, plain(reason), *key_of(place)),
            )

    def make_again(self, made: bytes) -> int:
        """Let outputs that were made in another way be made anew, where that is free.

        Returns:
            How many.
        """
        with self._database.transaction() as ledger:
            return ledger.execute(
                "UPDATE path SET state = ?, not_before = 0 WHERE state = ? AND made <> ? AND "
                "EXISTS (SELECT 1 FROM content WHERE engine = ? AND sha256 = path.sha256 "
                "AND kept = 1)",
                (PathState.READY, PathState.DONE, made, self._engine),
            ).rowcount

    def twin_of(self, sha256: bytes, made: bytes) -> Output | None:
        """An output that was made of the same bytes in the same way."""
        rows = self._where("sha256 = ? AND made = ? AND out IS NOT NULL LIMIT 1", sha256, made)
        return next((row.output for row in rows), None)

    @staticmethod
    def _sha256_at(ledger: Connection, place: Place) -> bytes | None:
        sql = "SELECT sha256 FROM path WHERE folder = ? AND name = ?"
        found = ledger.execute(sql, key_of(place)).fetchone()
        return found and found[0]  # type: ignore[no-any-return]  # a blob or None

    def _state_for(self, ledger: Connection, sha256: bytes) -> PathState:
        """Where a name stands whose content stands where it does."""
        sql = "SELECT state FROM content WHERE engine = ? AND sha256 = ?"
        found = ledger.execute(sql, (self._engine, sha256)).fetchone()
        return _ENDS.get(found and found[0], PathState.WAITING)

    def _let_go(self, ledger: Connection, sha256: bytes | None) -> None:
        """Forget what a name had before, if nothing was done about that and no other has it."""
        if sha256 is not None:
            ledger.execute(
                "DELETE FROM content WHERE engine = ? AND sha256 = ? AND state = 1 AND "
                "sends = 0 AND NOT EXISTS (SELECT 1 FROM path WHERE sha256 = ?2)",
                (self._engine, sha256),
            )

    def _where(self, condition: str, *values: object) -> Iterator[PathRow]:
        sql = f"SELECT {COLUMNS} FROM path WHERE {condition}"  # noqa: S608 - texts of ours
        return map(PathRow.of, self._database.rows(sql, *values))
