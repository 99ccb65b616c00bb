"""A database of a test's own, with nothing in it."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest
from django.db import connections


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


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request, tmp_path, django_db_blocker):
    """An empty database of that kind, as the alias ``empty``."""
    entry = {"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / "empty.sqlite3"}
    if request.param == "postgresql":
        entry = request.getfixturevalue("empty_postgresql")
    connections.settings["empty"] = {**connections.settings["default"], **entry}
    with django_db_blocker.unblock():
        yield "empty"
        connections["empty"].close()
    del connections["empty"]
    del connections.settings["empty"]
