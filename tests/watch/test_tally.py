from __future__ import annotations

import pytest
from watch.rows import DAY, MONTH, Clock, opened


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(tmp_path, clock):
    ledger = opened(tmp_path, clock)
    yield ledger
    ledger.close()


def test_nothing_was_done_at_first(ledger):
    assert ledger.tally.count("sent") == 0
    assert ledger.tally.paid(None) == ledger.tally.paid(DAY) == 0
    assert not ledger.tally.run


def test_what_is_counted_is_told_by_day_by_month_and_in_all(ledger, clock):
    ledger.tally.add("published")
    ledger.tally.add("published", day="2026-03-01", count=2)
    ledger.tally.add("published", day="2025-03-31", count=4)
    assert ledger.tally.count("published", DAY) == 1
    assert ledger.tally.count("published", MONTH) == 3
    assert ledger.tally.count("published", "2026") == 3
    assert ledger.tally.count("published") == 7


def test_a_day_ends_at_midnight_utc(ledger, clock):
    ledger.tally.add("published")
    clock.now += 12 * 3600 - 1
    ledger.tally.add("published")
    clock.now += 1
    ledger.tally.add("published")
    assert ledger.tally.count("published", DAY) == 2
    assert ledger.tally.count("published", "2026-04-01") == 1


def test_what_is_in_doubt_counts_as_paid(ledger):
    ledger.tally.add("billed", count=3)
    ledger.tally.add("in_doubt", count=2)
    ledger.tally.add("sent", count=100)
    assert ledger.tally.paid(DAY) == ledger.tally.paid(MONTH) == ledger.tally.paid(None) == 5
    assert ledger.tally.paid("2026-04") == 0


def test_a_run_begins_anew_when_the_ledger_is_opened(ledger, tmp_path, clock):
    ledger.tally.add("billed", count=3)
    ledger.close()
    again = opened(tmp_path, clock)
    assert again.tally.paid(None) == 0
    assert again.tally.paid(DAY) == 3
    again.tally.add("billed")
    again.tally.add("failed", count=2)
    assert again.tally.run == {"billed": 1, "failed": 2}
    again.close()


def test_what_is_taken_back_was_not_done(ledger):
    def bill_and_fail():
        ledger.tally.add("billed")
        raise KeyError

    with pytest.raises(KeyError), ledger._database.transaction():
        bill_and_fail()
    assert ledger.tally.paid(None) == ledger.tally.paid(DAY) == 0
