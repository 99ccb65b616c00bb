from __future__ import annotations

from pathlib import Path

import pytest
from django_site.photographs import encode, photograph, rendered, upload
from wagtail.images.api.fields import ImageRenditionField
from wagtail.images.models import Filter, SourceImageIOError
from wagtail.images.views.serve import generate_image_url

from rembg_plugins.core import errors
from rembg_plugins.core.options import Options
from rembg_plugins.django import cutouts
from rembg_plugins.wagtail.errors import CutoutError, PendingError

pytestmark = pytest.mark.django_db

PROBLEMS = [
    errors.PaymentRequiredError("no credits", billed=False),
    errors.AuthenticationError("bad key", billed=False),
    errors.APITimeoutError("slow", sent="all"),
    errors.InternalServerError("500", sent="all"),
    errors.DownscaledResultError("460", billed=True),
    errors.ConfigurationError("no engine"),
    OSError("disk"),
    RuntimeError("a bug"),
    MemoryError(),
]
NOT_FOUND = "/media/not-found"


@pytest.fixture(params=PROBLEMS, ids=lambda problem: type(problem).__name__)
def failing(request, counted):
    counted.script["each"] = request.param
    return counted


# Pitfall: any other exception from an operation is a 500, and original pixels would be saved.
def test_a_page_shows_a_broken_image_and_nothing_is_saved(failing):
    image = upload()
    assert NOT_FOUND in rendered("{% image photo removebg width-40 %}", photo=image)
    assert NOT_FOUND in rendered("{% picture photo removebg width-{40,50} %}", photo=image)
    answer = ImageRenditionField("removebg|width-40").to_representation(image)
    assert answer == {"error": "SourceImageIOError"}
    assert not image.renditions.exists()


def test_the_serve_view_answers_410(failing, client):
    image = upload()
    response = client.get(generate_image_url(image, "removebg|width-40"))
    assert response.status_code == 410
    assert not image.renditions.exists()


def test_settings_that_cannot_be_read_break_no_page(site, counted):
    image = upload()
    site(ENGINE=None, BUDGET=3)
    html = rendered("{% image photo removebg width-40 %}", photo=image)
    assert NOT_FOUND in html


def test_neither_do_they_in_a_spec_with_a_profile(site, counted, caplog):
    image = upload()
    site(ENGINE=None, BUDGET=3)
    html = rendered("{% image photo removebg-product width-40 %}", photo=image)
    assert NOT_FOUND in html
    assert "BUDGET" in caplog.text
    shown = rendered("{% cutout photo removebg-product width-40 %}", photo=image)
    assert 'data-rembg="pending"' in shown


def test_a_profile_that_could_not_be_read_is_not_taken_for_another(site, counted):
    image = upload()
    site(BUDGET=3)
    wanted = Filter(spec="removebg-product|width-40")
    assert wanted.operations[0].options == Options()
    site(BUDGET={})  # as where a module that the settings name can be imported by now
    with pytest.raises(PendingError, match="BUDGET"):
        image.get_rendition(wanted)
    assert not image.renditions.exists()


def test_a_store_that_cannot_be_written_breaks_no_page(counted, settings, tmp_path):
    (tmp_path / "full").write_text("a file, and no folder")
    private = {"location": tmp_path / "full" / "cutouts", "base_url": None}
    rembg = {**settings.STORAGES["rembg"], "OPTIONS": private}
    settings.STORAGES = {**settings.STORAGES, "rembg": rembg}
    image = upload()
    assert NOT_FOUND in rendered("{% image photo removebg width-40 %}", photo=image)
    assert counted.calls == []


def test_what_can_come_by_itself_is_pending_and_what_cannot_has_failed(counted):
    image = upload()
    counted.script = {1: errors.PaymentRequiredError("no credits", billed=False)}
    with pytest.raises(PendingError):
        image.get_rendition("removebg|width-40")
    other = upload(name="other.jpg")
    Path(other.file.path).write_bytes(b"no picture")
    with pytest.raises(CutoutError) as caught:
        other.get_rendition("removebg|width-40")
    assert not isinstance(caught.value, PendingError)


def test_a_file_that_is_gone_is_wagtails_own_error(counted):
    image = upload()
    image.file.storage.delete(image.file.name)
    with pytest.raises(SourceImageIOError) as caught:
        image.get_rendition("removebg|width-40")
    assert not isinstance(caught.value, CutoutError)
    assert NOT_FOUND in rendered("{% cutout photo width-40 %}", photo=image)
    assert NOT_FOUND in rendered("{% cutout_picture photo width-{40,50} %}", photo=image)


def test_after_a_failure_a_later_view_has_the_cut_out(counted):
    counted.script[1] = errors.APITimeoutError("slow", sent="nothing", billed=False)
    image = upload()
    assert NOT_FOUND in rendered("{% image photo removebg width-40 %}", photo=image)
    assert NOT_FOUND in rendered("{% image photo removebg width-40 %}", photo=image)
    assert len(counted.calls) == 1  # what failed is not tried again by each view
    cutouts.failures().forget(cutouts.key_for(image.file.open("rb").read()))
    image.file.close()
    assert NOT_FOUND not in rendered("{% image photo removebg width-40 %}", photo=image)


def test_a_budget_that_is_used_up_breaks_no_page(counted, site):
    site(BUDGET={"hour": 0})
    image = upload()
    assert NOT_FOUND in rendered("{% image photo removebg width-40 %}", photo=image)
    assert counted.calls == []


# Pitfall: the name of a file is the picture's, the spec and an extension in 100 characters.
def test_a_spec_that_is_too_long_for_the_name_of_a_file_breaks_no_page(counted, caplog):
    image = upload(encode(photograph()), f"{'a' * 70}.jpg")
    long = "fill-1000x1000-c100 format-webp-lossless bgcolor-ffffff"
    html = rendered(f"{{% image photo removebg-product {long} %}}", photo=image)
    assert NOT_FOUND in html
    assert "cannot be saved" in caplog.text
    shown = rendered(f"{{% cutout photo removebg-product {long} %}}", photo=image)
    assert 'data-rembg="failed"' in shown
    assert len(counted.calls) == 1  # it is kept, for shorter ones
    assert image.get_rendition("removebg|width-40").width == 40
    assert len(counted.calls) == 1


@pytest.mark.parametrize("tag", ["image", "picture", "srcset_image"])
def test_a_place_of_renditions_that_cannot_be_written_breaks_no_page(counted, settings, tag):
    image = upload()
    folder = Path(settings.MEDIA_ROOT) / "images"
    folder.write_bytes(b"no folder")
    widths = "width-40" if tag == "image" else "width-{40,50}"
    shown = rendered(f"{{% {tag} photo removebg {widths} %}}", photo=image)
    assert NOT_FOUND in shown
    # The transaction of the page goes on, as of one with ATOMIC_REQUESTS.
    assert not image.renditions.exists()
    folder.unlink()
    assert NOT_FOUND not in rendered("{% image photo removebg width-40 %}", photo=image)
    assert len(counted.calls) == 1


@pytest.mark.parametrize("widths", ["width-40", "width-{40,50}"])
def test_where_the_original_cannot_be_shown_either_a_grey_area_is(counted, settings, widths):
    image = upload()
    (Path(settings.MEDIA_ROOT) / "images").write_bytes(b"no folder")
    tag = "cutout" if widths == "width-40" else "cutout_picture"
    shown = rendered(f"{{% load rembg_wagtail %}}{{% {tag} photo {widths} %}}", photo=image)
    assert "data:image/svg+xml" in shown
    assert 'data-rembg="pending"' in shown
