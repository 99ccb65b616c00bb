"""What was done on each day, counted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from rembg_plugins.watch.database import Database

Kind = Literal["sent", "billed", "in_doubt", "published", "failed"]
"""Calls begun; calls billed for certain; calls of which nobody can know; outputs; failed files."""

_PAID = ("billed", "in_doubt")


class Tally:
    """Counts by UTC day, and of this run.

    Args:
        database: Where they are kept.
        today: Gives the UTC day, as ``2026-03-31``.

    Only the owner of the ledger counts, so what came since it was opened is this run's.
    """

    def __init__(self, database: Database, today: Callable[[], str]) -> None:
        """Nothing was done in this run yet."""
        self._database = database
        self._today = today
        self._before = self._all()

    def add(self, kind: Kind, *, day: str | None = None, count: int = 1) -> None:
        """Count something; today where no day is given."""
        with self._database.transaction() as ledger:
            ledger.execute(
                "INSERT INTO tally VALUES (?1, ?2, ?3) "
                "ON CONFLICT(day, kind) DO UPDATE SET n = n + ?3",
                (day or self._today(), kind, count),
            )

    @property
    def run(self) -> Counter[str]:
        """What was done since the ledger was opened."""
        return self._all() - self._before

    def count(self, kind: Kind, days: str = "") -> int:
        """How often something was done on the days that begin so: all, a month, a day."""
        sql = "SELECT sum(n) FROM tally WHERE kind = ? AND day GLOB ?"
        return self._database.value(sql, kind, f"{days}*") or 0

    def paid(self, window: str | None) -> int:
        """Credits that were spent or may have been.

        Args:
            window: How the days begin; None for this run.
        """
        if window is None:
            run = self.run
            return sum(run[kind] for kind in _PAID)
        return self.count("billed", window) + self.count("in_doubt", window)

    def _all(self) -> Counter[str]:
        rows = self._database.rows("SELECT kind, sum(n) FROM tally GROUP BY kind")
        return Counter(dict(rows))
