"""Limits, keys and budgets hold the queue, not the picture: nothing is sent beyond them."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from watch import oracle
from watch.feeding import photo
from watch.running import Trial

pytestmark = pytest.mark.promise

TRY_LATER, NO_PERMISSION = 75, 77


def _limit(trial, code, *, times=1, **headers):
    trial.sandbox.fault("status", status=429, error=code, times=times, headers=headers)


@pytest.mark.parametrize(
    "retry_after",
    [None, "1", "1s", "0", "soon", "-5", "1e999", "past", "date"],
)
def test_a_short_limit_delays_every_picture_and_fails_none(tmp_path, retry_after):
    dates = {"past": formatdate(time.time() - 3600), "date": formatdate(time.time() + 2)}
    headers = {} if retry_after is None else {"Retry-After": dates.get(retry_after, retry_after)}
    with Trial(tmp_path) as trial:
        _limit(trial, "rate_limit", times=3, **headers)
        trial.feed_many(12)
        assert trial.once() == 0
        oracle.check(trial, doubtful=1)
        assert len(trial.sandbox.calls) == 12 + 3


def test_nothing_is_sent_before_the_time_that_a_limit_asks_for(tmp_path):
    with Trial(tmp_path) as trial:
        trial.feed("first.jpg")
        _limit(trial, "rate_limit", **{"Retry-After": "3"})
        run = trial.start()
        run.until(lambda: trial.sandbox.calls)
        trial.feed_many(8)
        run.until(lambda: len(trial.outputs()) == 9)
        assert run.stop() == 143
        refused, *others = trial.sandbox.calls
        assert min(call["at"] for call in others) - refused["at"] > 2.5
        oracle.check(trial, doubtful=1)


@pytest.mark.parametrize("code", ["daily_limit", "monthly_limit"])
@pytest.mark.parametrize("jobs", [1, 4, 16])
def test_a_spent_quota_stops_sending_until_it_can_have_passed(tmp_path, code, jobs):
    with Trial(tmp_path, jobs=jobs) as trial:
        _limit(trial, code, times=10**6)
        trial.feed_many(40)
        assert trial.once() == TRY_LATER
        assert len(trial.sandbox.calls) <= jobs
        assert trial.ledger("status")["gate"]["kind"] != "open"
        sent = len(trial.sandbox.calls)
        assert trial.once() == TRY_LATER  # it is remembered: at most one asks again
        assert len(trial.sandbox.calls) <= sent + 1
        oracle.check(trial, left=40, bills=0, doubtful=0)


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (401, "invalid_key", NO_PERMISSION),
        (403, "email_not_verified", NO_PERMISSION),
        (402, None, TRY_LATER),
        (404, None, 78),
        (405, None, 78),
    ],
)
def test_what_concerns_the_account_stops_sending_and_fails_no_picture(
    tmp_path, status, error, code
):
    with Trial(tmp_path, jobs=2) as trial:
        trial.feed_many(2)
        assert trial.once() == 0
        trial.sandbox.fault("status", status=status, error=error, times=10**6)
        trial.feed_many(20, folder="more")
        assert trial.once() == code
        assert len(trial.sandbox.calls) <= 2 + 2
        assert trial.runs[-1].of("gate", kind="closed")[-1]["remedy"]
        assert not oracle.named_ones(trial)
        trial.sandbox.heal()
        assert trial.once() == 0
        oracle.check(trial, doubtful=1)


def test_an_answer_that_was_shrunk_stops_sending_and_is_kept(tmp_path):
    with Trial(tmp_path, jobs=1) as trial:
        trial.sandbox.fault("answer", content="size", width=460, height=300, times=1)
        trial.feed("a.jpg", _large("a"))
        trial.feed("b.jpg", _large("b"))
        assert trial.once() == TRY_LATER
        assert len(trial.sandbox.calls) == 1
        assert next(iter(oracle.named_ones(trial).values()))["billed"] == 1
        assert trial.once("--accept-downscaled") in {0, 3}
        assert trial.bills_of(trial.fed[b"a.jpg"]) + trial.bills_of(trial.fed[b"b.jpg"]) == 2


def _large(seed):
    return photo(seed, size=(920, 600))


@pytest.mark.parametrize("jobs", [1, 16])
@pytest.mark.parametrize("limit", [0, 1, 5])
def test_a_budget_is_never_passed(tmp_path, jobs, limit):
    with Trial(tmp_path, jobs=jobs) as trial:
        trial.sandbox.answers_after(0.2)
        trial.feed_many(12)
        code = trial.once("--budget", limit)
        assert code in {3, TRY_LATER}
        assert len(trial.sandbox.calls) == limit
        oracle.check(trial, doubtful=1, left=12 - limit)
        assert len(trial.outputs()) == limit
        assert trial.once() == 0
        oracle.check(trial, doubtful=1)


def test_a_budget_of_a_day_outlives_the_process(tmp_path):
    with Trial(tmp_path) as trial:
        trial.feed_many(10)
        for _ in range(3):
            assert trial.once("--budget", "4/day") in {3, TRY_LATER}
        assert sum(trial.bills.values()) == 4


def test_a_kill_in_a_call_counts_in_the_budget(tmp_path):
    with Trial(tmp_path, jobs=1) as trial:
        trial.feed_many(4)
        assert trial.start("--once", "--budget", "3/day", failpoint="half_read:2").wait() < 0
        assert trial.once("--budget", "3/day") in {3, TRY_LATER}
        assert sum(trial.bills.values()) <= 3


def test_so_many_credits_are_left_in_the_account(tmp_path):
    with Trial(tmp_path, jobs=16) as trial:
        trial.sandbox.answers_after(0.2)
        trial.sandbox.account(included=10, prepaid=0)
        trial.feed_many(20)
        assert trial.once("--min-credits", "4") == TRY_LATER
        assert sum(trial.bills.values()) == 6


def test_many_pictures_are_not_paid_for_unasked(tmp_path):
    with Trial(tmp_path) as trial:
        trial.feed_many(51)
        twin = trial.fed[b"0000.jpg"]
        for number in range(5):
            trial.feed(f"twin-{number}.jpg", twin)
        assert trial.once(yes=False) == 2
        assert "51" in trial.runs[-1].errors
        assert not trial.sandbox.calls
        assert trial.once() == 0
        oracle.check(trial, doubtful=1)
