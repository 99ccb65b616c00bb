from __future__ import annotations

import copy
import json
import math
import pickle
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rembg_plugins.api.membership import (
    AnswerProblem,
    BillingCycle,
    BillingPeriod,
    Extra,
    Usage,
    read_billing_cycles,
    read_usage,
)

CONTRACT = Path(__file__).parents[1] / "contract"
USAGE = json.loads((CONTRACT / "usage.json").read_text())
CYCLES = json.loads((CONTRACT / "billing-cycles.json").read_text())

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def usage_with(**members):
    return {**USAGE, **members}


def cycle_with(**members):
    return usage_with(billingCycle={**USAGE["billingCycle"], **members})


def test_the_documented_usage_is_read():
    assert read_usage(USAGE, billing_cycle=True) == Usage(
        membership="Premium-20000",
        credits=18500,
        prepaid_credits=2000,
        app_usage=8500,
        api_usage=10000,
        billing_cycle=BillingCycle(
            period_start_unix=1740441600,
            period_end_unix=1743033599,
            app_usage=4200,
            api_usage=5100,
            included_credits=18500,
            prepaid_credits=2000,
            used_included_credits=9300,
            remaining_included_credits=9200,
            stripe_billing_synced=True,
        ),
    )


def test_the_documented_billing_cycles_are_read():
    assert read_billing_cycles(CYCLES) == (
        BillingPeriod(
            period_start_unix=1774268612,
            period_end_unix=1776947012,
            app_usage=120,
            api_usage=880,
        ),
    )
    assert read_billing_cycles({"billingCycles": []}) == ()


def test_the_order_of_the_billing_cycles_is_kept():
    one = CYCLES["billingCycles"][0]
    listed = [{**one, "apiUsage": number} for number in (3, 1, 2)]
    found = read_billing_cycles({"billingCycles": listed})
    assert [cycle.api_usage for cycle in found] == [3, 1, 2]


def test_prepaid_credits_are_among_those_that_are_left():
    assert read_usage(USAGE, billing_cycle=True).remaining == 9200 + 2000


def test_what_is_left_of_the_allowance_is_what_the_api_says():
    overdrawn = cycle_with(usedIncludedCredits=20000, remainingIncludedCredits=0)
    assert read_usage(overdrawn, billing_cycle=True).remaining == 2000


def test_times_are_in_utc_and_the_renewal_is_the_second_after_the_end():
    cycle = read_usage(USAGE, billing_cycle=True).billing_cycle
    assert cycle.period_start == datetime(2025, 2, 25, tzinfo=UTC)
    assert cycle.period_end == datetime(2025, 3, 26, 23, 59, 59, tzinfo=UTC)
    assert cycle.renewal == datetime(2025, 3, 27, tzinfo=UTC)
    assert cycle.period_end.tzinfo is cycle.renewal.tzinfo is UTC


def test_without_a_billing_cycle_nobody_knows_what_is_left():
    answer = {name: value for name, value in USAGE.items() if name != "billingCycle"}
    found = read_usage(answer, billing_cycle=False)
    assert found.billing_cycle is None
    assert found.remaining is None
    for absent in (answer, {**answer, "billingCycle": None}):
        with pytest.raises(AnswerProblem, match="no billingCycle in it"):
            read_usage(absent, billing_cycle=True)


@pytest.mark.parametrize(
    ("written", "number"),
    [(7, 7), ("7", 7), (" 7 ", 7), (7.0, 7), ("7.0", 7), ("+7", 7), ("-0", 0), ("0", 0)],
)
def test_a_number_may_come_as_a_string(written, number):
    found = read_usage(usage_with(credits=written), billing_cycle=True)
    assert found.credits == number
    assert type(found.credits) is int


