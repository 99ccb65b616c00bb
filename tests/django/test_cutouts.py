from __future__ import annotations

import time
import traceback

import pytest
from core.pictures import encoded
from django.db import DatabaseError

from rembg_plugins.core.errors import (
    AuthenticationError,
    ConfigurationError,
    CutoutPendingError,
    PaymentRequiredError,
    ResponseInfo,
    SpendingError,
)
from rembg_plugins.core.options import Options
from rembg_plugins.core.source import Source
from rembg_plugins.django import cutouts, ledger
from rembg_plugins.django.models import Call
from rembg_plugins.django.purpose import Purpose
from rembg_plugins.django.store import name_of

pytestmark = pytest.mark.django_db


@pytest.mark.usefixtures("rembg_sandbox")
def test_a_call_ends_in_the_time_that_the_site_gives_it(site):
    site(ENGINE="api", TIMEOUT=7)
    client = cutouts.adapter().engine.engine._client
    assert (client._timeouts[1], client._call_timeout_s) == (7, 7)


def test_a_picture_is_paid_for_once_whatever_is_made_of_it(counted):
    photo = encoded("JPEG")
    assert not cutouts.is_ready(photo)
    first = cutouts.remove(photo, Options(format="PNG"), purpose=Purpose(picture="a.jpg", who="me"))
    second = cutouts.remove(photo, Options(format="PNG", w=5, mask=True))
    assert (len(counted.calls), first.billed, second.billed) == (1, True, False)
    assert (first.image.mode, second.image.mode) == ("RGBA", "L")
    assert cutouts.is_ready(photo)
    call = Call.objects.get()
    assert (call.picture, call.who, call.credits, call.outcome) == ("a.jpg", "me", 1, "done")


def test_where_nothing_may_be_spent_only_the_store_is_asked(counted):
    photo = encoded("JPEG")
    with pytest.raises(CutoutPendingError):
        cutouts.remove(photo, may_spend=False)
    assert counted.calls == []
    cutouts.remove(photo)
    cutouts.remove(photo, may_spend=False)
    assert len(counted.calls) == 1


def test_a_damaged_cutout_is_not_paid_for_where_nothing_may_be_spent(counted):
    photo = encoded("JPEG")
    cutouts.remove(photo)
    cutouts.store().write(name_of(cutouts.key_for(photo)), b"PK")
    with pytest.raises(CutoutPendingError):
        cutouts.remove(photo, may_spend=False)
    assert len(counted.calls) == 1


def test_what_is_there_is_given_while_another_makes_it_anew(counted, site):
    photo = encoded("JPEG")
    cutouts.remove(photo)
    site(LOCK_WAIT=0)
    with cutouts.store().lock(cutouts.key_for(photo)):
        assert cutouts.remove(photo).billed is False
        assert cutouts.remove(photo, may_spend=False).billed is False


def test_the_picture_is_read_through_once_where_its_cutout_is_there(counted, monkeypatch):
    read = []
    digest = Source.digest

    def digested(source):
        read.append(1)
        return digest(source)

    monkeypatch.setattr(Source, "digest", digested)
    photo = encoded("JPEG")
    with pytest.raises(CutoutPendingError):
        cutouts.remove(photo, may_spend=False)
    assert len(read) == 1
    cutouts.remove(photo)
    assert len(read) == 3  # once more in the end: it may have been changed meanwhile
    cutouts.remove(photo)
    cutouts.remove(photo, may_spend=False)
    cutouts.is_ready(photo)
    assert len(read) == 6


def test_what_failed_is_remembered_and_not_tried_again(counted):
    counted.script["each"] = PaymentRequiredError("no", response=ResponseInfo(status=402))
    for format_ in ("JPEG", "PNG", "JPEG"):
        with pytest.raises(PaymentRequiredError):
            cutouts.remove(encoded(format_))
    assert len(counted.calls) == 1
    cutouts.failures().forget(cutouts.key_for(encoded("PNG")))
    counted.script.clear()
    cutouts.remove(encoded("PNG"))


def test_what_could_not_be_kept_is_not_paid_for_without_end(counted, broken, caplog):
    broken(save="cutouts/")  # it takes all probes, but no cut-out
    photo = encoded("JPEG")
    for _ in range(2):
        assert cutouts.remove(photo).billed
    with pytest.raises(SpendingError, match="gave no cut-out"):
        cutouts.remove(photo)
    assert len(counted.calls) == 2
    assert {call.outcome for call in Call.objects.all()} == {"in_doubt"}
    assert "Cannot keep" in caplog.text


