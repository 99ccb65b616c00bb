"""Threads and processes that spend at once, on a SQLite file and on a real PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connections

from rembg_plugins.django import ledger
from rembg_plugins.django.models import Call, Window

ROOT = Path(__file__).parents[2]
PROCESSES, THREADS = 4, 4


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path, settings, django_db_blocker):
    """An entry of DATABASES with the ledger in it; this process reads it as ``race``."""
    entry = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "race.sqlite3")}
    entry["OPTIONS"] = {"timeout": 60}  # it lets waiting callers try by chance, not in turn
    if request.param == "postgresql":
        entry = request.getfixturevalue("empty_postgresql")
    with django_db_blocker.unblock():
        connections.settings["race"] = {**connections.settings["default"], **entry}
        settings.DATABASE_ROUTERS = [ToRace()]
        with connections["race"].schema_editor() as editor:
            for model in (Call, Window):
                editor.create_model(model)
        yield entry
        connections["race"].close()
        del connections["race"]
        del connections.settings["race"]


class ToRace:
    """A router: the ledger lies there."""

    def db_for_read(self, model, **hints):
        return "race"

    db_for_write = db_for_read


def race(database, *, processes=PROCESSES, **work):
    """Let processes spend at once: how many calls were given, and what else went wrong."""
    work = {"threads": THREADS, "key": None, "free": False, "dies": False, "longest": 0, **work}
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    command = [sys.executable, "-m", "django_site.spenders", *map(json.dumps, (database, work))]
    started = [
        subprocess.Popen(
            [*command, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for number in range(processes)
    ]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [json.loads(process.communicate(timeout=120)[0] or "null") for process in started]
    answers = [one for one in answers if one is not None]  # of those that live
    return sum(one["begun"] for one in answers), [text for one in answers for text in one["wrong"]]


def test_sixteen_callers_never_pass_the_budget_by_one(database):
    begun, wrong = race(database, calls=10, hour=50)
    assert (begun, wrong) == (50, [])
    assert Call.objects.count() == 50
    reserved = dict(Window.objects.values_list("name", "reserved"))
    assert reserved == {"hour 2026-11-28T12": 50, "day 2026-11-28": 50}


def test_what_is_given_back_meanwhile_is_neither_lost_nor_given_twice(database):
    begun, wrong = race(database, calls=10, hour=3, free=True)
    assert wrong == []
    assert begun >= 3
    assert Call.objects.filter(credits=0, outcome="failed").count() == begun
    reserved = dict(Window.objects.values_list("name", "reserved"))
    assert reserved == {"hour 2026-11-28T12": 0, "day 2026-11-28": 0}


def test_even_without_the_lock_of_a_key_no_third_attempt_begins(database):
    begun, wrong = race(database, calls=1, hour=None, key="f" * 64)
    assert (begun, wrong) == (ledger.ATTEMPTS, [])


def test_even_without_the_lock_of_a_key_one_call_begins_while_another_may_be_at_it(database):
    begun, wrong = race(database, calls=5, hour=None, key="f" * 64, longest=120)
    assert (begun, wrong) == (1, [])


def test_a_call_whose_process_was_killed_stays_under_way_and_counts(database):
    key = "f" * 64
    for _ in range(ledger.ATTEMPTS):
        assert race(database, processes=1, threads=1, calls=1, hour=5, key=key, dies=True) == (
            0,
            [],
        )
    rows = Call.objects.values_list("outcome", "credits")
    assert list(rows) == [("under_way", 1)] * ledger.ATTEMPTS
    assert Window.objects.get(name="hour 2026-11-28T12").reserved == ledger.ATTEMPTS
    assert race(database, processes=1, threads=1, calls=1, hour=5, key=key) == (0, [])
    assert race(database, processes=1, threads=1, calls=4, hour=5) == (3, [])
