from __future__ import annotations

import io
import json
import os
import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from core.pictures import encoded
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from django_site.shop.models import Product
from PIL import Image as Picture
from wagtail.documents.models import Document
from wagtail.images.models import Image, Rendition

from rembg_plugins.core.errors import BadRequestError
from rembg_plugins.core.limits import MAX_BYTES
from rembg_plugins.django import cutouts
from rembg_plugins.django.management.commands import rembg_gc
from rembg_plugins.django.models import Window
from rembg_plugins.django.store import name_of

pytestmark = pytest.mark.django_db

DAY = 86_400
MINUTES = 1440  # of a day


def photo(number=0, format_="JPEG"):
    """The bytes of a picture of its own."""
    return encoded(format_, size=(40 + number, 30))


def cut(content, *, days=60):
    """The key of a cut-out that was made so many days ago."""
    cutouts.remove(content)
    key = cutouts.key_for(content)
    age(name_of(key), days)
    return key


def path_of(name):
    return Path(cutouts.store().storage.path(name))


def age(name, days):
    then = time.time() - days * DAY
    os.utime(path_of(name), (then, then))


def leave(name, content=b"x", *, days=60):
    path_of(name).parent.mkdir(parents=True, exist_ok=True)
    path_of(name).write_bytes(content)
    age(name, days)


def sell(content, name="photo.jpg"):
    return Product.objects.create(name="cup", photo=ContentFile(content, name))


def gc(**options):
    stdout = io.StringIO()
    call_command("rembg_gc", stdout=stdout, **options)
    return stdout.getvalue()


def has(key):
    return cutouts.store().has(key)


def test_without_delete_it_only_tells(counted):
    unused = cut(photo())
    text = gc(verbosity=2)
    assert "1 cut-out of no picture, older than 30 days" in text
    assert "Nothing was deleted. Run it again with --delete" in text
    assert name_of(unused) in text
    assert has(unused)


def test_what_pictures_use_stays_and_the_rest_goes(counted):
    used, unused = cut(photo(1)), cut(photo(2))
    sell(photo(1))
    text = gc(delete=True)
    assert (has(used), has(unused)) == (True, False)
    assert "Looked at 1 file of models." in text
    assert "Deleted 1 file." in text
    assert "0 cut-outs of no picture" in gc(delete=True)


def test_a_picture_of_a_deleted_object_leaves_nothing(counted):
    product, key = sell(photo()), cut(photo())
    gc(delete=True)
    assert has(key)
    product.delete()
    gc(delete=True)
    assert not has(key)


def test_young_cut_outs_stay(counted):
    young, old = cut(photo(1), days=9.9), cut(photo(2), days=10.1)
    gc(delete=True, days=10)
    assert (has(young), has(old)) == (True, False)


def test_with_0_days_all_go_but_those_of_the_last_hour(counted):
    young, old = cut(photo(1), days=50 / MINUTES), cut(photo(2), days=70 / MINUTES)
    sell(photo(3))
    used = cut(photo(3))
    text = gc(delete=True, days=0)
    assert "1 cut-out of no picture, older than an hour" in text
    assert (has(young), has(old), has(used)) == (True, False, True)


def test_what_is_made_while_pictures_are_looked_at_stays(counted, monkeypatch):
    """A picture may be saved after its model was read."""
    key = cut(photo(), days=90 / MINUTES)
    moments = iter([timezone.now() - timedelta(hours=2), timezone.now()])
    monkeypatch.setattr(rembg_gc, "timezone", SimpleNamespace(now=lambda: next(moments)))
    gc(delete=True, days=0)
    assert has(key)


def test_a_cut_out_cannot_be_younger_than_nothing(counted):
    with pytest.raises(CommandError, match="--days must be 0 or more"):
        gc(delete=True, days=-1)


def test_pictures_of_wagtail_are_found_and_documents_that_are_pictures(counted):
    keys = [cut(photo(number)) for number in range(2)]
    file = ContentFile(photo(0), "a.jpg")
    image = Image.objects.create(title="a", file=file, width=40, height=30)
    Document.objects.create(title="b", file=ContentFile(photo(1), "b.jpg"))
    Document.objects.create(title="text", file=ContentFile(b"no picture", "c.txt"))
    Rendition.objects.create(
        image=image, filter_spec="width-20", file="gone.jpg", width=20, height=15
    )
    gc(delete=True)
    assert all(map(has, keys))