def test_where_the_ledger_is_gone_when_a_cutout_is_lost_the_picture_is_given(
    counted, broken, monkeypatch, caplog
):
    def refuse(_key):
        raise DatabaseError("gone")

    monkeypatch.setattr(ledger, "lose", refuse)
    broken(save="cutouts/")
    assert cutouts.remove(encoded("JPEG")).billed
    assert "is not in the ledger: gone" in caplog.text


# --- what the parts are made of --------------------------------------------------------------


def test_the_key_is_asked_for_when_the_parts_are_made_and_again_once_it_is_refused(
    counted, site, monkeypatch
):
    asked = []

    def key():
        asked.append(1)
        return f"sandbox-{len(asked)}-key"

    site(API_KEY=key)
    photo, refusal = encoded("JPEG"), AuthenticationError("no", response=ResponseInfo(status=401))
    counted.script[1] = refusal
    with pytest.raises(AuthenticationError):
        cutouts.remove(photo)
    assert len(asked) == 1
    cutouts.remove(photo)  # with the new key, which nobody has refused
    cutouts.remove(photo)
    assert (len(asked), len(counted.calls)) == (2, 2)


def test_a_refusal_that_is_remembered_has_the_key_asked_for_now_and_then(
    counted, site, monkeypatch
):
    asked = []
    site(API_KEY=lambda: asked.append(1) or "sandbox-the-same")
    counted.script["each"] = AuthenticationError("no", response=ResponseInfo(status=401))
    for _ in range(4):
        with pytest.raises(AuthenticationError):
            cutouts.remove(encoded("JPEG"))
    assert (len(asked), len(counted.calls)) == (2, 1)
    began = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: began + 61)
    for _ in range(2):
        with pytest.raises(AuthenticationError):
            cutouts.remove(encoded("JPEG"))
    assert (len(asked), len(counted.calls)) == (3, 1)


def test_a_function_that_fails_to_give_the_key_is_a_mistake_of_the_set_up(counted, site):
    def key():
        raise OSError("vault at password@host")

    site(API_KEY=key)
    with pytest.raises(ConfigurationError, match=r"API_KEY.* failed: OSError\.$") as caught:
        cutouts.remove(encoded("JPEG"))
    assert "password" not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(ConfigurationError) as caught:
        cutouts._key_from(key)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_what_such_a_function_says_on_purpose_is_passed_on(counted, site):
    def key():
        raise ConfigurationError("Unlock the vault first.")

    site(API_KEY=key)
    with pytest.raises(ConfigurationError, match="Unlock the vault first"):
        cutouts.remove(encoded("JPEG"))


def test_a_site_without_an_engine_that_works_keeps_no_file_of_it(site, tmp_path):
    site(ENGINE="api", API_KEY=lambda: None, API_URL="http://127.0.0.1:1/rmbg")
    site(ENGINE="no such engine")
    with pytest.raises(ConfigurationError):
        cutouts.remove(encoded("JPEG"))
    assert not (tmp_path / "cutouts").exists()


def test_settings_that_change_are_followed(counted, site, settings, tmp_path):
    photo = encoded("JPEG")
    cutouts.remove(photo)
    before = cutouts.adapter()
    site(LOCK_WAIT=7)
    assert cutouts.adapter() is not before
    site(ENGINE="offline")
    assert not cutouts.is_ready(photo)
    site(ENGINE="counted")
    assert cutouts.is_ready(photo)
    elsewhere = {"location": tmp_path / "elsewhere", "base_url": None}
    rembg = {**settings.STORAGES["rembg"], "OPTIONS": elsewhere}
    settings.STORAGES = {**settings.STORAGES, "rembg": rembg}
    assert not cutouts.is_ready(photo)


def test_no_secret_shows_in_what_is_kept_of_a_failure(counted, site, tmp_path):
    site(API_KEY=lambda: "sandbox-secret-key")
    counted.script[1] = PaymentRequiredError("no", response=ResponseInfo(status=402))
    with pytest.raises(PaymentRequiredError):
        cutouts.remove(encoded("JPEG"))
    kept = [path for path in (tmp_path / "cutouts").rglob("*") if path.is_file()]
    assert kept
    for path in kept:
        assert "sandbox-secret-key" not in path.name + path.read_text()
