from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError

from rembg_plugins.core.errors import SpendingError
from rembg_plugins.django import windows
from rembg_plugins.django.models import Window
from rembg_plugins.django.setting_values import Budget
from rembg_plugins.django.visitors import (
    Visitor,
    VisitorError,
    VisitorLimitError,
    reserve,
    visitor_of,
)

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 28, 12, 30, tzinfo=UTC)
ANN = Visitor(who="ann", identity="user 1")


def counts():
    return dict(Window.objects.values_list("name", "reserved"))


def address_of(request):
    return request.META["REMOTE_ADDR"]


def test_a_visitor_is_counted_in_the_hour_and_the_day():
    reserve(ANN, Budget(hour=1, day=2), now=NOON)
    with pytest.raises(VisitorLimitError):
        reserve(ANN, Budget(hour=1, day=2), now=NOON)
    reserve(ANN, Budget(hour=1, day=2), now=NOON + timedelta(hours=1))
    with pytest.raises(VisitorLimitError):
        reserve(ANN, Budget(hour=1, day=2), now=NOON + timedelta(hours=2))
    reserve(ANN, Budget(hour=1, day=2), now=NOON + timedelta(days=1))
    assert counts() == {
        f"visitor {ANN.digest} hour 2026-11-28T12": 1,
        f"visitor {ANN.digest} hour 2026-11-28T13": 1,
        f"visitor {ANN.digest} hour 2026-11-28T14": 0,  # what the day refused
        f"visitor {ANN.digest} day 2026-11-28": 2,
        f"visitor {ANN.digest} hour 2026-11-29T12": 1,
        f"visitor {ANN.digest} day 2026-11-29": 1,
    }


def test_what_is_given_back_may_be_had_again():
    reserve(ANN, Budget(day=1), now=NOON)()
    reserve(ANN, Budget(day=1), now=NOON)


def test_what_cannot_be_given_back_stays_counted(monkeypatch, caplog):
    give_back = reserve(ANN, Budget(day=1), now=NOON)

    def fail(name):
        raise DatabaseError("gone")

    monkeypatch.setattr(windows, "uncount", fail)
    give_back()
    assert "stays counted" in caplog.text


def test_nothing_is_had_where_nothing_can_be_counted(monkeypatch):
    def fail(*_, **__):
        raise DatabaseError("gone")

    monkeypatch.setattr(windows, "reserve", fail)
    with pytest.raises(VisitorError, match="nothing was sent"):
        reserve(ANN, Budget(day=1), now=NOON)
    assert issubclass(VisitorError, SpendingError)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
def test_whoever_has_an_ipv6_network_is_one_visitor(rf, one, other, is_same):
    digests = {
        visitor_of(rf.get("/", REMOTE_ADDR=address), address_of).digest for address in (one, other)
    }
    assert (len(digests) == 1) == is_same


def test_an_address_does_not_stand_in_the_names_of_windows(rf, settings):
    visitor = visitor_of(rf.get("/", REMOTE_ADDR="192.0.2.1"), address_of)
    reserve(visitor, Budget(day=1), now=NOON)
    assert "192.0.2.1" not in "".join(counts())
    before = visitor.digest
    settings.SECRET_KEY = "another"
    assert visitor.digest != before