def test_a_picture_that_is_re_encoded_to_be_sent_is_found(counted):
    key = cut(photo(format_="TIFF"))
    sell(photo(format_="TIFF"), "photo.tiff")
    gc(delete=True)
    assert has(key)


# Pitfall: of a large file only the beginning was looked at, and its cut-out belonged to nobody.
def test_a_file_that_is_too_large_to_be_sent_as_it_is_is_found(counted):
    file = io.BytesIO()
    Picture.new("RGB", (4400, 4100), "white").save(file, "TIFF")
    assert file.tell() > MAX_BYTES
    key = cut(file.getvalue())
    sell(file.getvalue(), "photo.tiff")
    gc(delete=True)
    assert has(key)


# Pitfall: what Pillow refuses stopped the command for good on a site with django-imagekit.
def test_a_picture_that_imagekit_cannot_read_stops_nothing(counted, monkeypatch):
    import imagekit

    assert imagekit.ImageSpec
    sell(photo(), "photo.jpg")
    monkeypatch.setattr("rembg_plugins.django.pictures.Image.open", None)  # whatever it raises
    gc(delete=True)


def test_pictures_that_a_manager_hides_are_found(counted, monkeypatch):
    key = cut(photo())
    sell(photo())
    monkeypatch.setattr(Product, "objects", None)
    monkeypatch.setattr(Product._meta, "base_manager_name", "nothing")
    gc(delete=True)
    assert has(key)


def test_cut_outs_of_another_engine_are_paid_for_too_and_stay(counted, site):
    used, unused = cut(photo(1)), cut(photo(2))
    sell(photo(1))
    site(ENGINE="offline")
    gc(delete=True)
    site(ENGINE="counted")
    assert (has(used), has(unused)) == (True, False)


def test_the_cut_outs_of_imagekit_are_found_where_it_is_loaded(counted):
    import imagekit

    assert imagekit.ImageSpec
    content = encoded("PNG", size=(44, 33))
    key = cut(Picture.open(io.BytesIO(content)))
    sell(content, "photo.png")
    gc(delete=True)
    assert has(key)


def test_where_a_picture_is_missing_nothing_is_deleted(counted, capsys):
    unused = cut(photo(1))
    product = sell(photo(2))
    product.photo.storage.delete(product.photo.name)
    with pytest.raises(CommandError, match="1 of 1 file cannot be read.*say --missing-ok"):
        gc(delete=True)
    assert f"{product.photo.name} (shop.product:{product.pk}): there is" in capsys.readouterr().err
    with pytest.raises(CommandError):
        gc()
    assert has(unused)
    gc(delete=True, missing_ok=True)
    assert not has(unused)


def test_where_a_picture_cannot_be_read_nothing_is_deleted(counted, capsys):
    unused = cut(photo(1))
    product = sell(photo(2))
    path = Path(product.photo.path)
    path.unlink()
    path.mkdir()  # a folder cannot be read as a file, not even by root
    for missing_ok in (False, True):
        with pytest.raises(CommandError, match="nothing is deleted.$"):
            gc(delete=True, missing_ok=missing_ok)
    assert "IsADirectoryError" in capsys.readouterr().err
    assert has(unused)


def test_where_a_table_cannot_be_read_nothing_is_deleted(counted, capsys):
    unused = cut(photo())
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE shop_product RENAME TO elsewhere")
    with pytest.raises(CommandError, match="nothing is deleted"):
        gc(delete=True)
    assert "shop_product" in capsys.readouterr().err
    assert path_of(name_of(unused)).exists()


def test_a_model_that_is_skipped_is_not_looked_at(counted):
    unused = cut(photo())
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE shop_product RENAME TO elsewhere")
    gc(delete=True, skip=["shop.product"])
    assert not has(unused)


@pytest.mark.parametrize("label", ["nothing", "shop.nothing", "a.b.c"])
def test_only_a_model_can_be_skipped(counted, label):
    with pytest.raises(CommandError, match="write it as APP.MODEL"):
        gc(skip=[label])


def test_where_the_ledger_cannot_be_read_nothing_is_deleted(counted):
    unused = cut(photo())
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE rembg_call RENAME TO elsewhere")
    with pytest.raises(CommandError, match="nothing is deleted"):
        gc(delete=True)
    assert has(unused)