@pytest.mark.parametrize(
    "odd",
    [
        "", "many", "7 credits", "1e3", "0x7", "७", "1" * 30, 10**400, 7.5, "7.5", 1e300, math.inf,
        math.nan, True, [7], {},
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_no_whole_number_is_named(odd):
    with pytest.raises(AnswerProblem, match="^credits is not a whole number: ") as caught:
        read_usage(usage_with(credits=odd), billing_cycle=True)
    assert len(str(caught.value)) < 120
    with pytest.raises(AnswerProblem, match=r"^billingCycle\.apiUsage is not a whole number: "):
        read_usage(cycle_with(apiUsage=odd), billing_cycle=True)


@pytest.mark.parametrize("written", [-7, "-7"])
@pytest.mark.parametrize("name", ["credits", "prepaidCredits", "app_usage", "api_usage"])
def test_a_negative_count_is_named(name, written):
    with pytest.raises(AnswerProblem, match=f"^{name} is not 0 or more: -7$"):
        read_usage(usage_with(**{name: written}), billing_cycle=True)


@pytest.mark.parametrize(
    "name", ["appUsage", "apiUsage", "includedCredits", "prepaidCredits", "usedIncludedCredits"]
)
def test_a_negative_count_of_the_billing_cycle_is_named(name):
    with pytest.raises(AnswerProblem, match=rf"^billingCycle\.{name} is not 0 or more: -7$"):
        read_usage(cycle_with(**{name: -7}), billing_cycle=True)


def test_less_than_nothing_left_is_nothing():
    overdrawn = cycle_with(usedIncludedCredits=18507, remainingIncludedCredits=-7)
    cycle = read_usage(overdrawn, billing_cycle=True).billing_cycle
    assert (cycle.remaining_included_credits, cycle.remaining) == (0, 2000)


def test_a_period_that_ends_before_it_begins_is_named():
    said = "periodEndUnix is not the end of a period that begins at 1743033600: 1743033599"
    with pytest.raises(AnswerProblem, match=rf"^billingCycle\.{said}$"):
        read_usage(cycle_with(periodStartUnix=1743033600), billing_cycle=True)
    one = {**CYCLES["billingCycles"][0], "periodStartUnix": 1743033600, "periodEndUnix": 1743033599}
    with pytest.raises(AnswerProblem, match=rf"^billingCycles\[0\]\.{said}$"):
        read_billing_cycles({"billingCycles": [one]})
    read_usage(cycle_with(periodStartUnix=1743033599), billing_cycle=True)  # of one second


@pytest.mark.parametrize("name", ["periodStartUnix", "periodEndUnix"])
@pytest.mark.parametrize("odd", [-1, 253_402_300_799, 10**17, "soon"])
def test_a_time_that_no_calendar_has_is_named(name, odd):
    with pytest.raises(AnswerProblem, match=rf"^billingCycle\.{name} is not a time in Unix sec"):
        read_usage(cycle_with(**{name: odd}), billing_cycle=True)


def test_milliseconds_are_not_taken_for_seconds():
    with pytest.raises(AnswerProblem, match="periodEndUnix"):
        read_usage(cycle_with(periodEndUnix=1743033599000), billing_cycle=True)


@pytest.mark.parametrize("name", [name for name in USAGE if name != "membership"])
def test_a_member_that_is_not_there_is_named(name):
    answer = {key: value for key, value in USAGE.items() if key != name}
    with pytest.raises(AnswerProblem, match=f"^no {name} in it$"):
        read_usage(answer, billing_cycle=True)


@pytest.mark.parametrize(
    "name", [name for name in USAGE["billingCycle"] if name != "stripeBillingSynced"]
)
def test_a_member_of_the_billing_cycle_that_is_not_there_is_named(name):
    cycle = {key: value for key, value in USAGE["billingCycle"].items() if key != name}
    with pytest.raises(AnswerProblem, match=rf"^no billingCycle\.{name} in it$"):
        read_usage(usage_with(billingCycle=cycle), billing_cycle=True)


@pytest.mark.parametrize("name", CYCLES["billingCycles"][0])
def test_a_member_of_a_listed_cycle_that_is_not_there_is_named(name):
    whole = CYCLES["billingCycles"][0]
    part = {key: value for key, value in whole.items() if key != name}
    with pytest.raises(AnswerProblem, match=rf"^no billingCycles\[1\]\.{name} in it$"):
        read_billing_cycles({"billingCycles": [whole, part]})


@pytest.mark.parametrize("answer", [None, [], "text", 7, True])
def test_an_answer_that_is_no_object_is_a_problem(answer):
    for read in (
        lambda: read_usage(answer, billing_cycle=True),
        lambda: read_billing_cycles(answer),
    ):
        with pytest.raises(AnswerProblem, match="no JSON object in it"):
            read()


@pytest.mark.parametrize("listed", [None, {}, "text", 7])
def test_billing_cycles_that_are_no_list_are_a_problem(listed):
    with pytest.raises(AnswerProblem, match="billingCycles"):
        read_billing_cycles({"billingCycles": listed})
    with pytest.raises(AnswerProblem, match=r"no object in billingCycles\[0\]: 'text'"):
        read_billing_cycles({"billingCycles": ["text"]})


@pytest.mark.parametrize(
    ("written", "synced"),
    [(True, True), (False, False), ("true", True), ("false", False), (None, None), ("hm", None)],
)
def test_whether_the_renewal_is_known_may_be_told_in_any_way_or_not_at_all(written, synced):
    found = read_usage(cycle_with(stripeBillingSynced=written), billing_cycle=True)
    assert found.billing_cycle.stripe_billing_synced is synced


def test_an_account_without_a_plan_has_no_label():
    answer = {name: value for name, value in USAGE.items() if name != "membership"}
    assert read_usage(answer, billing_cycle=True).membership == ""
    assert read_usage(usage_with(membership=None), billing_cycle=True).membership == ""


class TestExtra:
    def test_unknown_members_are_kept_wherever_they_stand(self):
        found = read_usage({**cycle_with(team={"seats": 3}), "seats": "5"}, billing_cycle=True)
        assert found.extra == {"seats": "5"}
        assert found.billing_cycle.extra == {"team": {"seats": 3}}
        listed = {"billingCycles": [{**CYCLES["billingCycles"][0], "note": None}]}
        assert read_billing_cycles(listed)[0].extra == {"note": None}

    def test_known_members_are_not_among_them(self):
        found = read_usage(USAGE, billing_cycle=True)
        assert not found.extra
        assert not found.billing_cycle.extra

    def test_it_is_read_only(self):
        extra = Extra({"seats": 5})
        with pytest.raises(TypeError):
            extra["seats"] = 6
        with pytest.raises(AttributeError):
            extra.clear()
        assert repr(extra) == "Extra({'seats': 5})"

    def test_it_is_not_the_answer_itself(self):
        answer = {"seats": 5}
        extra = Extra(answer)
        answer["seats"] = 6
        assert extra["seats"] == 5


def pickled(value):
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - our own


@pytest.mark.parametrize("preserve", [pickled, copy.deepcopy])
def test_a_usage_can_be_kept_and_compared(preserve):
    found = read_usage({**cycle_with(team={"seats": 3}), "seats": 5}, billing_cycle=True)
    assert preserve(found) == found
    assert hash(preserve(found)) == hash(found)
    assert found != read_usage(USAGE, billing_cycle=True)


@given(
    st.dictionaries(st.sampled_from([*USAGE, "other"]), JSON)
    | st.builds(lambda cycle: usage_with(billingCycle=cycle), JSON)
    | st.builds(
        lambda members: cycle_with(**members),
        st.dictionaries(st.sampled_from(list(USAGE["billingCycle"])), JSON),
    )
    | JSON
)
def test_any_json_is_read_or_is_a_problem(answer):
    try:
        found = read_usage(answer, billing_cycle=True)
    except AnswerProblem as problem:
        assert len(str(problem)) < 200
    else:
        assert found.billing_cycle.renewal.astimezone() > datetime(1969, 12, 31, tzinfo=UTC)
        assert type(found.remaining) is int


@given(st.builds(lambda cycles: {"billingCycles": cycles}, JSON | st.lists(JSON)) | JSON)
def test_any_json_is_a_list_of_cycles_or_is_a_problem(answer):
    try:
        found = read_billing_cycles(answer)
    except AnswerProblem as problem:
        assert len(str(problem)) < 200
    else:
        assert isinstance(found, tuple)
