from __future__ import annotations

import pytest
from django.core import checks

from rembg_plugins.django.checks import TAG
from rembg_plugins.django.storage import CutoutStorage

FILES = "django.core.files.storage.FileSystemStorage"
CUTOUTS = "rembg_plugins.django.storage.CutoutStorage"


class Shelf(CutoutStorage):
    """A site's own kind of it."""


@pytest.fixture
def found(site, settings):
    """What is wrong with some storages, by id."""

    def look(**storages):
        settings.STORAGES = {**settings.STORAGES, **storages}
        return {one.id: one for one in checks.run_checks(tags=[TAG])}

    return look


def cutouts(backend=CUTOUTS, **options):
    return {"BACKEND": backend, "OPTIONS": options}


def test_one_that_is_set_up_well_is_fine(found):
    assert found(shelf=cutouts(wraps="default", profile="product")) == {}
    assert found(shelf=cutouts()) == {}


@pytest.mark.parametrize("backend", [CUTOUTS, f"{__name__}.Shelf"])
def test_static_files_are_refused(found, backend):
    assert list(found(staticfiles=cutouts(backend))) == ["rembg.E016"]


@pytest.mark.parametrize("backend", [CUTOUTS, f"{__name__}.Shelf"])
def test_it_cannot_be_the_store(found, backend):
    assert list(found(rembg=cutouts(backend, wraps="default"))) == ["rembg.E015"]


@pytest.mark.parametrize(
    "options", [{"wraps": "nowhere"}, {"wraps": "shelf"}, {"profile": "nothing"}]
)
def test_what_it_names_must_be_there(found, options):
    message = found(shelf=cutouts(**options))["rembg.E017"]
    assert "STORAGES['shelf']" in message.msg


class Named(CutoutStorage):
    """It has an alias of its own accord."""

    def __init__(self, **options):
        super().__init__(wraps="nowhere", **options)


def test_what_a_class_names_by_itself_must_be_there_as_well(found):
    message = found(shelf={"BACKEND": f"{__name__}.Named"})["rembg.E017"]
    assert "wraps 'nowhere', which is not in STORAGES" in message.msg


def test_blanks_around_a_name_are_none_of_it(found):
    assert found(shelf=cutouts(wraps=" default ", profile=" product ")) == {}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"wraps": ["default"]}, "got: ['default']"),
        ({"profile": ["product"]}, "got: ['product']"),
        ({"on_error": "orignal"}, "give 'raise' or 'original', got: 'orignal'"),
        ({"on_error": ["raise"]}, "got: ['raise']"),
        ({"warps": "default"}, "'warps'"),
        ({5: "default"}, "keywords must be strings"),
    ],
    ids=str,
)
def test_options_that_it_cannot_be_made_of_are_told(found, options, why):
    message = found(shelf={"BACKEND": CUTOUTS, "OPTIONS": options})["rembg.E017"]
    assert "STORAGES['shelf'] cannot be made: " in message.msg
    assert why in message.msg


def test_one_mistake_in_the_options_hides_no_other(site, settings):
    shelf = cutouts(wraps="nowhere", profile="nothing", on_error="orignal")
    settings.STORAGES = {**settings.STORAGES, "shelf": shelf}
    told = [one.msg for one in checks.run_checks(tags=[TAG])]
    assert len(told) == 3


@pytest.mark.parametrize("declared", [None, {"BACKEND": [CUTOUTS]}, {"BACKEND": CUTOUTS}])
def test_what_is_declared_as_something_else_breaks_no_check(found, declared):
    assert found(shelf=declared) == {}


def test_it_wraps_neither_itself_nor_another_one(found):
    message = found(default=cutouts())["rembg.E017"]  # what it wraps where nothing is said
    assert "wraps 'default', which is itself" in message.msg
    assert "keeps files as they are" in message.hint
    loop = found(one=cutouts(wraps="two"), two=cutouts(f"{__name__}.Shelf", wraps="one"))
    assert "paid for twice" in loop["rembg.E017"].msg


def test_as_the_default_it_is_warned_of(found, settings):
    plain = settings.STORAGES["default"]
    message = found(default=cutouts(wraps="plain"), plain=plain)["rembg.W007"]
    assert "alias of its own" in message.hint


@pytest.mark.parametrize("name", ["api_key", "user_token", "CLIENT_SECRET"])
def test_no_key_stands_in_its_options(found, name):
    told = found(shelf=cutouts(**{name: "0123456789abcdef"}))
    message = told.pop("rembg.E004")
    assert told == {}
    assert name in message.msg
    assert "0123456789abcdef" not in str(message)
