from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.core.management import call_command
from django_site.photographs import encode, photograph, upload

from rembg_plugins.django import cutouts
from rembg_plugins.wagtail.approvals import approve, is_approved
from rembg_plugins.wagtail.models import Approval

pytestmark = pytest.mark.django_db


def collect():
    """Sweep the store as if all of it were old; what is left of the cut-outs."""
    location = Path(cutouts.store().storage.location)
    for one in location.rglob("*.zip"):
        os.utime(one, (0, 0))
    call_command("rembg_gc", "--delete")
    return list(location.rglob("*.zip"))


def test_a_deleted_picture_leaves_nothing_after_the_collection(counted):
    kept, gone = upload(), upload(encode(photograph(seed=5)), "gone.jpg")
    for image in (kept, gone):
        image.get_rendition("removebg|width-60")
    gone.delete()
    location = Path(cutouts.store().storage.location)
    files = list(location.rglob("*.zip"))
    assert len(files) == 2
    for one in files:
        os.utime(one, (0, 0))
    call_command("rembg_gc", "--delete")
    assert len(list(location.rglob("*.zip"))) == 1
    kept.get_rendition("removebg|width-50")
    assert len(counted.calls) == 2


# Pitfall: a cut-out is shared by equal pictures; deleting one must not cost the other one's.
def test_a_copy_of_a_deleted_picture_keeps_the_cut_out(counted):
    gone, kept = upload(), upload(name="copy.jpg")
    gone.get_rendition("removebg|width-60")
    gone.delete()
    assert len(collect()) == 1
    kept.get_rendition("removebg|width-60")
    assert len(counted.calls) == 1


def test_nothing_at_all_is_left_of_a_deleted_picture(
    counted, settings, django_capture_on_commit_callbacks
):
    image = upload()
    image.get_renditions("removebg|width-60", "removebg-mask|width-60", "width-60")
    approve([image], who="me")
    with django_capture_on_commit_callbacks(execute=True):
        image.delete()
    assert collect() == []
    assert not [one for one in Path(settings.MEDIA_ROOT).rglob("*") if one.is_file()]
    assert not Approval.objects.exists()


# Pitfall: databases and storages give a number and a name again, once they are free.
def test_the_next_picture_of_the_same_number_and_name_is_not_approved(
    counted, django_capture_on_commit_callbacks
):
    image = upload()
    approve([image], who="me")
    number, name = image.pk, image.file.name
    with django_capture_on_commit_callbacks(execute=True):
        image.delete()
    other = upload(encode(photograph(seed=7)), pk=number)
    assert (other.pk, other.file.name) == (number, name)
    assert not is_approved(other)
