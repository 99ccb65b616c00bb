"""Writes that stay, whatever becomes of the transaction around them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, TypeVar

from django.db import connections, router, transaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models import Model

T = TypeVar("T")


def autonomous(model: type[Model], write: Callable[[], T]) -> T:
    """Do a write, all or nothing, in a transaction of its own, and give what it gives.

    A credit that was spent stays spent where a page's transaction is rolled back, so the write
    then goes over a connection of its own. Not on SQLite, which has one writer: a second
    connection would wait for the first one in vain; there, what is rolled back is lost.

    Args:
        model: Whose database is written.
        write: Called once, here or in another thread.

    Raises:
        DatabaseError: The database refuses.
    """
    alias = router.db_for_write(model)
    connection = connections[alias]
    if connection.vendor != "sqlite" and _may_be_rolled_back(connection):
        with ThreadPoolExecutor(1, thread_name_prefix="rembg-ledger") as pool:
            return pool.submit(copy_context().run, _on_own_connection, alias, write).result()
    return _on_this_connection(alias, write)


def own_connection(alias: str) -> BaseDatabaseWrapper:
    """A connection beside this thread's, that nobody else waits for; whoever asks for it closes it.

    It is none of Django's own pool: one who holds a connection of that, and waits for another,
    would wait for all who do the same.
    """
    connection = connections[alias].copy()
    connection.settings_dict["OPTIONS"].pop("pool", None)
    return connection


def _on_own_connection(alias: str, write: Callable[[], T]) -> T:
    """Write over a connection of this thread's own, which ends with it."""
    connections[alias] = connection = own_connection(alias)
    try:
        return _in_transaction(connection, write)
    finally:
        connection.close()


def _on_this_connection(alias: str, write: Callable[[], T]) -> T:
    """Write over this thread's connection; it is left as it was found, open or not.

    A thread of a pool has no request whose end would close its connection.
    """
    connection = connections[alias]
    was_open = connection.connection is not None
    try:
        return _in_transaction(connection, write)
    finally:
        if not was_open and not connection.in_atomic_block:
            connection.close()


def _in_transaction(connection: BaseDatabaseWrapper, write: Callable[[], T]) -> T:
    """Write all or nothing; on PostgreSQL waiting for others, and never refused for their sake.

    Where a site asks for stricter transactions, the server ends one of two that count at once.
    """
    is_new = not connection.in_atomic_block
    with transaction.atomic(using=connection.alias):
        if is_new and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        return write()


def _may_be_rolled_back(connection: BaseDatabaseWrapper) -> bool:
    """Whether there is a transaction; none within that of a TestCase, which ends the row as well.

    Django marks the latter so, for `transaction.atomic(durable=True)` (Django 5.2 to 6.1).
    """
    blocks = getattr(connection, "atomic_blocks", [])
    return connection.in_atomic_block and not any(
        getattr(block, "_from_testcase", False) for block in blocks
    )
