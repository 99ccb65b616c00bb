from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rembg_plugins.core.errors import ValidationError
from rembg_plugins.core.usage_query import (
    LATEST_UNIX,
    USAGE_PARAMETERS,
    UsageQuery,
    parse_usage_query,
    query_parameters,
)


def problems_of(raw):
    with pytest.raises(ValidationError) as caught:
        parse_usage_query(raw)
    return {(error.field, error.code) for error in caught.value.errors}


QUESTIONS = st.builds(
    UsageQuery,
    year=st.none() | st.integers(1, 9999),
    month=st.none() | st.integers(1, 12),
    billing_cycle=st.booleans(),
) | st.builds(UsageQuery, period_start=st.integers(0, LATEST_UNIX), billing_cycle=st.booleans())


@given(QUESTIONS | st.just(UsageQuery(list_cycles=True)))
def test_a_question_survives_the_query_string(query):
    assert parse_usage_query(query_parameters(query)) == query


def test_nothing_asks_for_the_current_month():
    assert parse_usage_query({}) == UsageQuery()
    assert parse_usage_query(dict.fromkeys(USAGE_PARAMETERS)) == UsageQuery()


@pytest.mark.parametrize("value", ["1", "true", "TRUE", True])
def test_the_billing_cycle_is_asked_for_in_two_ways(value):
    assert parse_usage_query({"includeBillingCycle": value}).billing_cycle
    assert parse_usage_query({"expand": "x, billing_cycle ,y"}).billing_cycle
    assert not parse_usage_query({"expand": "billing", "includeBillingCycle": "0"}).billing_cycle


@pytest.mark.parametrize("value", ["1", "true", True])
def test_the_list_of_cycles_ignores_everything_else(value):
    raw = {"listBillingCycles": value, "year": "x", "month": "99", "periodStartUnix": "y"}
    assert parse_usage_query(raw) == UsageQuery(list_cycles=True)


def test_a_list_that_is_not_wanted_leaves_the_rest_in_force():
    assert parse_usage_query({"listBillingCycles": "0", "month": "3"}) == UsageQuery(month=3)
    assert problems_of({"listBillingCycles": "0", "month": "x"}) == {("month", "not_integer")}
    assert problems_of({"listBillingCycles": "maybe"}) == {("listBillingCycles", "not_boolean")}


@pytest.mark.parametrize("other", [{"year": "2026"}, {"month": "3"}, {"year": "x", "month": ""}])
def test_a_period_and_a_month_contradict_each_other(other):
    assert ("periodStartUnix", "period_and_month") in problems_of({"periodStartUnix": "5", **other})


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("year", "0", "too_small"),
        ("year", 10_000, "too_big"),
        ("month", "13", "too_big"),
        ("month", "March", "not_integer"),
        ("month", 3.5, "not_integer"),
        ("periodStartUnix", "-1", "too_small"),
        ("periodStartUnix", LATEST_UNIX + 1, "too_big"),
        ("periodStartUnix", "", "not_integer"),
        ("includeBillingCycle", "perhaps", "not_boolean"),
    ],
)
def test_a_bad_value_is_named(name, value, code):
    assert problems_of({name: value}) == {(name, code)}


def test_everything_that_is_wrong_is_told_at_once():
    assert problems_of({"year": "x", "month": "99"}) == {
        ("year", "not_integer"),
        ("month", "too_big"),
    }


def test_parameters_that_are_not_ours_are_ignored():
    assert parse_usage_query({"page": "2", "month": "3"}) == UsageQuery(month=3)
