from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from rembg_plugins.django import ledger
from rembg_plugins.django.models import Call
from rembg_plugins.django.purpose import Purpose
from rembg_plugins.django.setting_values import Budget
from rembg_plugins.django.usage import usage

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 28, 12, 30, tzinfo=UTC)


def call(moment=NOON, *, outcome="done", billed=True, engine="api 1", is_paid=True):
    number = ledger.begin(
        key=f"{Call.objects.count():064}",
        engine=engine,
        is_paid=is_paid,
        purpose=Purpose(),
        budget=Budget(),
        now=lambda: moment,
    )
    if outcome is not None:
        ledger.end(number, outcome=outcome, error="", billed=billed, seconds=1)


def found(days=7, **budget):
    return usage(Budget(**budget), days=days, now=lambda: NOON)


def test_what_was_spent_is_summed_up_by_hour_day_and_month():
    call()
    call(NOON - timedelta(hours=1))
    call(NOON - timedelta(days=1))
    call(datetime(2026, 10, 31, 23, 59, tzinfo=UTC))
    now = found()
    assert [one.credits for one in (now.hour, now.day, now.month)] == [1, 2, 3]
    assert [(day.name, day.credits) for day in now.days] == [("2026-11-28", 2), ("2026-11-27", 1)]
    assert [day.name for day in found(days=1).days] == ["2026-11-28"]
    assert [day.name for day in found(days=29).days][-1] == "2026-10-31"


def test_failed_calls_and_those_in_doubt_are_told_apart():
    call(outcome="failed", billed=False)
    call(outcome="in_doubt", billed=None)
    call(outcome=None)
    now = found()
    assert (now.day.credits, now.day.calls, now.day.failed, now.day.in_doubt) == (2, 3, 1, 1)
    assert (now.under_way.calls, now.under_way.credits) == (1, 1)
    assert now.oldest_under_way == NOON


def test_engines_are_told_one_by_one():
    call()
    call(engine="local u2netp-309c8469", is_paid=False, billed=False)
    assert [(one.name, one.credits, one.calls) for one in found().engines] == [
        ("api 1", 1, 1),
        ("local u2netp-309c8469", 0, 1),
    ]


def test_what_is_left_is_what_may_be_reserved():
    call()
    assert found(hour=5).left == {"hour": 4, "day": None}
    assert found(hour=1, day=1).left == {"hour": 0, "day": 0}


def test_an_empty_ledger_is_nothing():
    now = found()
    assert (now.month.credits, now.engines, now.days, now.oldest_under_way) == (0, (), (), None)


def told(**options):
    stdout = io.StringIO()
    call_command("rembg_usage", stdout=stdout, **options)
    return stdout.getvalue()


def test_the_command_tells_all_of_it(site):
    site(BUDGET={"hour": 5})
    now = datetime.now(UTC)
    call(now)
    call(now, outcome=None)
    text = told()
    assert "This hour  2 credits, 2 calls; 3 left of the budget" in text
    assert "Today      2 credits, 2 calls; no budget is set" in text
    assert "Under way  1 credit, 1 call, the oldest since" in text
    assert "  api 1                    2 credits, 2 calls" in text


def test_the_command_gives_json(site):
    site(BUDGET={"day": 9})
    call(datetime.now(UTC), outcome="in_doubt", billed=None)
    facts = json.loads(told(json=True))
    assert facts["left"] == {"hour": None, "day": 8}
    assert facts["day"]["in_doubt"] == facts["month"]["credits"] == 1
    assert facts["engines"][0]["name"] == "api 1"


def test_no_engine_is_needed_for_it(site):
    site(ENGINE="imaginary")
    assert "This hour  0 credits, 0 calls" in told()


def test_what_cannot_be_told_is_an_error(settings):
    with pytest.raises(CommandError, match="--days must be 1 or more, got: 0"):
        told(days=0)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE rembg_call RENAME TO elsewhere")
    with pytest.raises(CommandError, match="manage.py migrate"):
        told()
    settings.REMBG = {"BUDGET": 5}
    with pytest.raises(CommandError, match="BUDGET"):
        told()