def test_many_problems_are_told_in_short(counted, capsys):
    for number in range(25):
        Product.objects.create(name="cup", photo=f"gone-{number}.jpg")
    with pytest.raises(CommandError, match="25 of 25"):
        gc()
    told = capsys.readouterr().err
    assert (told.count("there is no such file"), "and 5 more" in told) == (20, True)


def test_failures_that_are_past_go_and_others_stay(counted):
    counted.script["each"] = BadRequestError("No picture.", sent="all")
    with pytest.raises(BadRequestError):
        cutouts.remove(photo())
    (name,) = (f"failures/{one}" for one in _below("failures"))
    gc(delete=True)
    assert path_of(name).exists()
    kept = json.loads(path_of(name).read_bytes())
    path_of(name).write_text(json.dumps({**kept, "until": time.time() - 1}))
    text = gc(delete=True)
    assert "1 past failure or leftover." in text
    assert not path_of(name).exists()


def _below(folder):
    root = path_of(folder)
    return [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]


def test_what_others_left_behind_goes_once_it_is_old(counted):
    key = "ab" * 32
    leftovers = [
        "probes/0123",
        "failures/xx/damaged.json",
        f"cutouts/ab/.rembg-{'0' * 16}.tmp",
        f"cutouts/ab/{key}.rembg_Ab12cd3.zip",
    ]
    for name in leftovers:
        leave(name, days=1.1)
    leave("cutouts/readme.txt")
    leave("notes/of-somebody.txt")
    young = "probes/4567"
    leave(young, days=0.9)
    text = gc(delete=True)
    assert f"{len(leftovers)} past failures and leftovers" in text
    assert not [name for name in leftovers if path_of(name).exists()]
    for name in ("cutouts/readme.txt", "notes/of-somebody.txt", young):
        assert path_of(name).exists()


def test_a_second_copy_of_a_used_cut_out_goes(counted):
    key = cut(photo())
    sell(photo())
    copy = name_of(key).replace(".rembg", ".rembg_Ab12cd3")
    leave(copy)
    gc(delete=True)
    assert (has(key), path_of(copy).exists()) == (True, False)


def test_an_empty_store_is_no_error(counted):
    assert "0 cut-outs of no picture" in gc(delete=True)


def test_old_windows_of_the_budget_go_as_well(counted):
    cutouts.remove(photo())
    Window.objects.update(ends="2026-01-01T00:00Z")
    gc()
    assert Window.objects.count() == 2
    gc(delete=True)
    assert not Window.objects.exists()


def test_lock_files_of_killed_processes_go_as_well(counted):
    leave("locks/0123.lock")
    gc()
    assert path_of("locks/0123.lock").exists()
    gc(delete=True)
    assert not path_of("locks/0123.lock").exists()


def test_no_engine_no_sweep(site):
    site(ENGINE="imaginary")
    with pytest.raises(CommandError, match="There is no engine 'imaginary'"):
        gc(delete=True)


class SealedStorage(FileSystemStorage):
    """Lets nobody delete."""

    def delete(self, name):
        message = "sealed"
        raise PermissionError(message)


class BlindStorage(FileSystemStorage):
    """Lets nobody look, as many a remote storage."""

    def listdir(self, path):
        message = "no listing"
        raise NotImplementedError(message)


def test_what_cannot_be_deleted_is_an_error(counted, settings, capsys):
    unused = cut(photo())
    rembg = {**settings.STORAGES["rembg"], "BACKEND": f"{__name__}.SealedStorage"}
    settings.STORAGES = {**settings.STORAGES, "rembg": rembg}
    with pytest.raises(CommandError, match="1 file could not be deleted"):
        gc(delete=True)
    assert f"{name_of(unused)}: PermissionError: sealed" in capsys.readouterr().err


def test_a_store_that_cannot_be_listed_is_an_error(counted, settings):
    rembg = {**settings.STORAGES["rembg"], "BACKEND": f"{__name__}.BlindStorage"}
    settings.STORAGES = {**settings.STORAGES, "rembg": rembg}
    with pytest.raises(CommandError, match="The store cannot be read: NotImplementedError"):
        gc(delete=True)


def test_a_picture_is_found_that_cannot_be_re_encoded_just_now(counted, monkeypatch):
    content = photo(format_="TIFF")
    sell(content, "photo.tif")
    key = cut(content)

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr("rembg_plugins.core.transcode.encode_png", fail)
    gc(delete=True)
    assert has(key)
