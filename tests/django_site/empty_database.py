"""A database of a test's own, with nothing in it."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest


@pytest.fixture
def empty_postgresql(postgresql):
    """An entry of DATABASES: an empty database on a real server."""
    name, place = f"test_{uuid4().hex}", {"host": str(postgresql), "user": "postgres"}
    with psycopg.connect(dbname="postgres", autocommit=True, **place) as server:
        server.execute(f"CREATE DATABASE {name}")
        yield {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name,
            "HOST": str(postgresql),
            "USER": "postgres",
        }
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")
