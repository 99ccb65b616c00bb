"""An image model of a site's own, with the mixin and with renditions of its own."""

from __future__ import annotations

import io
import logging

import pytest
from django.core.cache import caches
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_site.gallery.models import Photo, PhotoRendition
from django_site.photographs import encode, opened, photograph, rendered, upload
from wagtail.images.api.fields import ImageRenditionField
from wagtail.images.management.commands.wagtail_update_image_renditions import Command
from wagtail.images.models import Picture, Rendition

from rembg_plugins.core.errors import ValidationError
from rembg_plugins.django import cutouts
from rembg_plugins.wagtail import mattes, operation
from rembg_plugins.wagtail.approvals import approve, is_approved
from rembg_plugins.wagtail.models import Approval

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_images")]

CUT = "removebg|width-60"


def test_stock_tags_show_the_original_meanwhile(worker):
    image = upload()
    stock = "{% image photo removebg width-60 %}"
    several = "{% picture photo removebg format-{webp,png} width-60 %}"
    assert 'data-rembg="pending"' in rendered(stock, photo=image)
    assert rendered(several, photo=image).count("removebg") == 0
    worker.run()
    assert "data-rembg" not in rendered(stock + several, photo=image)
    assert image.renditions.filter(filter_spec__contains="removebg").count() == 3
    assert not Rendition.objects.exists()


# Pitfall: Wagtail's `Picture` tells formats by the specs that were asked for, as callers do.
@pytest.mark.parametrize("kind", ["original", "placeholder"])
def test_what_is_shown_meanwhile_stands_under_the_specs_that_were_asked_for(
    worker, monkeypatch, kind
):
    monkeypatch.setattr(Photo, "cutout_meanwhile", kind)
    image = upload()
    specs = ["removebg|format-webp|width-60", "removebg|width-60", "width-60|removebg-mask"]
    found = image.get_renditions(*specs)
    assert list(found) == specs
    assert {one.rembg_state for one in found.values()} == {"pending"}
    html = rendered("{% picture photo removebg format-{webp,png} width-60 %}", photo=image)
    assert html.count('type="image/webp"') == 1
    assert html.count('data-rembg="pending"') == 1


# Pitfall: who asks for plain renditions and cut-outs at once still wants the plain ones.
@pytest.mark.parametrize("kind", ["original", "placeholder"])
def test_plain_renditions_among_cut_outs_are_neither_marked_nor_replaced(worker, monkeypatch, kind):
    monkeypatch.setattr(Photo, "cutout_meanwhile", kind)
    image = upload()
    found = image.get_renditions("removebg|width-60", "width-60", "width-30")
    assert found["removebg|width-60"].rembg_state == "pending"
    for spec in ("width-60", "width-30"):
        assert found[spec].url == image.get_rendition(spec).url
        assert not hasattr(found[spec], "rembg_state")


def test_a_placeholder_can_be_chosen(worker, monkeypatch):
    monkeypatch.setattr(Photo, "cutout_meanwhile", "placeholder")
    html = rendered("{% image photo removebg width-60 %}", photo=upload())
    assert "data:image/svg+xml," in html
    several = "{% picture photo removebg format-{webp,png} width-60 %}"
    assert rendered(several, photo=upload()).count("data:image/svg+xml,") == 2
    assert not PhotoRendition.objects.exists()


# Pitfall: the model has shown something meanwhile before the tag can say what it wants.
def test_a_tag_that_asks_for_a_placeholder_gets_it_from_any_model(worker):
    one = '{% cutout photo width-60 meanwhile="placeholder" %}'
    several = '{% cutout_picture photo format-{webp,png} width-60 meanwhile="placeholder" %}'
    assert rendered(one, photo=upload()).count("data:image/svg+xml,") == 1
    assert rendered(several, photo=upload()).count("data:image/svg+xml,") == 2
    assert not PhotoRendition.objects.exists()
    assert (
        rendered("{% cutout photo width-60 %}", photo=upload()).count('data-rembg="pending"') == 1
    )
    assert PhotoRendition.objects.count() == 1


def test_a_tag_that_asks_for_nothing_shows_what_the_model_does(worker, monkeypatch):
    monkeypatch.setattr(Photo, "cutout_meanwhile", "placeholder")
    for tag in ("cutout photo width-60", "cutout_picture photo width-{50,60}"):
        html = rendered(f"{{% {tag} %}}", photo=upload())
        assert "data:image/svg+xml," in html
        assert 'data-rembg="pending"' in html
    assert not PhotoRendition.objects.exists()


