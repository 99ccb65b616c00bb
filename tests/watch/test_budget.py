from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.watch.budget import Budget, next_midnight, pause_until


def unix(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "limit", "period"),
    [
        ("500", 500, "run"),
        (" 0 ", 0, "run"),
        ("500/day", 500, "day"),
        ("7 / MONTH", 7, "month"),
        ("999999999/day", 999_999_999, "day"),
    ],
)
def test_a_budget_is_read(text, limit, period):
    assert Budget.parse(text) == Budget(limit=limit, period=period)


@given(st.integers(0, 999_999_999), st.sampled_from(["run", "day", "month"]))
def test_what_a_budget_prints_is_read_as_the_same(limit, period):
    budget = Budget(limit=limit, period=period)
    assert Budget.parse(str(budget)) == budget


@pytest.mark.parametrize(
    "text",
    ["", "many", "-1", "1.5", "500/", "500/week", "/day", "1_000", "1e3", "٣", "500/day/day"],
)
def test_anything_else_is_refused_with_name_value_and_what_to_give(text):
    with pytest.raises(ConfigurationError) as refused:
        Budget.parse(text, name="REMBG_WATCH_BUDGET")
    message = str(refused.value)
    assert message.startswith(f"REMBG_WATCH_BUDGET is {text!r}: give N, N/day or N/month")


@pytest.mark.parametrize(
    ("period", "now", "window", "until"),
    [
        ("run", "2026-03-31T12:00", None, None),
        ("day", "2026-03-31T00:00", "2026-03-31", "2026-04-01T00:00"),
        ("day", "2026-12-31T23:59:59.999", "2026-12-31", "2027-01-01T00:00"),
        ("day", "2028-02-28T01:00", "2028-02-28", "2028-02-29T00:00"),
        ("month", "2026-01-31T12:00", "2026-01", "2026-02-01T00:00"),
        ("month", "2026-02-01T00:00", "2026-02", "2026-03-01T00:00"),
        ("month", "2026-12-31T23:59", "2026-12", "2027-01-01T00:00"),
    ],
)
def test_days_and_months_are_those_of_utc(period, now, window, until):
    budget = Budget(limit=1, period=period)
    assert budget.window(unix(now)) == window
    assert budget.until(unix(now)) == (None if until is None else unix(until))


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Kiritimati"])
def test_the_zone_of_the_machine_means_nothing(zone, monkeypatch):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        day = Budget(limit=1, period="day")
        assert day.window(unix("2026-03-31T23:30")) == "2026-03-31"
        assert day.until(unix("2026-03-31T23:30")) == unix("2026-04-01T00:00")
    finally:
        monkeypatch.undo()
        time.tzset()


@given(st.floats(0, 4e9), st.sampled_from(["day", "month"]))
def test_the_next_window_begins_when_this_one_ends(now, period):
    budget = Budget(limit=1, period=period)
    until = budget.until(now)
    assert until > now
    assert budget.window(until) != budget.window(now) == budget.window(until - 0.001)


def test_the_next_midnight_is_the_end_of_the_utc_day():
    assert next_midnight(unix("2026-03-31T00:00")) == unix("2026-04-01T00:00")


def test_a_budget_of_a_day_is_waited_for_and_one_of_a_run_is_not():
    day = pause_until(1_000.0, clock=50.0, now=400.0)
    assert (day.kind, day.left_s(clock=50.0, now=400.0)) == ("paused", 600.0)
    run = pause_until(None, clock=50.0, now=400.0)
    assert (run.kind, run.left_s(clock=50.0, now=400.0)) == ("closed", None)
    assert day.exit_code == run.exit_code == 75
    assert day.remedy.startswith("Wait")
    assert run.remedy == "Start again with another --budget."
