from __future__ import annotations

import logging

import pytest
from core.pictures import encoded
from django.core.cache import caches
from django.db import connection

from rembg_plugins.core.errors import (
    APIResponseError,
    APITimeoutError,
    BadRequestError,
    ConfigurationError,
    CutoutPendingError,
    InternalServerError,
    NotAnImageError,
    PaymentRequiredError,
    SpendingError,
)
from rembg_plugins.core.result import Result
from rembg_plugins.django import cutouts
from rembg_plugins.django.models import Call, Window
from rembg_plugins.django.purpose import Purpose, on_behalf, purpose
from rembg_plugins.django.store import DjangoStore

pytestmark = pytest.mark.django_db

PHOTO = encoded("JPEG")
OTHER = encoded("JPEG", size=(40, 30))


def outcome():
    """What the ledger says of the one call, without its text."""
    return Call.objects.values_list("outcome", "credits").get()


def reserved():
    return set(Window.objects.values_list("reserved", flat=True))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (BadRequestError("No picture.", sent="all"), ("failed", 0)),
        (PaymentRequiredError("No credits.", sent="all"), ("failed", 0)),
        (APITimeoutError("No answer.", sent="nothing"), ("failed", 0)),
        (APITimeoutError("No answer.", sent="all", billed=None), ("in_doubt", 1)),
        (InternalServerError("Broken.", sent="all", billed=None), ("in_doubt", 1)),
        (NotAnImageError("A page.", sent="all", billed=True), ("failed", 1)),
        (RuntimeError("a bug"), ("in_doubt", 1)),
        (KeyboardInterrupt(), ("in_doubt", 1)),
    ],
    ids=lambda value: f"{type(value).__name__}" if isinstance(value, BaseException) else None,
)
def test_what_became_of_a_call_is_written_down_and_counted(counted, error, expected):
    counted.script["each"] = error
    with pytest.raises(type(error)) as caught:
        cutouts.remove(PHOTO)
    assert caught.value is error
    assert outcome() == expected
    assert reserved() == {expected[1]}
    assert Call.objects.get().error.startswith(type(error).__name__)


def test_an_answer_that_is_refused_was_paid_for(counted, monkeypatch):
    def run(request, **_):
        small = encoded("PNG", "RGBA", (9, 9))
        return Result.from_bytes(small, engine="counted", sent="all", billed=True)

    monkeypatch.setattr(counted, "run", run)
    with pytest.raises(APIResponseError):
        cutouts.remove(PHOTO)
    assert outcome() == ("failed", 1)


def test_the_budget_refuses_before_anything_is_sent(counted, site):
    site(BUDGET={"hour": 1})
    cutouts.remove(PHOTO)
    for _ in range(2):
        with pytest.raises(SpendingError, match="Nothing was sent"):
            cutouts.remove(OTHER)
    assert len(counted.calls) == 1
    cutouts.remove(PHOTO)  # from the store
    site(BUDGET={"hour": 2})
    cutouts.remove(OTHER)
    assert len(counted.calls) == 2


# Pitfall: what is counted in a cache is forgotten whenever that has no room, or is restarted.
def test_the_budget_stands_in_no_cache(counted, site):
    site(BUDGET={"hour": 1})
    cutouts.remove(PHOTO)
    for cache in caches.all():
        cache.clear()
    with pytest.raises(SpendingError):
        cutouts.remove(OTHER)
    assert len(counted.calls) == 1


def test_after_two_calls_in_doubt_no_third_is_made(counted):
    counted.script["each"] = APITimeoutError("No answer.", sent="all", billed=None)
    for _ in range(2):
        with pytest.raises(APITimeoutError):
            cutouts.remove(PHOTO)
        cutouts.failures().forget(cutouts.key_for(PHOTO))
    for _ in range(2):
        with pytest.raises(SpendingError, match="gave no cut-out"):
            cutouts.remove(PHOTO)
    assert len(counted.calls) == 2


def _refuse(*_):
    """The database can no longer read or write calls."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE rembg_call RENAME TO elsewhere")


def _work_again():
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE elsewhere RENAME TO rembg_call")


def test_a_page_does_not_wait_long_for_its_turn_under_the_rate_limit(counted, site):
    counted.delay = lambda: 61.0
    with pytest.raises(CutoutPendingError, match=r"be sent in 61 s. Nothing was sent"):
        cutouts.remove(PHOTO)
    assert (counted.calls, Call.objects.count()) == ([], 0)
    site(TIMEOUT=62)
    cutouts.remove(PHOTO)
    assert len(counted.calls) == 1


def test_where_the_ledger_cannot_be_written_nothing_is_paid_for(counted):
    _refuse()
    with pytest.raises(SpendingError, match=r"so nothing was sent: .*`manage.py migrate`"):
        cutouts.remove(PHOTO)
    assert counted.calls == []


def test_where_the_ledger_cannot_be_written_a_free_engine_goes_on(site, caplog):
    _refuse()
    site(ENGINE="offline")
    with caplog.at_level(logging.WARNING):
        cutouts.remove(PHOTO)
    assert "is not in the ledger" in caplog.text
    assert cutouts.is_ready(PHOTO)


def test_a_cut_out_is_not_lost_where_its_end_cannot_be_written(counted, caplog):
    counted.script["each"] = _refuse
    assert cutouts.remove(PHOTO).billed
    _work_again()
    assert "is not in the ledger" in caplog.text
    assert outcome() == ("under_way", 1)
    assert cutouts.is_ready(PHOTO)


def test_a_cut_out_is_not_lost_where_its_row_is_gone(counted, caplog):
    counted.script["each"] = lambda _request: Call.objects.all().delete()
    assert cutouts.remove(PHOTO).billed
    assert "no call" in caplog.text


def test_a_free_engine_that_breaks_is_no_doubt_and_no_credit(site, counted):
    counted.paid = False
    counted.script["each"] = RuntimeError("a bug")
    with pytest.raises(RuntimeError):
        cutouts.remove(PHOTO)
    assert outcome() == ("failed", 0)


def test_what_a_call_is_for_stands_in_the_ledger(counted):
    with on_behalf(Purpose(who="somebody else")):
        cutouts.remove(PHOTO, purpose=Purpose(picture="a.jpg", who="me"))
        assert purpose() == Purpose(who="somebody else")
    call = Call.objects.get()
    assert (call.picture, call.who, call.engine) == ("a.jpg", "me", "counted 1")
    assert call.key == cutouts.key_for(PHOTO)
    assert call.seconds >= 0


def test_a_store_that_keeps_nothing_makes_no_call(counted, settings, tmp_path):
    (tmp_path / "file").write_text("no folder")
    rembg = {**settings.STORAGES["rembg"], "OPTIONS": {"location": tmp_path / "file" / "x"}}
    settings.STORAGES = {**settings.STORAGES, "rembg": rembg}
    assert isinstance(cutouts.store(), DjangoStore)
    with pytest.raises(ConfigurationError):
        cutouts.remove(PHOTO)
    assert (counted.calls, Call.objects.count()) == ([], 0)
