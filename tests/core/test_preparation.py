from __future__ import annotations

import copy
import io

import numpy as np
import pytest
from PIL import Image, ImageOps
from profiles import gray_profile, ink_profile, srgb_profile

from rembg_plugins.core.preparation import prepare, upright
from rembg_plugins.core.source import Source

FORMATS = {"PNG": "RGBA", "JPEG": "RGB", "WEBP": "RGBA", "BMP": "RGB"}
DEEP = ("I", "I;16", "I;16B", "F")


def file_of(image, format, **settings):
    file = io.BytesIO()
    image.save(file, format, **settings)
    return file.getvalue()


def same(one, other):
    assert one.mode == other.mode
    assert one.size == other.size
    assert one.tobytes() == other.tobytes()


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def with_exif(image, orientation):
    image = image.copy()
    image.info["exif"] = exif(orientation).tobytes()
    return image


# Modes


def test_every_mode_becomes_rgb_and_the_image_stays_as_it_was(make_image, any_mode):
    image = make_image(any_mode, (40, 30))
    image.info["key"] = "value"
    pixels, info = image.tobytes(), copy.deepcopy(image.info)
    prepared = prepare(image)
    assert (prepared.pixels.mode, prepared.pixels.size) == ("RGB", (40, 30))
    assert (prepared.alpha is not None) == any_mode.endswith(("A", "a"))
    assert prepared.profile is None
    assert (image.mode, image.tobytes(), image.info) == (any_mode, pixels, info)


def test_the_pixels_are_those_of_a_plain_conversion(make_image, any_mode):
    if any_mode in {*DEEP, "La", "RGBa"}:
        return  # converted by rules of their own, tested below
    image = make_image(any_mode)
    same(prepare(image).pixels, image.convert("RGB"))


def test_rgb_is_not_copied(make_image):
    image = make_image("RGB")
    assert prepare(image).pixels is image


@pytest.mark.parametrize("mode", ["LA", "PA", "RGBA"])
def test_alpha_is_kept_aside(make_image, mode):
    image = make_image(mode)
    same(prepare(image).alpha, image.getchannel("A"))


@pytest.mark.parametrize(("premultiplied", "plain"), [("La", "LA"), ("RGBa", "RGBA")])
def test_premultiplied_colors_are_divided_by_alpha(make_image, premultiplied, plain):
    image = make_image(premultiplied)
    prepared = prepare(image)
    same(prepared.pixels, image.convert(plain).convert("RGB"))
    same(prepared.alpha, image.convert(plain).getchannel("A"))


@pytest.mark.parametrize("mode", ["LA", "RGBA", "RGBa"])
def test_alpha_that_is_full_is_none(mode):
    image = Image.new("RGBA", (3, 2), "red").convert(mode if mode != "LA" else "RGBA")
    assert prepare(image.convert(mode)).alpha is None


@pytest.mark.parametrize(
    ("mode", "pixel", "transparent"),
    [
        ("1", 255, 255),
        ("L", 77, 77),
        ("RGB", (1, 2, 3), (1, 2, 3)),
        ("P", 5, 5),
        ("P", 1, b"\xff\x00\xff"),
        ("I;16", 300, 300),
    ],
)
def test_a_transparent_color_becomes_alpha(make_image, mode, pixel, transparent):
    image = make_image(mode)
    image.putpixel((4, 4), pixel)
    plain = prepare(image).pixels
    image.info["transparency"] = transparent
    prepared = prepare(image)
    same(prepared.pixels, plain)
    assert prepared.alpha.getpixel((4, 4)) == 0
    assert prepared.alpha.getextrema() == (0, 255)


# Gray in more than 8 bits


@pytest.mark.parametrize("mode", ["I;16", "I;16B"])
def test_16_bits_lose_their_low_byte(make_image, mode):
    image = make_image(mode)
    expected = np.array(image.convert("I")) >> 8
    assert np.array_equal(np.array(prepare(image).pixels.getchannel("G")), expected)


