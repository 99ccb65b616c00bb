from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rembg_plugins.watch.pauses import Pause, Rank
from rembg_plugins.watch.remembering import KEY, keep, lift, recall

DAY = 86_400.0


def limit(until):
    return Pause(
        kind="paused" if until else "closed",
        reason="r",
        remedy="m",
        exit_code=75,
        rank=Rank.LIMIT if until else Rank.CLOSED,
        due=None if until is None else 5.0,
        until=until,
    )


def kept(until, owner="me"):
    store = {"other": "fact"}
    keep(limit(until), store, owner=owner)
    return store


def test_a_limit_is_waited_for_by_the_calendar_and_then_one_call_tries():
    pause = recall(kept(1_000.0 + DAY), owner="me", clock=7.0, now=1_000.0 + DAY / 2)
    assert (pause.kind, pause.reason, pause.remedy, pause.exit_code) == ("paused", "r", "m", 75)
    assert (pause.until, pause.due, pause.rank) == (1_000.0 + DAY, 7.0 + DAY / 2, Rank.LIMIT)
    assert pause.tries
    assert pause.heeds_calendar


def test_a_gate_that_was_closed_begins_with_one_call_that_tries_at_once():
    pause = recall(kept(None), owner="me", clock=7.0, now=1_000.0)
    assert (pause.kind, pause.rank, pause.tries) == ("paused", Rank.CLOSED, True)
    assert pause.left_s(clock=7.0, now=1_000.0) == 0


@pytest.mark.parametrize("until", [999.0, 1_000.0, -1e9, 1_000.0 + 31 * DAY + 1, 1e300])
def test_an_end_in_the_past_or_beyond_a_month_is_not_believed(until):
    pause = recall(kept(until), owner="me", clock=7.0, now=1_000.0)
    assert pause.left_s(clock=7.0, now=1_000.0) == 0
    assert pause.tries


def test_the_longest_month_is_believed():
    pause = recall(kept(1_000.0 + 31 * DAY), owner="me", clock=7.0, now=1_000.0)
    assert pause.left_s(clock=7.0, now=1_000.0) == 31 * DAY


def test_the_limit_of_another_key_is_not_waited_for():
    assert recall(kept(1_500.0), owner="somebody else", clock=7.0, now=1_000.0) is None


def test_nothing_is_left_of_what_is_over():
    store = kept(1_500.0)
    keep(None, store, owner="me")
    keep(None, store, owner="me")
    assert store == {"other": "fact"}
    assert recall(store, owner="me", clock=7.0, now=1_000.0) is None


def test_nonsense_is_read_as_nothing():
    good = json.loads(kept(1_500.0)[KEY])
    for name in good:
        for value in ({}, "x", [], True):
            store = {KEY: json.dumps(good | {name: value})}
            recall(store, owner="me", clock=7.0, now=1_000.0)
        assert recall({KEY: json.dumps(good | {"rank": "NO"})}, owner="me", clock=0, now=0) is None
        without = {key: value for key, value in good.items() if key != name}
        assert recall({KEY: json.dumps(without)}, owner="me", clock=7.0, now=1_000.0) is None


@pytest.mark.parametrize("until", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_an_end_that_is_no_time_is_not_waited_for(until):
    text = kept(1_500.0)[KEY].replace("1500.0", until)
    assert until in text
    pause = recall({KEY: text}, owner="me", clock=7.0, now=1_000.0)
    assert pause.left_s(clock=7.0, now=1_000.0) == 0


@given(st.text())
def test_no_text_breaks_the_start(text):
    assert recall({KEY: text}, owner="me", clock=7.0, now=1_000.0) is None


def test_what_a_person_has_lifted_begins_at_once_with_one_call_that_tries():
    store = kept(1_000.0 + DAY)
    assert lift(store)
    pause = recall(store, owner="me", clock=7.0, now=1_000.0)
    assert (pause.left_s(clock=7.0, now=1_000.0), pause.tries, pause.reason) == (0, True, "r")


@pytest.mark.parametrize("store", [{}, {KEY: "null"}, {KEY: "no JSON"}, {KEY: "[1]"}])
def test_where_nothing_is_kept_nothing_is_lifted(store):
    assert not lift(store)
