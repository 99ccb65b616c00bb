from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.core.management import call_command
from django_site.photographs import encode, photograph, upload

from rembg_plugins.django import cutouts

pytestmark = pytest.mark.django_db


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
