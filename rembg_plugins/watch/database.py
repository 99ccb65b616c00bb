"""The SQLite file of a ledger: opened, checked, brought up to date, and its transactions."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any

from rembg_plugins.watch.problems import LEDGER, problem_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rembg_plugins.core.errors import ConfigurationError

_SCHEMA = (
    (
        """
        CREATE TABLE content(
          engine TEXT NOT NULL, sha256 BLOB NOT NULL, state INTEGER NOT NULL,
          width INTEGER NOT NULL, height INTEGER NOT NULL, first_seen REAL NOT NULL,
          not_before REAL NOT NULL,            -- UNIX s, of a new one when it was found
          sends INTEGER NOT NULL DEFAULT 0,    -- calls that were begun
          attempts INTEGER NOT NULL DEFAULT 0, -- that may have been billed, less those forced
          billed INTEGER NOT NULL DEFAULT 0,   -- calls that were billed for certain
          doubts INTEGER NOT NULL DEFAULT 0,   -- calls of which nobody can know
          sent_on TEXT,                        -- the UTC day of the last call
          kept INTEGER NOT NULL DEFAULT 0,     -- whether its cut-out is kept
          code TEXT, reason TEXT, status INTEGER,
          tried TEXT NOT NULL DEFAULT '[]',    -- JSON: when and how each call ended
          PRIMARY KEY(engine, sha256)
        ) STRICT, WITHOUT ROWID
        """,
        # `state` comes first, or SQLite reads all that are open to find those in one state.
        "CREATE INDEX content_open ON content(state, engine, not_before) WHERE state < 6",
        """
        CREATE TABLE path(
          folder BLOB NOT NULL, name BLOB NOT NULL, state INTEGER NOT NULL,
          size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ino INTEGER NOT NULL,
          sha256 BLOB, not_before REAL NOT NULL DEFAULT 0,
          made BLOB,                           -- how its output was made: options and names
          out BLOB, fold INTEGER,              -- its output, and a digest that clashing names share
          out_size INTEGER, out_mtime_ns INTEGER, out_ino INTEGER, out_sha256 BLOB,
          code TEXT, reason TEXT, note BLOB, away INTEGER NOT NULL DEFAULT 0,
          PRIMARY KEY(folder, name)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX path_open ON path(state, not_before) WHERE state < 6",
        "CREATE INDEX path_failed ON path(state) WHERE state = 7",
        "CREATE INDEX path_content ON path(sha256) WHERE sha256 IS NOT NULL",
        "CREATE INDEX path_fold ON path(fold) WHERE fold IS NOT NULL",
        """
        CREATE TABLE tally(
          day TEXT NOT NULL, kind TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY(day, kind)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    ),
)
"""What brings the file from each version to the next."""

VERSION = len(_SCHEMA)
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_ERRNOS = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_BUSY: errno.EBUSY,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_CANTOPEN: errno.EIO,
}
_CACHE_KIB = 8 * 1024
_PATIENCE_S = 5.0
_PAUSE_S = 0.02


class Database:
    """A connection for everything that writes, and one for the scan, which reads a great deal.

    Args:
        path: The file; made where there is none. It must lie on a local disk: SQLite's WAL does
            not work on others.

    Attributes:
        changed: Notified after each transaction that has changed something; its lock is not held
            during any.
        changes: How often it was notified: who looks at it before looking at the rows misses no
            change in between.

    Raises:
        ConfigurationError: It is no ledger, is damaged, or is one of a later version; so every
            method, where damage is found later.
        OSError: Of every method: the disk is full, fails, or another process keeps the file.
    """

    def __init__(self, path: Path) -> None:
        """Open it."""
        self.path = path
        self.changed = threading.Condition()
        self.changes = 0
        self._lock = threading.RLock()
        self._reading = threading.Lock()
        self._depth = 0
        with contextlib.ExitStack() as stack:
            try:
                self._writer = stack.enter_context(contextlib.closing(_connect(path)))
                self._update()
                self._reader = stack.enter_context(contextlib.closing(_connect(path)))
            except sqlite3.DatabaseError as problem:
                raise _unusable(path, problem) from problem
            stack.pop_all()

    def close(self) -> None:
        """Close it; nothing is lost without that either."""
        with self._lock, self._reading:
            self._writer.close()
            self._reader.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of the block or nothing of it, on disk when the block has ended."""
        with self._lock:
            if self._depth:
                yield self._writer
                return
            with self._explained():
                before = self._writer.total_changes
                self._writer.execute("BEGIN IMMEDIATE")
                self._depth += 1
                try:
                    yield self._writer
                    self._writer.execute("COMMIT")
                except BaseException:
                    if self._writer.in_transaction:
                        self._writer.execute("ROLLBACK")
                    raise
                finally:
                    self._depth -= 1
            has_changed = self._writer.total_changes != before
        if has_changed:
            self.notify()

    def rows(self, sql: str, *values: object) -> list[Any]:
        """The rows of a question, all at once."""
        with self._lock, self._explained():
            return self._writer.execute(sql, values).fetchall()

    def value(self, sql: str, *values: object) -> Any:
        """The first column of the first row, or None."""
        rows = self.rows(sql, *values)
        return rows[0][0] if rows else None

    def scan(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """As :meth:`rows`, on the connection that nobody who writes has to wait for."""
        with self._reading, self._explained():
            return self._reader.execute(sql, values).fetchall()

    def version(self) -> int:
        """Changes whenever another process has written."""
        return int(self.value("PRAGMA data_version"))

    def notify(self) -> None:
        """Wake everybody who waits for a change."""
        with self.changed:
            self.changes += 1
            self.changed.notify_all()

    def wait(self, changes: int, timeout_s: float) -> None:
        """Wait until there are other changes than these, but no longer than so many s."""
        with self.changed:
            if self.changes == changes:
                self.changed.wait(timeout_s)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Say what a failure means that is no fault of the program."""
        try:
            yield
        except sqlite3.DatabaseError as problem:
            code = getattr(problem, "sqlite_errorcode", 0) & 0xFF
            if code in _DAMAGED:
                raise _unusable(self.path, problem) from problem
            if code not in _ERRNOS:
                raise
            raise OSError(_ERRNOS[code], f"ledger: {problem}", os.fspath(self.path)) from problem

    def _update(self) -> None:
        writer = self._writer
        version = writer.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            message = (
                f"The ledger {self.path} was written by a later version of rembg-plugins "
                f"(layout {version}, known: {VERSION}): use that version."
            )
            raise problem_of(LEDGER, message)
        if version < VERSION:
            writer.execute("BEGIN IMMEDIATE")  # and ask again: another process may have done it
            for step in range(writer.execute("PRAGMA user_version").fetchone()[0], VERSION):
                for statement in _SCHEMA[step]:
                    writer.execute(statement)
                writer.execute(f"PRAGMA user_version = {step + 1}")
            writer.execute("COMMIT")
        writer.execute("SELECT 1 FROM content, path, tally, meta LIMIT 0")  # is it a ledger?


def plain(text: str) -> str:
    """A text as SQLite takes it: what is no character is escaped."""
    return text.encode(errors="backslashreplace").decode()


def _unusable(path: Path, problem: sqlite3.DatabaseError) -> ConfigurationError:
    message = (
        f"The ledger {path} cannot be used: {problem}. Free some space if the disk is full; if it "
        "is damaged, move it away: pictures whose cut-outs are kept beside it are not paid for "
        "again."
    )
    return problem_of(LEDGER, message)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False
    )
    try:
        _write_ahead(connection)
        # What is committed is on disk: it is what stands between a crash and a second payment.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        connection.execute("PRAGMA journal_size_limit = 67108864")
    except BaseException:
        connection.close()
        raise
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Make the file a WAL, which it stays; two processes may want that at once."""
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as problem:
            # Here SQLite does not wait by itself for another process, whatever its timeout.
            is_busy = problem.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() > until:
                raise
            time.sleep(_PAUSE_S)
        else:
            return
