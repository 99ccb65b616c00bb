"""The ledger: what was seen, sent, paid for and published, in one SQLite file.

Each change of state is one transaction that is on disk before anything depends on it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, MutableMapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rembg_plugins.watch.contents import Contents
from rembg_plugins.watch.database import Database
from rembg_plugins.watch.paths import Paths
from rembg_plugins.watch.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILE = "ledger.sqlite3"
_ENGINE = "engine"

LONGEST_WAIT_S = 600.0
"""For how long anything in the ledger waits at most before it is tried again, in s."""

_SAME_SERVICE = """
INSERT OR IGNORE INTO content(engine, sha256, state, width, height, first_seen, not_before,
  sends, attempts, billed, doubts, sent_on, kept, code, reason, status, tried)
SELECT ?, sha256, iif(state >= 6, state, 4), width, height, first_seen, ?,
  sends, attempts + (state = 2), billed, doubts + (state = 2), sent_on, kept,
  iif(state = 6, code, coalesce(code, 'interrupted')),
  iif(state = 6, reason, coalesce(reason, 'It was sent to another address before.')),
  status, tried
FROM content WHERE engine = ? AND (state IN (2, 3, 4, 6) OR (state IN (1, 7) AND attempts > 0))
"""


class Meta(MutableMapping[str, str]):
    """Single facts by name, each change committed."""

    def __init__(self, database: Database) -> None:
        """Read from that file."""
        self._database = database

    def __getitem__(self, name: str) -> str:
        value: str | None = self._database.value("SELECT value FROM meta WHERE name = ?", name)
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: str) -> None:
        with self._database.transaction() as ledger:
            ledger.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def __delitem__(self, name: str) -> None:
        with self._database.transaction() as ledger:
            if not ledger.execute("DELETE FROM meta WHERE name = ?", (name,)).rowcount:
                raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter([row[0] for row in self._database.rows("SELECT name FROM meta")])

    def __len__(self) -> int:
        return int(self._database.value("SELECT count(*) FROM meta"))


class Ledger:
    """The open ledger of one INBOX; safe between threads.

    Who sends must hold the INBOX's lock. ``rembg-plugins ledger`` may read and change rows beside
    a running watcher, which notices by :meth:`has_changed`.

    Args:
        folder: Holds the file.
        engine: Name and version of the engine whose contents are meant.
        is_paid: Whether its calls cost money.
        now: Gives the UNIX time in s.

    Attributes:
        contents: What is paid for.
        paths: The names in INBOX.
        tally: What was done on each day.
        meta: Single facts by name.

    Raises:
        ConfigurationError: The file is no ledger, is damaged, or is one of a later version.
    """

    def __init__(
        self,
        folder: Path,
        *,
        engine: str,
        is_paid: bool = True,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Open it, or make a new one."""
        self._database = Database(folder / FILE)
        self._now = now
        self.meta = Meta(self._database)
        self.tally = Tally(self._database, lambda: day_of(now()))
        self.contents = Contents(
            self._database, self.tally, engine=engine, is_paid=is_paid, now=now
        )
        self.paths = Paths(self._database, self.tally, engine=engine, now=now)
        self._version = self._database.version()

    def __repr__(self) -> str:
        return f"Ledger({str(self._database.path)!r})"

    @property
    def changes(self) -> int:
        """How many changes there were: for :meth:`wait`."""
        return self._database.changes

    def wait(self, changes: int, timeout_s: float) -> None:
        """Wait until there are other changes than these, but no longer than so many s."""
        self._database.wait(changes, timeout_s)

    def wake(self) -> None:
        """Wake everybody who waits, as a change does."""
        self._database.notify()

    def other_addresses(self) -> list[str]:
        """The engines that are the same service by another address, if one of them was last."""
        engine = self.contents.engine
        if not engine or self.meta.get(_ENGINE) == engine:
            return []
        found = [row[0] for row in self._database.rows("SELECT DISTINCT engine FROM content")]
        return [one for one in found if one.split()[0] == engine.split()[0] and one != engine]

    def take_over(self) -> None:
        """Let names that wait for another engine's cut-outs wait for those of this one.

        What is published stays as it is. What the same service has made or may have billed under
        another address, it has: its cut-outs must lie with this engine's by now.
        """
        engine = self.contents.engine
        if self.meta.get(_ENGINE) == engine:
            return
        now, others = self._now(), self.other_addresses()
        with self._database.transaction() as ledger:
            for (other,) in ledger.execute("SELECT DISTINCT engine FROM content").fetchall():
                if other in others:
                    ledger.execute(_SAME_SERVICE, (engine, now, other))
                ledger.execute(
                    "INSERT OR IGNORE INTO content(engine, sha256, state, width, height, "
                    "first_seen, not_before) SELECT ?, sha256, 1, width, height, ?, ? FROM "
                    "path JOIN content USING (sha256) WHERE path.state IN (1, 2) AND "
                    "path.state < 6 AND made IS NULL AND engine = ?",
                    (engine, now, now, other),
                )
            ledger.execute(
                "UPDATE path SET not_before = 0, state = CASE "
                "(SELECT state FROM content WHERE engine = ? AND sha256 = path.sha256) "
                "WHEN 6 THEN 2 WHEN 7 THEN 3 ELSE iif(made IS NULL, 1, 6) END "
                "WHERE state IN (1, 2) AND state < 6",
                (engine,),
            )
            self.meta[_ENGINE] = engine

    def heed_clock(self) -> None:
        """Let nothing wait for a time that lies too far ahead: the clock was wrong."""
        now = self._now()
        values = (now, now + LONGEST_WAIT_S)
        late = "SET not_before = ? WHERE state < 6 AND not_before > ?"
        with self._database.transaction() as ledger:
            ledger.execute(f"UPDATE content {late}", values)
            ledger.execute(f"UPDATE path {late}", values)

    def has_changed(self) -> bool:
        """Whether another process has written since this was asked last; wakes who waits."""
        version = self._database.version()
        if version == self._version:
            return False
        self._version = version
        self._database.notify()
        return True

    def close(self) -> None:
        """Close it."""
        self._database.close()


def day_of(moment: float) -> str:
    """The UTC day of a UNIX time, as ``2026-03-31``."""
    return datetime.fromtimestamp(moment, UTC).date().isoformat()
