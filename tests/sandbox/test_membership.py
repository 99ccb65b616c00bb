"""The membership usage, as the contract has it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

CONTRACT = Path(__file__).parents[1] / "contract"
PATH = "/api/membership-usage"


def seconds(*date):
    return int(datetime(*date, tzinfo=UTC).timestamp())


def sample(name):
    return json.loads((CONTRACT / name).read_text(encoding="utf-8"))


@pytest.fixture
def account(start, picture):
    """Subscribed on the 10th of January; a call in October, two in November, one on the 22nd."""
    sandbox = start(credits=100)
    sandbox.clock.now = seconds(2026, 10, 20)
    sandbox.control("accounts", {"key": "sandbox-key", "subscribed_unix": seconds(2026, 1, 10, 6)})
    for date in ((2026, 10, 20), (2026, 11, 1), (2026, 11, 9, 23, 59, 59), (2026, 11, 22)):
        sandbox.clock.now = seconds(*date)
        assert sandbox.post(picture).status_code == 200
    return sandbox


def test_the_answers_have_the_members_of_the_documented_samples(account):
    usage = account.get(PATH, expand="billing_cycle").json()
    documented = sample("usage.json")
    assert usage.keys() == documented.keys()
    assert usage["billingCycle"].keys() == documented["billingCycle"].keys()
    cycles = account.get(PATH, listBillingCycles="1").json()
    assert cycles.keys() == {"billingCycles"}
    assert (
        cycles["billingCycles"][0].keys()
        == sample("billing-cycles.json")["billingCycles"][0].keys()
    )


@pytest.mark.parametrize(
    ("query", "used"),
    [
        ({}, 3),
        ({"month": "10"}, 1),
        ({"year": "2026", "month": "10"}, 1),
        ({"year": "2025"}, 0),
        ({"year": "9999", "month": "12"}, 0),
        ({"periodStartUnix": str(seconds(2026, 10, 10, 6))}, 3),
        ({"periodStartUnix": str(seconds(2026, 11, 10, 6))}, 1),
        ({"periodStartUnix": "5"}, 0),
    ],
)
def test_the_usage_is_of_the_month_or_period_that_is_asked_for(account, query, used):
    usage = account.get(PATH, **query).json()
    assert usage["api_usage"] == used
    assert "billingCycle" not in usage


@pytest.mark.parametrize(
    "query",
    [
        {"expand": "billing_cycle"},
        {"expand": "other,billing_cycle"},
        {"includeBillingCycle": "1"},
        {"includeBillingCycle": "true"},
    ],
)
def test_the_billing_cycle_comes_when_asked_for(account, query):
    cycle = account.get(PATH, **query).json()["billingCycle"]
    assert cycle == {
        "periodStartUnix": seconds(2026, 11, 10, 6),
        "periodEndUnix": seconds(2026, 12, 10, 6) - 1,
        "appUsage": 0,
        "apiUsage": 1,
        "includedCredits": 100,
        "prepaidCredits": 0,
        "usedIncludedCredits": 1,
        "remainingIncludedCredits": 99,
        "stripeBillingSynced": True,
    }


def test_a_past_period_has_its_own_billing_cycle(account):
    start = seconds(2026, 10, 10, 6)
    cycle = account.get(PATH, periodStartUnix=start, expand="billing_cycle").json()["billingCycle"]
    assert (cycle["periodStartUnix"], cycle["apiUsage"]) == (start, 3)
    assert cycle["remainingIncludedCredits"] == 97


def test_without_the_renewal_period_the_calendar_month_stands_in(account):
    account.control("accounts", {"key": "sandbox-key", "synced": False})
    cycle = account.get(PATH, expand="billing_cycle").json()["billingCycle"]
    assert cycle["stripeBillingSynced"] is False
    assert cycle["periodStartUnix"] == seconds(2026, 11, 1)
    assert cycle["periodEndUnix"] == seconds(2026, 12, 1) - 1
    assert cycle["usedIncludedCredits"] == 3


def test_the_list_of_cycles_is_newest_first_and_ignores_every_other_parameter(account):
    answer = account.get(PATH, listBillingCycles="true", year="x", periodStartUnix="y").json()
    starts = [cycle["periodStartUnix"] for cycle in answer["billingCycles"]]
    assert starts == [seconds(2026, month, 10, 6) for month in range(11, 0, -1)]
    assert [cycle["apiUsage"] for cycle in answer["billingCycles"][:3]] == [1, 3, 0]


@pytest.mark.parametrize("other", ["year", "month"])
def test_a_period_and_a_month_at_once_are_refused(account, other):
    response = account.get(PATH, periodStartUnix="5", **{other: "1"})
    assert response.status_code == 400
    assert response.json() == {
        "error": "Cannot use 'periodStartUnix' together with 'year' or 'month'. Choose one.",
        "field": "periodStartUnix",
        "status": 400,
    }


@pytest.mark.parametrize(
    ("name", "value"), [("year", "0"), ("year", "10000"), ("month", "13"), ("month", "May")]
)
def test_a_bad_parameter_is_named_with_its_value(account, name, value):
    response = account.get(PATH, **{name: value})
    assert response.status_code == 400
    assert response.json()["field"] == name
    assert value in response.json()["error"]


def test_use_in_the_vendors_app_is_counted_apart(account):
    account.control("accounts", {"key": "sandbox-key", "app_usage": 4})
    usage = account.get(PATH, expand="billing_cycle").json()
    assert (usage["app_usage"], usage["api_usage"]) == (4, 3)
    assert usage["billingCycle"]["appUsage"] == 4
    assert usage["billingCycle"]["usedIncludedCredits"] == 5


@pytest.mark.parametrize(
    ("key", "status"),
    [
        (None, 401),
        ("nobody", 401),
        ("sandbox-key-unknown", 401),
        ("sandbox-key-unverified", 403),
        ("sandbox-key-busy", 200),
        ("sandbox-key-empty", 200),
    ],
)
def test_the_usage_is_told_to_the_accounts_own_key_alone(sandbox, key, status):
    assert sandbox.get(PATH, key=key).status_code == status


def test_a_token_is_no_key(sandbox):
    response = sandbox.get(PATH, key=None, headers={"Authorization": "Bearer sandbox-token"})
    assert response.status_code == 401
