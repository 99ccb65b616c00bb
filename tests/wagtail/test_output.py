from __future__ import annotations

import pytest
from django_site.photographs import encode, opened, photograph, upload
from wagtail.images.exceptions import InvalidFilterSpecError

pytestmark = pytest.mark.django_db


# Pitfall: a naive operation on a JPEG silently gives a JPEG on white.
@pytest.mark.parametrize(
    ("spec", "conversions", "expected"),
    [
        ("removebg|width-60", {}, ("PNG", "RGBA")),
        ("removebg|width-60", {"jpeg": "webp"}, ("WEBP", "RGBA")),
        ("removebg|width-60", {"jpeg": "jpeg"}, ("PNG", "RGBA")),
        ("removebg|width-60", {"jpeg": "avif"}, ("AVIF", "RGBA")),
        ("format-webp|removebg|width-60", {}, ("WEBP", "RGBA")),
        ("removebg|width-60|format-webp-lossless", {}, ("WEBP", "RGBA")),
        ("removebg|width-60|format-avif", {}, ("AVIF", "RGBA")),
        ("removebg-mask|width-60", {}, ("PNG", "L")),
        ("removebg|width-60|format-jpeg", {}, ("JPEG", "RGB")),
        ("removebg-product|width-60", {}, ("PNG", "RGB")),
        ("removebg-small|width-60", {}, ("WEBP", "RGBA")),
    ],
)
def test_the_format_can_be_transparent_unless_another_is_asked_for(
    counted, site, settings, spec, conversions, expected
):
    site(PROFILES={"product": {"bg_color": "#ffffff"}, "small": {"format": "WEBP"}})
    settings.WAGTAILIMAGES_FORMAT_CONVERSIONS = conversions
    image = opened(upload().get_rendition(spec))
    assert (image.format, image.mode) == expected


@pytest.mark.parametrize(
    ("spec", "ground"),
    [
        ("removebg|width-240|format-jpeg", (255, 255, 255)),
        ("removebg|bgcolor-00ff00|width-240|format-jpeg", (0, 255, 0)),
        ("removebg|width-60|bgcolor-00ff00", (0, 255, 0)),
        ("removebg-red|width-60", (255, 0, 0)),
    ],
)
def test_a_ground_is_laid_where_it_is_asked_for(counted, site, spec, ground):
    site(PROFILES={"red": {"bg_color": "#ff0000"}})
    corner = opened(upload().get_rendition(spec)).convert("RGB").getpixel((1, 1))
    assert all(abs(ours - theirs) <= 3 for ours, theirs in zip(corner, ground, strict=True))


def test_without_a_ground_the_corners_are_clear(counted):
    assert opened(upload().get_rendition("removebg|width-60")).getpixel((1, 1))[3] == 0


def test_a_mask_is_the_alpha_of_its_cut_out(counted):
    image = upload()
    mask = opened(image.get_rendition("removebg-mask|width-60"))
    alpha = opened(image.get_rendition("removebg|width-60")).getchannel("A")
    assert mask.tobytes() == alpha.tobytes()


@pytest.mark.parametrize(
    "options", [{"w": 40}, {"h": 40}, {"angle": 90}, {"format": "BMP"}, {"angle": 30}], ids=str
)
def test_a_profile_that_changes_the_geometry_is_refused(site, options):
    site(PROFILES={"other": options})
    with pytest.raises(InvalidFilterSpecError, match="'other'"):
        upload().get_rendition("removebg-other|width-60")


# Pitfall: the name of a file is the picture's, the spec and an extension in 100 characters.
def test_the_longest_names_of_ours_fit_into_a_files_name(counted):
    image = upload(encode(photograph()), f"{'a' * 70}.jpg")
    spec = "removebg-product|fill-1000x1000-c100|format-webp"
    assert len(image.get_rendition(spec).file.name) <= 100


# Pitfall: Wagtail tells operations for SVG, and formats of a picture tag, by parts of the spec.
@pytest.mark.parametrize("word", ["max", "min", "width", "height", "scale", "fill", "original"])
def test_the_name_is_taken_for_no_other_operation(word):
    from rembg_plugins.wagtail.look import NAME

    assert not NAME.startswith(word)
    assert "format-" not in NAME
