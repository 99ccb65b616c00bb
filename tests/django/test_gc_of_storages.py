"""``rembg_gc`` on a site that keeps pictures in a ``CutoutStorage``."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from core.pictures import encoded
from django.core.files.base import ContentFile
from django.core.management import call_command
from django_site.shop.models import Figure

from rembg_plugins.django import cutouts

pytestmark = pytest.mark.django_db

PHOTO, OTHER = encoded("JPEG"), encoded("JPEG", size=(40, 30))


def sweep():
    """Delete what can go, as if all of it were old; what is left."""
    location = Path(cutouts.store().storage.location)
    for path in location.rglob("*"):
        if path.is_file():
            os.utime(path, (0, 0))
    call_command("rembg_gc", delete=True, stdout=io.StringIO())
    return sorted(path.parts[-3] for path in location.rglob("*") if path.is_file())


# Pitfall: of each picture that such a storage ever kept, a note stayed for ever.
def test_notes_on_kept_cut_outs_go_with_them_and_those_in_use_stay(counted):
    kept, gone = (
        Figure.objects.create(photo=ContentFile(photo, "a.jpg")) for photo in (PHOTO, OTHER)
    )
    gone.photo.delete()
    gone.delete()
    assert sweep() == ["outputs"]  # nobody has the originals any more: their cut-outs go as well
    with kept.photo.open() as file:
        content = file.read()
    kept.photo.save("again.png", ContentFile(content))
    assert len(counted.calls) == 2  # it is known as a cut-out, and not paid for again
    kept.photo.delete()
    kept.delete()
    assert sweep() == []


def test_young_notes_stay_since_their_object_may_not_be_saved_yet(counted):
    photo = Figure.photo.field
    name = photo.storage.save("figures/a.jpg", ContentFile(PHOTO))
    call_command("rembg_gc", delete=True, stdout=io.StringIO())
    with photo.storage.open(name) as file:
        photo.storage.save("figures/b.png", ContentFile(file.read()))
    assert len(counted.calls) == 1
