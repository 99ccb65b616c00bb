"""The contents in the ledger: each is paid for once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rembg_plugins.watch.content import Begin
from rembg_plugins.watch.database import plain
from rembg_plugins.watch.queue import LOST, Queue
from rembg_plugins.watch.states import ATTEMPTS, ContentState, PathState

if TYPE_CHECKING:
    from collections.abc import Callable
    from sqlite3 import Connection

    from rembg_plugins.watch.database import Database
    from rembg_plugins.watch.tally import Tally

_MOST_TRIED = 20  # calls that are told of one by one


class Contents(Queue):
    """The contents of one engine: the arrows between their states.

    Args:
        database: The file.
        tally: Counts what is paid.
        engine: Name and version of the engine.
        is_paid: Whether its calls cost money; those of another are attempts all the same.
        now: Gives the UNIX time in s.
    """

    def __init__(
        self,
        database: Database,
        tally: Tally,
        *,
        engine: str,
        is_paid: bool,
        now: Callable[[], float],
    ) -> None:
        """Nothing is changed yet."""
        super().__init__(database, engine=engine, now=now)
        self._tally = tally
        self._is_paid = is_paid

    def begin(self, sha256: bytes, *, limit: int | None, window: str | None, day: str) -> Begin:
        """Commit that a content is about to be sent; only then may its first byte leave.

        Args:
            sha256: Which.
            limit: Credits that the window may cost at most; None for any number.
            window: How the window's days begin, or None for this run.
            day: The UTC day.
        """
        with self._database.transaction() as ledger:
            if limit is not None and self._is_paid:
                paid = self._tally.paid(window)
                sql = "SELECT count(*) FROM content WHERE engine = ? AND state = 2 AND state < 6"
                if paid >= limit:
                    return Begin.SPENT
                if paid + self._database.value(sql, self.engine) >= limit:
                    return Begin.WAIT
            changed = self._set(
                ledger,
                "state = 2, sends = sends + 1, sent_on = ?",
                (day,),
                sha256,
                only=f"state IN (1, 3) AND attempts < {ATTEMPTS}",
            )
            if not changed:
                return Begin.TAKEN
            self._tally.add("sent", day=day)
        return Begin.BEGUN

    def cut(self, sha256: bytes, *, billed: bool | None) -> None:
        """Its answer is safe and good: every name that waits for it can be published."""
        with self._database.transaction() as ledger:
            if self._end(ledger, sha256, ContentState.CUT, "cut out", billed=billed):
                clean = "kept = 1, code = NULL, reason = NULL, status = NULL"
                self._set(ledger, clean, (), sha256)
                self._move_paths(ledger, sha256, PathState.READY)

    def requeue(self, sha256: bytes, *, not_before: float, how: str) -> None:
        """A call ended that was surely not billed; the content is sent again later."""
        with self._database.transaction() as ledger:
            if self._end(ledger, sha256, ContentState.QUEUED, how, billed=False):
                self._set(ledger, "not_before = ?", (not_before,), sha256)

    def doubt(
        self, sha256: bytes, *, retry: bool, not_before: float, code: str, reason: str
    ) -> ContentState:
        """A call ended, or was lost, of which nobody can know whether it was billed.

        Args:
            sha256: Of which content.
            retry: Whether it may be sent once more; else a person decides.
            not_before: When, UNIX s.
            code: A short name of what happened.
            reason: The same as a sentence.

        Returns:
            Where it stands now.
        """
        with self._database.transaction() as ledger:
            content = self.get(sha256)
            attempts = 1 + (content.attempts if content else 0)
            state = ContentState.PARKED
            if retry:
                state = ContentState.IN_DOUBT if attempts < ATTEMPTS else ContentState.FAILED
            if not self._end(ledger, sha256, state, reason, billed=None):
                return content.state if content else state
            self._set(
                ledger,
                "not_before = ?, code = ?, reason = ?",
                (not_before, code, plain(reason)),
                sha256,
            )
            if state is ContentState.FAILED:
                self._move_paths(ledger, sha256, PathState.FAILING)
        return state

    def fail(
        self, sha256: bytes, *, billed: bool | None, code: str, reason: str, status: int | None
    ) -> None:
        """It will not be sent again by itself: every name that waits for it fails."""
        with self._database.transaction() as ledger:
            if self._end(ledger, sha256, ContentState.FAILED, reason, billed=billed):
                facts = (code, plain(reason), status)
                self._set(ledger, "code = ?, reason = ?, status = ?", facts, sha256)
                self._move_paths(ledger, sha256, PathState.FAILING)

    def park(self, sha256: bytes, *, billed: bool | None, code: str, reason: str) -> None:
        """A person has to decide; its names wait."""
        with self._database.transaction() as ledger:
            if self._end(ledger, sha256, ContentState.PARKED, reason, billed=billed):
                self._set(ledger, "code = ?, reason = ?", (code, plain(reason)), sha256)

    def put_off(self, sha256: bytes, *, not_before: float) -> None:
        """Its picture cannot be read just now: send it later."""
        with self._database.transaction() as ledger:
            self._set(ledger, "not_before = ?", (not_before,), sha256, only="state IN (1, 3)")

    def give_up(self, sha256: bytes) -> None:
        """A person has decided: it is not sent again, and its names fail."""
        with self._database.transaction() as ledger:
            if self._set(ledger, "state = 7", (), sha256, only="state IN (3, 4)"):
                self._move_paths(ledger, sha256, PathState.FAILING)

    def park_doubts(self) -> None:
        """Those in doubt wait for a person, where they waited for a second call before."""
        with self._database.transaction() as ledger:
            sql = "UPDATE content SET state = 4 WHERE engine = ? AND state = 3 AND state < 6"
            ledger.execute(sql, (self.engine,))

    def retry(self, sha256: bytes, *, force: bool = False) -> bool:
        """Send it again, a person says; the number of attempts holds unless one more is forced.

        Returns:
            Whether it will be.
        """
        only = "state IN (3, 4, 7)" + ("" if force else f" AND attempts < {ATTEMPTS}")
        with self._database.transaction() as ledger:
            # A force allows one call more, however many there were: it is no fresh start.
            one_more = f", attempts = min(attempts, {ATTEMPTS - 1})" if force else ""
            changes, values = f"state = 1, not_before = ?{one_more}", (self._now(),)
            return bool(self._set(ledger, changes, values, sha256, only=only))

    def adopt(self, sha256: bytes, size_px: tuple[int, int]) -> None:
        """A cut-out is kept that the ledger does not know, since it is new: it is not bought."""
        with self._database.transaction() as ledger:
            ledger.execute(
                "INSERT OR IGNORE INTO content(engine, sha256, state, width, height, first_seen, "
                "not_before, attempts, kept) VALUES (?, ?, 6, ?, ?, ?, 0, ?, 1)",
                (self.engine, sha256, *size_px, self._now(), self._is_paid),
            )

    def drop_cutout(self, sha256: bytes) -> None:
        """Its cut-out is no longer kept."""
        with self._database.transaction() as ledger:
            self._set(ledger, "kept = 0", (), sha256)

    def lose_cutout(self, sha256: bytes) -> ContentState | None:
        """Its cut-out is gone though names wait for it: it has to be cut out anew.

        What was paid for is not bought again unasked: a person decides. Names that have an output
        of the very bytes keep that.

        Returns:
            Where it stands now; None where there is no such content.
        """
        with self._database.transaction() as ledger:
            content = self.get(sha256)
            state = content.state if content else None
            if content is not None and content.state is ContentState.CUT:
                most = 0 if self._is_paid else ATTEMPTS - 1
                state = ContentState.QUEUED if content.attempts <= most else ContentState.PARKED
                self._set(
                    ledger,
                    "kept = 0, state = ?, not_before = ?, code = ?, reason = ?",
                    (state, self._now(), *LOST),
                    sha256,
                )
            # In any case: who is ready without a cut-out would be asked for it for ever.
            sql = "UPDATE path SET state = iif(made IS NULL, 1, 6) WHERE sha256 = ? AND state = ?"
            ledger.execute(sql, (sha256, PathState.READY))
        return state

    def _end(
        self,
        ledger: Connection,
        sha256: bytes,
        state: ContentState,
        how: str,
        *,
        billed: bool | None,
    ) -> bool:
        """Put down how a call ended, and what it cost on the day on which it began.

        Gives whether there was one under way: nothing is put down twice.
        """
        content = self.get(sha256)
        if content is None or content.state is not ContentState.SENDING:
            return False
        tried = [*content.tried, (round(self._now(), 3), how)][-_MOST_TRIED:]
        self._set(
            ledger,
            "state = ?, tried = ?, attempts = attempts + ?, billed = billed + ?, "
            "doubts = doubts + ?",
            (state, json.dumps(tried), billed is not False, billed is True, billed is None),
            sha256,
        )
        if billed is not False and self._is_paid:
            self._tally.add("billed" if billed else "in_doubt", day=content.sent_on)
        return True

    def _set(
        self,
        ledger: Connection,
        changes: str,
        values: tuple[object, ...],
        sha256: bytes,
        *,
        only: str = "true",
    ) -> int:
        sql = f"UPDATE content SET {changes} WHERE engine = ? AND sha256 = ? AND {only}"  # noqa: S608 - texts of ours
        return ledger.execute(sql, (*values, self.engine, sha256)).rowcount

    def _move_paths(self, ledger: Connection, sha256: bytes, state: PathState) -> None:
        """Let the names that wait for it go on."""
        sql = "UPDATE path SET state = ?, not_before = 0 WHERE sha256 = ? AND state = ?"
        ledger.execute(sql, (state, sha256, PathState.WAITING))
