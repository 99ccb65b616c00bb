from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rembg_plugins.sandbox.periods import Period, calendar_month, month_of, periods


def seconds(*date):
    return int(datetime(*date, tzinfo=UTC).timestamp())


def test_a_calendar_month_lasts_to_its_last_second():
    assert calendar_month(2024, 2) == Period(start=seconds(2024, 2, 1), end=seconds(2024, 3, 1) - 1)
    december = calendar_month(9999, 12)
    assert december.end - december.start == 31 * 86_400 - 1


def test_the_month_of_a_moment_is_that_of_utc():
    assert month_of(seconds(2026, 11, 1) - 0.5) == calendar_month(2026, 10)
    assert month_of(seconds(2026, 11, 1)) == calendar_month(2026, 11)


def test_a_period_holds_its_first_and_its_last_second_and_no_more():
    period = Period(start=10, end=19)
    assert [moment in period for moment in (9.9, 10, 19.9, 20)] == [False, True, True, False]


def test_a_subscription_of_the_31st_is_renewed_on_the_last_day_of_short_months():
    found = periods(seconds(2026, 1, 31, 8), seconds(2026, 5, 2))
    starts = [datetime.fromtimestamp(period.start, UTC) for period in found]
    assert [(start.month, start.day, start.hour) for start in starts] == [
        (4, 30, 8),
        (3, 31, 8),
        (2, 28, 8),
        (1, 31, 8),
    ]


@given(
    st.integers(seconds(2000, 1, 1), seconds(2030, 1, 1)),
    st.integers(0, 5 * 366 * 86_400),
)
def test_periods_follow_each_other_without_a_gap_and_the_first_holds_now(subscribed, later):
    now = subscribed + later
    found = periods(subscribed, now)
    assert now in found[0]
    assert found[-1].start == subscribed
    for newer, older in pairwise(found):
        assert older.end + 1 == newer.start
    assert all(27 * 86_400 < period.end - period.start <= 31 * 86_400 for period in found)


@pytest.mark.parametrize("second", [0, -1])
def test_a_renewal_begins_the_next_period_at_its_very_second(second):
    found = periods(seconds(2026, 1, 10), seconds(2026, 2, 10) + second)
    assert len(found) == (2 if second == 0 else 1)
