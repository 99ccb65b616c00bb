"""The names in the ledger, folder by folder: what a scan compares INBOX with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rembg_plugins.watch.records import Known, Place, Stamp
from rembg_plugins.watch.states import PathState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rembg_plugins.watch.database import Database

Row = tuple[bytes, int, int, int, int]
"""A name, its stamp (bytes, ns, inode) and its state, as they stand in the ledger."""

_KNOWN = "SELECT name, size, mtime_ns, ino, state FROM path WHERE folder = ?"
_STATES = {int(state): state for state in PathState}
_AT_ONCE = 500  # rows that a question gives, where there may be any number


class Listing:
    """The names of INBOX; nobody who writes has to wait for these questions.

    Args:
        database: The file.
    """

    def __init__(self, database: Database) -> None:
        """Nothing is read yet."""
        self._database = database

    def known(self, folder: bytes, names: Sequence[bytes]) -> dict[bytes, Known]:
        """What is known of some names of a folder, at most a few thousand at once."""
        wanted = frozenset(names)
        return {
            name: Known(Stamp(size, mtime_ns, ino), _STATES[state])
            for name, size, mtime_ns, ino, state in self._rows(folder, names)
            if name in wanted
        }

    def stamps(self, folder: bytes, names: Sequence[bytes]) -> dict[bytes, Row]:
        """The same as plain rows, of other names as well: for a million files at a time."""
        return {row[0]: row for row in self._rows(folder, names)}

    def _rows(self, folder: bytes, names: Sequence[bytes]) -> list[Row]:
        if not names:
            return []
        # To read a range is three times as fast as to look each name up, unless others lie between.
        sql = f"{_KNOWN} AND name BETWEEN ? AND ? LIMIT ?"
        most = 2 * len(names)
        rows = self._database.scan(sql, (folder, min(names), max(names), most))
        if len(rows) == most:
            sql = f"{_KNOWN} AND name IN ({','.join('?' * len(names))})"
            rows = self._database.scan(sql, (folder, *names))
        return rows

    def count(self, folder: bytes) -> int:
        """How many names of a folder are known that should lie there."""
        sql = "SELECT count(*) FROM path WHERE folder = ? AND NOT away"
        return int(self._database.scan(sql, (folder,))[0][0])

    def names(self, folder: bytes) -> Iterator[bytes]:
        """Those names."""
        last = b""
        while True:
            rows = self._database.scan(
                "SELECT name FROM path WHERE folder = ? AND name > ? "
                "AND NOT away ORDER BY name LIMIT ?",
                (folder, last, _AT_ONCE),
            )
            if not rows:
                return
            for (name,) in rows:
                yield name
            last = rows[-1][0]

    def sharing(self, sha256: bytes, made: bytes, *, beside: Place) -> Place | None:
        """A name that has an output of some bytes, made in some way; None where no other has."""
        rows = self._database.scan(
            "SELECT folder, name FROM path WHERE sha256 = ? AND made = ? AND "
            "NOT (folder = ? AND name = ?) LIMIT 1",
            (sha256, made, beside.folder, beside.name),
        )
        return Place(*rows[0]) if rows else None

    def folders(self) -> Iterator[bytes]:
        """All folders of which names are known."""
        sql = "SELECT min(folder) FROM path WHERE folder > ?"
        folder = self._database.scan("SELECT min(folder) FROM path")[0][0]
        while folder is not None:
            yield folder
            folder = self._database.scan(sql, (folder,))[0][0]

    def is_work_left(self) -> bool:
        """Whether an output, a note or an original is still to be seen to."""
        sql = "SELECT EXISTS (SELECT 1 FROM path WHERE state IN (2, 3, 4) AND state < 6)"
        return bool(self._database.value(sql))
