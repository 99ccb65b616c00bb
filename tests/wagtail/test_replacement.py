from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.urls import reverse
from django_site.photographs import encode, opened, photograph, upload
from wagtail.images import get_image_model

from rembg_plugins.django import cutouts
from rembg_plugins.wagtail.approvals import approve, is_approved

pytestmark = pytest.mark.django_db

OTHER = encode(photograph(seed=7))
SPEC = "removebg|width-60"


def pixels(image):
    return opened(image.get_rendition(SPEC)).tobytes()


def fresh(image):
    return get_image_model().objects.get(pk=image.pk)


# Pitfall: code that replaces a picture keeps its renditions, and leaves `file_hash` as it was.
def test_a_picture_that_code_replaced_gets_another_cut_out(counted):
    image = upload()
    image.get_file_hash()
    old = pixels(image)
    image.file = ContentFile(OTHER, "other.jpg")
    image.save()
    assert pixels(fresh(image)) != old
    assert len(counted.calls) == 2
    assert image.renditions.count() == 1


def test_a_picture_whose_row_was_updated_gets_another_cut_out(counted):
    image, other = upload(), upload(OTHER, "other.jpg")
    old = pixels(image)
    get_image_model().objects.filter(pk=image.pk).update(file=other.file.name)
    assert pixels(fresh(image)) != old


# Pitfall: a storage that overwrites gives the other picture the same name.
@pytest.mark.parametrize("how", ["assigned", "written"])
def test_a_picture_that_was_overwritten_gets_another_cut_out(counted, how):
    image = upload()
    old = pixels(image)
    path = Path(image.file.path)
    if how == "assigned":
        path.unlink()  # as with S3: the name is free
        image.file = ContentFile(OTHER, "photo.jpg")
    else:
        path.write_bytes(OTHER)
    image.save()
    assert image.file.name == "original_images/photo.jpg"
    assert pixels(fresh(image)) != old
    assert len(counted.calls) == 2


def test_a_new_title_leaves_the_cut_out_where_it_is(counted):
    image = upload()
    rendition = image.get_rendition(SPEC)
    image.title = "Another"
    image.save()
    image.save(update_fields=["title"])
    assert image.renditions.get() == rendition


def test_where_a_storage_tells_no_times_the_cut_out_is_made_again_at_no_cost(counted, monkeypatch):
    image = upload()
    image.get_rendition(SPEC)

    def silent(*_):
        raise NotImplementedError

    monkeypatch.setattr(type(image.file.storage), "get_modified_time", silent, raising=False)
    image.save()
    assert not image.renditions.exists()
    image.get_rendition(SPEC)
    assert len(counted.calls) == 1


def test_a_cut_out_of_a_profile_that_is_no_more_goes_with_the_next_save(counted, site):
    image = upload()
    image.get_rendition("removebg-product|width-60")
    site(PROFILES={})
    image.save()
    assert not image.renditions.exists()


def test_a_picture_that_an_editor_replaced_gets_another_cut_out(counted, admin_client):
    image = upload()
    old = pixels(image)
    url = reverse("wagtailimages:edit", args=(image.pk,))
    upload_ = SimpleUploadedFile("photo.jpg", OTHER, "image/jpeg")
    data = {"title": "A photo", "file": upload_, "collection": image.collection_id, "tags": ""}
    assert admin_client.post(url, data).status_code == 302
    assert pixels(fresh(image)) != old


def test_an_approval_is_for_the_picture_as_it_was(counted):
    image = upload()
    approve([image], who="me")
    image.file = ContentFile(OTHER, "other.jpg")
    image.save()
    assert not is_approved(fresh(image))
    approve([fresh(image)], who="me")
    assert is_approved(fresh(image))


def test_the_approval_of_a_deleted_picture_is_not_that_of_the_next_one(counted):
    image = upload()
    approve([image], who="me")
    number = image.pk
    image.delete()
    assert not is_approved(upload(pk=number))


# Pitfall: renditions that are there are shown for ever, whatever becomes of the cut-out.
def test_a_cut_out_that_a_person_had_forgotten_is_made_anew_by_the_next_page(counted, tmp_path):
    image, other = upload(), upload(OTHER, "other.jpg")
    for one in (image, other):
        one.get_renditions(SPEC, "removebg-mask|width-50", "width-50")
    call_command("rembg_refresh", "wagtailimages.image", str(image.pk), yes=True)
    assert [one.filter_spec for one in image.renditions.all()] == ["width-50"]
    assert other.renditions.count() == 3
    assert len(counted.calls) == 2
    fresh(image).get_rendition(SPEC)
    assert len(counted.calls) == 3
    path = tmp_path / "photo.jpg"
    path.write_bytes(OTHER)
    call_command("rembg_refresh", str(path), yes=True)  # of no object
    assert other.renditions.count() == 3


def test_renditions_go_with_their_picture_and_the_cut_out_stays_for_the_collection(counted):
    image = upload()
    rendition = image.get_rendition(SPEC)
    assert cutouts.is_ready(io.BytesIO(encode(photograph())))
    image.delete()
    assert not type(rendition).objects.exists()


# Pitfall: whoever can guess a name could see a private picture's cut-out in full size.
def test_the_cut_out_of_a_private_picture_has_no_address(counted, settings):
    image = upload()
    image.get_rendition(SPEC)
    location = Path(cutouts.store().storage.location)
    assert len(list(location.rglob("*.zip"))) == 1
    assert not location.is_relative_to(settings.MEDIA_ROOT)
    public = [path.name for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]
    assert len(public) == 2  # the original, and the rendition as small as the page asked for it


def test_without_the_table_of_approvals_pictures_can_be_deleted(counted, caplog):
    image = upload()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE rembg_wagtail_approval")
    assert not is_approved(image)
    image.delete()
    assert not get_image_model().objects.exists()
    assert caplog.text.count("rembg_wagtail_approval is not there") == 2
    assert "Run `manage.py migrate`" in caplog.text
