from __future__ import annotations

import pytest
from django.db import OperationalError
from django_site.servers import until_alone

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
    lock, other = AdvisoryLock("postgresql", "x"), AdvisoryLock("postgresql", "x")
    assert lock.acquire(0.0)
    assert not other.acquire(0.0)
    assert not other.is_held()
    lock.release()
    until_alone(on_postgresql)


def test_other_problems_of_the_database_are_told(on_postgresql):
    lock = AdvisoryLock("postgresql", "x")
    lock._number = "no number"
    with pytest.raises(Exception, match="invalid input syntax"):
        lock.acquire(0.0)