def gray(mode, *values):
    image = Image.new(mode, (len(values), 1))
    for x, value in enumerate(values):
        image.putpixel((x, 0), value)
    return image


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (gray("I", 0, 1, 254, 255), [0, 1, 254, 255]),
        (gray("I", -7, 0, 255), [0, 0, 255]),
        (gray("I", 0, 255, 256, 65_535), [0, 0, 1, 255]),
        (gray("I", -70_000, 32_768, 1_000_000), [0, 128, 255]),
        (gray("F", 0.0, 0.5, 1.0), [0, 128, 255]),
        (gray("F", -0.5, 0.001, 0.002), [0, 0, 1]),
        (gray("F", 0.0, 1.0, 2.0, 200.0), [0, 1, 2, 200]),
        (gray("F", -5.0, 1e9), [0, 255]),
    ],
)
def test_long_gray_is_scaled_by_its_greatest_value(image, expected):
    assert list(prepare(image).pixels.getchannel("R").tobytes()) == expected


# Orientation


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_applied_to_pixels_and_alpha(make_image, orientation):
    image = with_exif(make_image("RGBA", (20, 10)), orientation)
    expected = ImageOps.exif_transpose(image)
    prepared = prepare(image)
    same(prepared.pixels, expected.convert("RGB"))
    same(prepared.alpha, expected.getchannel("A"))


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_the_orientation_of_a_file_is_applied(make_image, format):
    content = file_of(make_image("RGB", (20, 10)), format, exif=exif(6))
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    same(prepare(Source.of(content)).pixels, expected.convert("RGB"))


def test_a_picture_that_is_upright_is_not_copied(make_image):
    image = make_image("L")
    assert upright(image) is image
    assert upright(with_exif(image, 1)).tobytes() == image.tobytes()


@pytest.mark.parametrize("value", [0, 9, 65_535])
def test_an_orientation_that_is_none_changes_nothing(make_image, value):
    image = make_image("RGB", (20, 10))
    same(prepare(with_exif(image, value)).pixels, image)


def test_broken_exif_data_are_as_good_as_none(make_image):
    image = make_image("RGB", (20, 10))
    image.info["exif"] = b"Exif\0\0MM no such thing"
    same(prepare(image).pixels, image)


# Profiles


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L"])
def test_an_rgb_profile_goes_along(make_image, mode):
    image = make_image(mode)
    image.info["icc_profile"] = srgb_profile()
    prepared = prepare(image)
    assert prepared.profile == srgb_profile()
    same(prepared.pixels, image.convert("RGB"))


def test_inks_go_to_srgb_by_their_profile():
    image = Image.new("CMYK", (4, 4), (255, 0, 0, 0))
    plain = prepare(image).pixels.getpixel((0, 0))
    image.info["icc_profile"] = ink_profile()  # which prints cyan as yellow
    prepared = prepare(image)
    red, green, blue = prepared.pixels.getpixel((0, 0))
    assert plain == (0, 255, 255)
    assert (red > 240, green > 240, blue < 80) == (True, True, True)
    assert prepared.profile is None


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_gray_goes_to_srgb_by_its_profile(make_image, mode):
    image = make_image("LA").convert(mode)
    image.paste(128 if mode == "L" else (128, 77), (0, 0, *image.size))
    image.info["icc_profile"] = gray_profile(gamma=1.0)
    prepared = prepare(image)
    assert prepared.pixels.getpixel((3, 3)) == (188, 188, 188)  # 128 / 255 of the light in sRGB
    assert prepared.profile is None
    assert (prepared.alpha is None) == (mode == "L")


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
@pytest.mark.parametrize("profile", [b"", b"short", bytes(500), "text"])
def test_a_profile_that_is_broken_is_as_good_as_none(make_image, mode, profile):
    image = make_image(mode)
    image.info["icc_profile"] = profile
    prepared = prepare(image)
    same(prepared.pixels, image.convert("RGB"))
    assert prepared.profile is None


@pytest.mark.parametrize(("mode", "make"), [("CMYK", ink_profile), ("L", gray_profile)])
def test_a_profile_that_is_cut_short_is_as_good_as_none(make_image, mode, make):
    image = make_image(mode)
    image.info["icc_profile"] = make()[:200]
    prepared = prepare(image)
    same(prepared.pixels, image.convert("RGB"))
    assert prepared.profile is None


@pytest.mark.parametrize(
    ("mode", "profile"), [("RGB", gray_profile()), ("RGB", ink_profile()), ("CMYK", srgb_profile())]
)
def test_a_profile_for_other_colors_is_dropped(make_image, mode, profile):
    image = make_image(mode)
    image.info["icc_profile"] = profile
    prepared = prepare(image)
    same(prepared.pixels, image.convert("RGB"))
    assert prepared.profile is None