def test_a_tag_that_asks_for_the_original_gets_it_from_a_model_with_placeholders(
    worker, monkeypatch
):
    monkeypatch.setattr(Photo, "cutout_meanwhile", "placeholder")
    html = rendered('{% cutout photo width-60 meanwhile="original" %}', photo=upload())
    assert "data:image" not in html
    assert 'data-rembg="pending"' in html


def test_an_api_has_the_original_meanwhile(worker):
    image, field = upload(), ImageRenditionField(CUT)
    answer = field.to_representation(image)
    assert "removebg" not in answer["url"]
    assert (answer["width"], answer["height"]) == (60, 40)
    worker.run()
    assert "removebg" in field.to_representation(image)["url"]


def test_a_rendition_that_is_shown_meanwhile_is_like_any_other(worker):
    found = upload().get_rendition(CUT)
    assert opened(found).size == (60, 40)
    assert Picture({"a": found}).renditions == [found]
    assert ' data-rembg="pending" ' in found.attrs
    assert not hasattr(found, "nothing")


def test_own_tags_show_what_there_is_and_several_renditions_are_one_call(counted):
    image = upload()
    html = rendered("{% cutout_picture photo format-{webp,png} width-{40,60} %}", photo=image)
    assert "data-rembg" not in html
    assert "data-rembg" not in rendered("{% cutout photo fill-50x50 %}", photo=image)
    assert PhotoRendition.objects.count() == 5
    assert len(counted.calls) == 1


def test_prefetched_renditions_take_no_query_each(counted):
    for seed in range(3):
        upload(encode(photograph(seed=seed))).get_rendition(CUT)
    caches["default"].clear()
    found = Photo.objects.prefetch_renditions(CUT)
    with CaptureQueriesContext(connection) as queries:
        for image in found:
            assert "removebg" in rendered("{% image photo removebg width-60 %}", photo=image)
    assert len(queries) == 2
    assert len(counted.calls) == 3


def test_approvals_and_what_is_forgotten_are_by_the_model(counted, site):
    site(AUTO=False)
    image = upload()
    assert image.get_rendition(CUT).rembg_state == "pending"
    approve([image], who="me")
    assert is_approved(Photo.objects.get(pk=image.pk))
    assert "removebg" in image.get_rendition(CUT).url
    call_command("rembg_refresh", "gallery.photo", str(image.pk), yes=True, stdout=io.StringIO())
    assert not image.renditions.filter(filter_spec=CUT).exists()


def test_a_picture_that_is_replaced_or_deleted_is_another(counted, site):
    image = upload()
    image.get_rendition(CUT)
    approve([image], who="me")
    image.file = ContentFile(encode(photograph(seed=7)), "other.jpg")
    image.save()
    assert not image.renditions.exists()
    assert not is_approved(image)
    image.get_rendition(CUT)
    assert len(counted.calls) == 2
    image.delete()
    assert not PhotoRendition.objects.exists()
    assert not Approval.objects.exists()


def lose(monkeypatch):
    cutouts.store().delete(cutouts.key_for(encode(photograph())))


def fail(monkeypatch):
    def compose(*_):
        raise ValidationError(())

    monkeypatch.setattr(operation, "compose", compose)


# Pitfall: the model raises no error, so Wagtail's command would put the original in its place.
@pytest.mark.parametrize("happens", [lose, fail])
def test_a_cut_out_that_cannot_be_made_anew_is_kept(counted, monkeypatch, happens):
    # Wagtail names a rendition by a number that it has no more: its own line cannot be written.
    monkeypatch.setattr(logging.getLogger(Command.__module__), "disabled", True)
    image = upload()
    kept = image.get_rendition(CUT)
    pixels = opened(kept).tobytes()
    happens(monkeypatch)
    mattes.memory.clear()
    call_command("wagtail_update_image_renditions", stdout=io.StringIO(), stderr=io.StringIO())
    found = PhotoRendition.objects.get(filter_spec=CUT)
    assert found.pk == kept.pk
    assert opened(found).tobytes() == pixels
    assert len(counted.calls) == 1
