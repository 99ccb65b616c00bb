from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rembg_plugins.core.errors import SpendingError
from rembg_plugins.django import ledger, windows
from rembg_plugins.django.models import Window

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 28, 12, 30, tzinfo=UTC)
SOON = NOON + timedelta(hours=1)


def reserve(name, most, *, ends=SOON, now=NOON):
    ledger.reserve(name, most, ends=ends, now=lambda: now)


def test_a_visitor_has_a_bound():
    reserve("form 192.0.2.7", 2)
    reserve("form 192.0.2.7", 2)
    reserve("form 192.0.2.8", 2)
    with pytest.raises(SpendingError, match="budget of 2 for 'form 192.0.2.7' .* 13:30 UTC"):
        reserve("form 192.0.2.7", 2)
    assert dict(Window.objects.values_list("name", "reserved")) == {
        "form 192.0.2.7": 2,
        "form 192.0.2.8": 1,
    }


def test_a_window_needs_no_clock():
    ledger.reserve("form 192.0.2.7", 1, ends=datetime.now(UTC) + timedelta(hours=1))
    assert Window.objects.count() == 1


def test_a_window_that_ended_long_ago_can_be_counted_in_still():
    ledger.reserve("form 192.0.2.7", 1, ends=NOON - timedelta(days=400))
    assert Window.objects.count() == 1


def test_a_name_may_have_255_characters():
    reserve("x" * 255, 1)
    with pytest.raises(ValueError, match="at most 255 characters, got: 256"):
        reserve("x" * 256, 1)


def test_ends_without_a_time_zone_are_utc():
    reserve("form 192.0.2.7", 1, ends=SOON.replace(tzinfo=None))
    assert Window.objects.get().ends == SOON


def test_old_windows_go_when_a_new_one_is_made():
    reserve("old", 1, ends=NOON - timedelta(hours=25))
    reserve("yesterday's", 1, ends=NOON - timedelta(hours=23))
    reserve("another", 1)
    assert set(Window.objects.values_list("name", flat=True)) == {"yesterday's", "another"}


def test_they_go_when_asked_to_as_well():
    reserve("old", 1, ends=NOON - timedelta(hours=25))
    reserve("new", 1)
    Window.objects.filter(name="new").update(ends=NOON - timedelta(days=2))
    assert windows.sweep(now=lambda: NOON) == 1
    assert not Window.objects.exists()


def test_without_time_zones_it_is_the_same(settings):
    settings.USE_TZ = False
    settings.TIME_ZONE = "America/New_York"
    reserve("a", 1)
    assert Window.objects.get().ends == datetime(2026, 11, 28, 8, 30)  # noqa: DTZ001 - as kept
    with pytest.raises(SpendingError, match="13:30 UTC"):
        reserve("a", 1)
    assert windows.sweep(now=lambda: SOON + timedelta(days=1, seconds=1)) == 1


def test_nothing_is_given_back_below_zero():
    reserve("a", 1)
    windows.uncount("a")
    windows.uncount("a")
    assert Window.objects.get().reserved == 0
