"""A lock of PostgreSQL's, which ends with the connection of whoever holds it."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from django.db import DatabaseError

from rembg_plugins.django.autonomous import own_connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.backends.base.base import BaseDatabaseWrapper

_LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL, appendix A: lock_timeout is over
_LONGEST_MS = 2**31 - 1


class AdvisoryLock:
    """A lock on a number, in a transaction on a connection of its own; for one use.

    In a transaction, since a pooler between us and the server may give each statement outside of
    one to another of its connections; on one of its own, since the caller's may end before or
    long after the work.

    Args:
        alias: Of the database.
        name: Of the lock.
        clock: Gives the time in s.
    """

    def __init__(
        self, alias: str, name: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing is opened yet."""
        digest = hashlib.sha256(name.encode()).digest()
        self._number = int.from_bytes(digest[:8], "big", signed=True)
        self._alias, self._clock = alias, clock
        self._connection: BaseDatabaseWrapper | None = None

    def acquire(self, end: float) -> bool:
        """Whether it was had until then; the server does the waiting.

        Raises:
            DatabaseError: There is no connection, or the server refuses.
        """
        connection = own_connection(self._alias)
        try:
            connection.set_autocommit(False)
            self._wait(connection, end)
        except DatabaseError as problem:
            connection.close()
            if _state_of(problem) == _LOCK_NOT_AVAILABLE:
                return False
            raise
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return True

    def is_held(self) -> bool:
        """Whether it is still ours: as long as its connection lives.

        Raises:
            DatabaseError: It does not.
        """
        if self._connection is None:
            return False
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return True

    def release(self) -> None:
        """Let the next one have it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _wait(self, connection: BaseDatabaseWrapper, end: float) -> None:
        rest_ms = max(1, min(_LONGEST_MS, int((end - self._clock()) * 1000)))  # 0 is without end
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('lock_timeout', %s, true),"
                " set_config('statement_timeout', '0', true),"
                " set_config('idle_in_transaction_session_timeout', '0', true)",
                [f"{rest_ms}ms"],
            )
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [self._number])


def _state_of(problem: DatabaseError) -> str | None:
    """The SQLSTATE, as psycopg 3 or psycopg2 tell it."""
    cause = problem.__cause__
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
