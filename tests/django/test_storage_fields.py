"""The storage that removes backgrounds, in fields of models, migrations and pickles."""

from __future__ import annotations

import asyncio
import json
import pickle

import django.db.models
import pytest
from core.pictures import SIZE, encoded, orientation
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.db.migrations.writer import MigrationWriter
from django.db.models import ImageField
from django_site.shop.models import Figure, Product

from rembg_plugins.django.storage import CutoutStorage

pytestmark = pytest.mark.django_db

PHOTO = encoded("JPEG")
TURNED = encoded("JPEG", exif=orientation(6))
STORAGES = [
    CutoutStorage(),
    CutoutStorage(wraps="default", profile="product", on_error="original"),
]


def test_a_field_keeps_the_cut_out_under_its_date(counted):
    figure = Figure.objects.create(photo=SimpleUploadedFile("a photo.jpg", PHOTO, "image/jpeg"))
    found = Figure.objects.get()
    assert found.photo.name == figure.photo.name
    assert found.photo.name.startswith("figures/2")
    assert found.photo.name.endswith("/a_photo.png")
    with figure.photo.open() as seen, figure.photo.storage.open(found.photo.name) as kept:
        assert seen.read() == kept.read()
    found.save()
    assert len(counted.calls) == 1


def test_a_long_name_fits_into_the_column(counted):
    figure = Figure.objects.create(photo=ContentFile(PHOTO, "x" * 60 + ".jpeg"))
    assert len(figure.photo.name) == 40
    assert figure.photo.name.endswith(".png")


def by_creating():
    return Figure.objects.create(photo=ContentFile(TURNED, "photo.jpg"))


def by_saving_the_field():
    figure = Figure()
    figure.photo.save("photo.jpg", ContentFile(TURNED))
    return figure


def by_replacing():
    figure = Figure.objects.create(photo=ContentFile(PHOTO, "other.jpg"))
    figure.photo = SimpleUploadedFile("photo.jpg", TURNED)
    figure.save(update_fields=["photo", "width", "height"])
    return figure


@pytest.mark.parametrize("make", [by_creating, by_saving_the_field, by_replacing])
def test_width_and_height_are_those_of_the_cut_out(counted, make):
    figure, turned = make(), SIZE[::-1]
    assert (figure.width, figure.height) == turned
    found = Figure.objects.get()
    assert (found.width, found.height) == turned == (found.photo.width, found.photo.height)
    assert pickle.loads(pickle.dumps(figure)).photo.name == found.photo.name  # noqa: S301 - our own


def test_width_and_height_of_a_fixture_are_not_touched(counted):
    Figure(photo="figures/gone.png", width=1, height=2).save_base(raw=True)
    assert (Figure.objects.get().width, Figure.objects.get().height) == (1, 2)


def test_one_upload_may_go_into_two_fields(counted):
    upload = SimpleUploadedFile("photo.jpg", PHOTO)
    figure = Figure.objects.create(photo=upload)
    product = Product.objects.create(name="shoe", photo=upload)
    with product.photo.open() as original, figure.photo.open() as cutout:
        assert original.read() == PHOTO != cutout.read()


def test_a_field_without_a_file_stays_without(counted):
    Figure.objects.create()
    assert Figure.objects.get().photo.name == ""
    assert counted.calls == []


def test_a_rollback_leaves_the_file_and_a_second_try_is_free(counted):
    with transaction.atomic():
        Figure.objects.create(photo=ContentFile(PHOTO, "photo.jpg"))
        transaction.set_rollback(True)
    assert not Figure.objects.exists()
    figure = Figure.objects.create(photo=ContentFile(PHOTO, "photo.jpg"))
    folder = figure.photo.name.rpartition("/")[0]
    assert len(figure.photo.storage.listdir(folder)[1]) == 2  # one of them belongs to nobody
    assert len(counted.calls) == 1


@pytest.mark.django_db(transaction=True)
def test_a_model_is_saved_in_an_event_loop_as_django_does_it(counted):
    figure = asyncio.run(Figure.objects.acreate(photo=ContentFile(PHOTO, "photo.jpg")))
    assert figure.photo.name.endswith(".png")
    assert len(counted.calls) == 1
    connection.close()


@pytest.mark.parametrize("made", STORAGES, ids=repr)
def test_it_is_rebuilt_of_plain_arguments(made, site):
    site(API_KEY=lambda: "a-secret")
    path, arguments, keywords = made.deconstruct()
    assert path == "rembg_plugins.django.storage.CutoutStorage"
    assert arguments == ()
    again = CutoutStorage(**json.loads(json.dumps(keywords)))
    for copy in (again, pickle.loads(pickle.dumps(made))):  # noqa: S301 - our own
        assert (copy.wraps, copy.profile, copy.on_error) == (
            made.wraps,
            made.profile,
            made.on_error,
        )
        assert copy.deconstruct() == made.deconstruct()
    assert b"a-secret" not in pickle.dumps(made)


@pytest.mark.parametrize("made", STORAGES, ids=repr)
def test_a_migration_can_name_it(made):
    text, imports = MigrationWriter.serialize(ImageField(storage=made))
    assert "rembg_plugins.django.storage.CutoutStorage(" in text
    namespace = {"models": django.db.models}
    exec("\n".join(sorted(imports)), namespace)  # noqa: S102 - as Django runs a migration
    field = eval(text, namespace)  # noqa: S307 - likewise
    assert field.storage.deconstruct() == made.deconstruct()
