from __future__ import annotations

import pytest
from django.db import OperationalError

from rembg_plugins.django.advisory_lock import AdvisoryLock


def test_it_ends_with_its_connection(on_postgresql):
    lock, other = AdvisoryLock("postgresql", "x"), AdvisoryLock("postgresql", "x")
    assert lock.acquire(0.0)
    with on_postgresql.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
    with pytest.raises(OperationalError):
        lock.is_held()
    assert other.acquire(0.0)
    other.release()
    lock.release()


def test_it_leaves_no_connection_open(on_postgresql):
    def others():
        with on_postgresql.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            return cursor.fetchone()[0]

    lock, other = AdvisoryLock("postgresql", "x"), AdvisoryLock("postgresql", "x")
    assert lock.acquire(0.0)
    assert not other.acquire(0.0)
    assert not other.is_held()
    lock.release()
    latest = 1000
    while others() and latest:  # the server ends them a moment later
        latest -= 1
    assert latest


def test_other_problems_of_the_database_are_told(on_postgresql):
    lock = AdvisoryLock("postgresql", "x")
    lock._number = "no number"
    with pytest.raises(Exception, match="invalid input syntax"):
        lock.acquire(0.0)
