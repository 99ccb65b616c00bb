"""A site with an image model of its own, set up as the page on Wagtail says and no more."""

from __future__ import annotations

import re

from django_site.project import Project
from doc_pages import DOCS, text_of

PAGE = text_of(DOCS / "how-to" / "wagtail.md")
BLOCKS = re.findall(r"^```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
(LINES,) = [one for one in BLOCKS if "INSTALLED_APPS" in one]
(MODEL,) = [one for one in BLOCKS if "CutoutImageMixin" in one]

SETTINGS = f"""
from pathlib import Path

from django_site.settings import *

BASE_DIR = Path(__file__).parents[1]
INSTALLED_APPS = [one for one in INSTALLED_APPS if one.partition(".")[0] == "django"]
INSTALLED_APPS += ["library", "taggit", "modelcluster", "wagtail", "wagtail.admin"]
INSTALLED_APPS += ["wagtail.images", "wagtail.documents", "wagtail.users", "wagtail.search"]
TEMPLATES = TEMPLATES[:1]
WAGTAILIMAGES_IMAGE_MODEL = "library.Photo"
REMBG = {{"BUDGET": {{"hour": 10}}}}
del STORAGES["rembg"]
{LINES}
"""
RENDITION = """

from django.db import models
from wagtail.images.models import AbstractRendition


class PhotoRendition(AbstractRendition):
    image = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="renditions")

    class Meta:
        unique_together = (("image", "filter_spec", "focal_point_key"),)
"""
VISIT = """
import io

from django.core.files.base import ContentFile
from django.core.management import call_command
from django.test.utils import override_settings
from django_site.photographs import encode, photograph, rendered, upload
from library.models import Photo, PhotoRendition

from rembg_plugins.django import cutouts
from rembg_plugins.django.models import Call
from rembg_plugins.wagtail.approvals import approve

TAG = "{% image photo removebg width-60 %}{% picture photo removebg width-{50,40} %}"
cut = PhotoRendition.objects.filter(filter_spec__contains="removebg")

with override_settings(REMBG={"AUTO": False}):
    photo = upload()
    assert type(photo) is Photo
    assert rendered(TAG, photo=photo).count('data-rembg="pending"') == 2
    assert not cut.exists()
    approve([photo], who="me")
    assert "data-rembg" not in rendered(TAG, photo=photo)
assert cut.count() == 3
assert {one.picture for one in Call.objects.all()} == {f"library.photo:{photo.pk}"}

call_command("wagtail_update_image_renditions", stdout=io.StringIO())
assert (cut.count(), Call.objects.count()) == (3, 1)

photo.file = ContentFile(encode(photograph(seed=7)), "other.jpg")
photo.save()
assert not cut.exists()
rendered(TAG, photo=photo)
assert (cut.count(), Call.objects.count()) == (3, 2)

call_command("rembg_gc", "--delete", stdout=io.StringIO())
with photo.file.open("rb") as file:
    assert cutouts.is_ready(file.read())
photo.delete()
assert not PhotoRendition.objects.exists()
print("good")
"""


# Pitfall: what was only ever tried with the stock model looks for that one's renditions.
def test_two_lines_and_the_mixin_of_the_page_are_all_that_such_a_site_needs(tmp_path):
    files = {"mysite/settings.py": SETTINGS, "library/__init__.py": ""}
    without = MODEL.replace("(CutoutImageMixin, AbstractImage)", "(AbstractImage)")
    assert without != MODEL
    project = Project(tmp_path, {**files, "library/models.py": without + RENDITION})
    project.manage("makemigrations", "library")
    (migration,) = (tmp_path / "library" / "migrations").glob("0001*.py")
    assert "rembg" not in migration.read_text()
    (tmp_path / "library" / "models.py").write_text(MODEL + RENDITION)
    assert "No changes" in project.manage("makemigrations", "library", "--check")
    project.manage("migrate", "--verbosity", "0")
    assert "no issues" in project.manage("check")
    assert project.python(VISIT) == "good"
