from __future__ import annotations

import io
from pathlib import Path

import pytest
from core.pictures import encoded
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django_site.shop.models import Product

from rembg_plugins.core.errors import APITimeoutError, BadRequestError, SpendingError
from rembg_plugins.django import cutouts
from rembg_plugins.django.models import Call
from rembg_plugins.django.signals import cutout_forgotten

pytestmark = pytest.mark.django_db

PHOTO = encoded("JPEG")


@pytest.fixture
def product(counted):
    return Product.objects.create(name="cup", photo=ContentFile(PHOTO, "cup.jpg"))


@pytest.fixture
def forgotten():
    """What the signal told."""
    told = []

    def listen(sender, instance, **_):
        told.append((sender, instance))

    cutout_forgotten.connect(listen)
    yield told
    cutout_forgotten.disconnect(listen)


def refresh(*targets, **options):
    stdout = io.StringIO()
    call_command("rembg_refresh", *map(str, targets), stdout=stdout, **{"yes": True, **options})
    return stdout.getvalue()


def test_the_picture_of_an_object_is_made_anew_when_it_is_wanted(counted, product, forgotten):
    cutouts.remove(PHOTO)
    text = refresh("shop.product", product.pk)
    assert f"{product.photo.name} (shop.product:{product.pk}): has a cut-out" in text
    assert "To make them anew costs 1 credit at 'counted'." in text
    assert (cutouts.is_ready(PHOTO), len(counted.calls)) == (False, 1)
    assert forgotten == [(Product, product)]
    cutouts.remove(PHOTO)
    assert len(counted.calls) == 2


def test_a_file_is_named_by_its_path(counted, tmp_path, forgotten):
    path = tmp_path / "shop.product"  # a name like a model's
    path.write_bytes(PHOTO)
    cutouts.remove(PHOTO)
    assert "has a cut-out" in refresh(path)
    assert not cutouts.is_ready(PHOTO)
    assert forgotten == [(None, None)]


def test_a_file_of_this_folder_wins_over_a_model_of_its_name(counted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("shop.product").write_bytes(PHOTO)
    assert "shop.product: has no cut-out" in refresh("shop.product")


def test_an_engine_that_is_free_is_told_as_such(site, product):
    site(ENGINE="offline")
    assert "costs no credits" in refresh("shop.product", product.pk)


def test_a_failure_is_forgotten(counted, product):
    counted.script[1] = BadRequestError("No picture.", sent="all")
    for _ in range(2):
        with pytest.raises(BadRequestError):
            cutouts.remove(PHOTO)
    assert len(counted.calls) == 1
    refresh("shop.product", product.pk)
    cutouts.remove(PHOTO)


def test_attempts_are_forgiven_by_force_alone(counted, product):
    counted.script = dict.fromkeys((1, 2), APITimeoutError("No answer.", sent="all", billed=None))
    for _ in range(2):
        with pytest.raises(APITimeoutError):
            cutouts.remove(PHOTO)
        refresh("shop.product", product.pk)
    assert "is not tried again without --force" in refresh("shop.product", product.pk)
    with pytest.raises(SpendingError):
        cutouts.remove(PHOTO)
    assert "without --force" not in refresh("shop.product", product.pk, force=True)
    assert Call.objects.filter(forgiven=True).count() == 2
    cutouts.remove(PHOTO)
    assert len(counted.calls) == 3


def test_a_person_may_have_it_made_anew_as_often_as_they_like(counted, product):
    for _ in range(5):
        cutouts.remove(PHOTO)
        refresh("shop.product", product.pk)
    assert len(counted.calls) == 5


@pytest.fixture
def _terminal(monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)


@pytest.mark.usefixtures("_terminal")
@pytest.mark.parametrize("answer", ["y", " YES "])
def test_who_agrees_is_asked_once(counted, product, monkeypatch, answer):
    cutouts.remove(PHOTO)
    monkeypatch.setattr("builtins.input", lambda _: answer)
    refresh("shop.product", product.pk, yes=False)
    assert not cutouts.is_ready(PHOTO)


@pytest.mark.usefixtures("_terminal")
@pytest.mark.parametrize("answer", ["", "n", "maybe"])
def test_who_does_not_agree_loses_nothing(counted, product, monkeypatch, answer):
    cutouts.remove(PHOTO)
    monkeypatch.setattr("builtins.input", lambda _: answer)
    with pytest.raises(CommandError, match="Nothing was forgotten"):
        refresh("shop.product", product.pk, yes=False)
    assert cutouts.is_ready(PHOTO)


def test_where_nobody_can_be_asked_it_must_be_said(counted, product, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    cutouts.remove(PHOTO)
    with pytest.raises(CommandError, match="Say --yes"):
        refresh("shop.product", product.pk, yes=False)
    assert cutouts.is_ready(PHOTO)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (["nowhere.jpg"], "nowhere.jpg"),
        (["shop.product"], "by their primary keys"),
        (["shop.product", "999999"], "no shop.Product with the primary key '999999'"),
        (["shop.product", "cup"], "no shop.Product with the primary key 'cup'"),
        (["shop.nothing", "1"], "shop.nothing"),
    ],
)
def test_what_is_no_picture_of_this_site_is_an_error(counted, targets, message):
    with pytest.raises(CommandError, match=message):
        refresh(*targets)


def test_an_object_without_a_file_is_an_error(counted):
    empty = Product.objects.create(name="cup")
    with pytest.raises(CommandError, match="has no file"):
        refresh("shop.product", empty.pk)


def test_a_file_that_is_gone_is_an_error(counted, product):
    product.photo.storage.delete(product.photo.name)
    with pytest.raises(CommandError, match="cannot be read: FileNotFoundError"):
        refresh("shop.product", product.pk)


def test_what_is_no_picture_is_an_error_and_nothing_is_forgotten(counted, tmp_path):
    (tmp_path / "a.jpg").write_bytes(PHOTO)
    (tmp_path / "b.txt").write_text("no picture")
    cutouts.remove(PHOTO)
    with pytest.raises(CommandError, match="b.txt is no picture"):
        refresh(tmp_path / "a.jpg", tmp_path / "b.txt")
    assert cutouts.is_ready(PHOTO)


def test_one_that_is_just_being_made_is_left_alone(counted, product, site):
    cutouts.remove(PHOTO)
    site(LOCK_WAIT=0)
    with cutouts.store().lock(cutouts.key_for(PHOTO)), pytest.raises(CommandError, match="makes"):
        refresh("shop.product", product.pk)
    assert cutouts.is_ready(PHOTO)


@pytest.mark.parametrize("command", ["rembg_gc", "rembg_refresh", "rembg_usage"])
def test_every_command_has_a_help_worth_reading(command, capsys):
    with pytest.raises(SystemExit) as ended:
        call_command(command, "--help")
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert len(text.partition("options:")[0]) > 400


def test_a_model_or_file_that_is_not_there_is_told_as_such():
    with pytest.raises(CommandError, match=r"neither a file nor a model 'shop.nothing'"):
        call_command("rembg_refresh", "shop.nothing", "1", "--yes")
