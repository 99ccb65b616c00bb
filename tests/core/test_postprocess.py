from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageColor, ImageOps
from profiles import srgb_profile
from subjects import GREEN, decoded, made, on, result_of, subject

from rembg_plugins.core.options import OPTIONS, Options
from rembg_plugins.core.postprocess import STEPS, postprocess, target_size
from rembg_plugins.core.result import Result

# All options


def test_each_option_is_used_by_one_step():
    assert sorted(itertools.chain(*(step.uses for step in STEPS))) == sorted(OPTIONS)


@pytest.mark.parametrize(
    "options",
    [{}, {"exact_resize": True}, {"expand": False}, {"angle": 0, "w": 0}, {"angle": 360}],
    ids=str,
)
def test_where_nothing_is_asked_for_the_cutout_is_given_back_untouched(make_image, options):
    content = result_of(make_image("RGBA")).content + b"trailer"
    cutout = Result.from_bytes(content, engine="api", sent="all", billed=True)
    assert postprocess(cutout, Options(format="PNG", **options)).content == content


def test_facts_go_along(make_image):
    cutout = result_of(make_image("RGBA"), coverage=0.7, notes=("a note",))
    result = postprocess(cutout, Options(format="JPEG", bg_color="red"))
    assert (result.engine, result.sent, result.billed) == ("test", "all", True)
    assert (result.coverage, result.notes) == (0.7, ("a note",))


@pytest.mark.parametrize(
    "options",
    [
        {"mask": True},
        {"w": 9},
        {"angle": 90},
        {"angle": 10},
        {"bg_color": "red"},
        {"bg_color": "#ff000080"},
        {"format": "BMP"},
    ],
    ids=str,
)
def test_the_cutout_stays_as_it_was(make_image, options):
    image = make_image("RGBA")
    image.info["icc_profile"] = srgb_profile()
    pixels = image.tobytes()
    made(image, **options)
    assert (image.mode, image.tobytes()) == ("RGBA", pixels)
    assert image.info == {"icc_profile": srgb_profile()}


# format


@pytest.mark.parametrize(
    ("format", "mode"), [("PNG", "RGBA"), ("WEBP", "RGBA"), ("JPEG", "RGB"), ("BMP", "RGB")]
)
def test_each_format_is_encoded_and_says_what_it_is(format, mode):
    image = subject((30, 120, 200))
    result = made(image, format=format)
    opened = decoded(result)
    assert (opened.format, opened.mode, opened.size) == (format, mode, image.size)
    assert (result.format, result.mode, result.size) == (format, mode, image.size)
    exact = format in {"PNG", "BMP"}
    expected = on(image, "white")
    actual = on(opened, "white") if mode == "RGBA" else np.array(opened).astype(int)
    difference = np.abs(actual - expected)
    assert difference.max() == 0 if exact else difference.mean() < 1.5


def test_the_default_format_is_the_apis(make_image):
    assert made(make_image("RGBA")).format == "WEBP"


def test_png_and_webp_keep_alpha_to_the_last_bit():
    image = subject((30, 120, 200), soft=4)
    for lossless in ("PNG", "WEBP"):
        alpha = decoded(made(image, format=lossless, angle=180)).getchannel("A")
        assert alpha.tobytes() == image.getchannel("A").transpose(3).tobytes()


def test_an_edge_of_color_stays_sharp_in_jpeg():
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, 33, 64))  # an odd side: subsampling would smear it
    pixels = np.array(decoded(made(image, format="JPEG", bg_color="#00ff00"))).astype(int)
    assert np.abs(pixels[:, 32] - (255, 0, 0)).max() < 20
    assert np.abs(pixels[:, 33] - (0, 255, 0)).max() < 20


# w, h, exact_resize


@pytest.mark.parametrize(
    ("size", "options", "expected"),
    [
        ((400, 300), {}, (400, 300)),
        ((400, 300), {"w": 200}, (200, 150)),
        ((400, 300), {"h": 150}, (200, 150)),
        ((400, 300), {"w": 200, "h": 200}, (200, 150)),
        ((300, 400), {"w": 200, "h": 200}, (150, 200)),
        ((400, 300), {"w": 800, "h": 9000}, (800, 600)),
        ((400, 300), {"w": 200, "h": 200, "exact_resize": True}, (200, 200)),
        ((400, 300), {"w": 200, "exact_resize": True}, (200, 150)),
        ((400, 300), {"exact_resize": True}, (400, 300)),
        ((1000, 3), {"w": 10}, (10, 1)),
        ((3, 1000), {"w": 3000}, (30, 10_000)),
        ((1, 10_000), {"w": 10_000}, (1, 10_000)),
    ],
)
def test_sizes(size, options, expected):
    assert target_size(size, Options(**options)) == expected


sides = st.integers(1, 10_000)


@given(width=sides, height=sides, w=st.none() | sides, h=st.none() | sides)
def test_a_picture_fits_and_touches_one_bound(width, height, w, h):
    size = target_size((width, height), Options(w=w, h=h))
    bounds = (w or 10_000, h or 10_000)
    assert 1 <= size[0] <= bounds[0]
    assert 1 <= size[1] <= bounds[1]
    if w or h:
        assert bounds[0] == size[0] or bounds[1] == size[1]
    if min(size) > 1:  # else one side would be less than a pixel
        assert abs(size[0] * height - size[1] * width) <= max(width, height)


@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize("options", [{"w": 77}, {"w": 600}, {"w": 99, "h": 7, "exact_resize": 1}])
def test_the_picture_has_the_size_that_was_computed(mask, options):
    options = {**options, "exact_resize": bool(options.get("exact_resize"))}
    result = made(subject((30, 30, 30)), mask=mask, **options)
    size = target_size((400, 300), Options(**options))
    assert (result.size, result.image.size, decoded(result).size) == (size, size, size)


# mask


@pytest.mark.parametrize("format", ["PNG", "WEBP", "JPEG", "BMP"])
def test_a_mask_is_the_alpha_alone(format):
    image = subject(GREEN, soft=3)
    image.info["icc_profile"] = srgb_profile()
    result = made(image, mask=True, format=format)
    assert result.mode == result.image.mode == "L"
    assert result.image.tobytes() == image.getchannel("A").tobytes()
    assert result.image.info == {}
    opened = decoded(result)
    assert "icc_profile" not in opened.info
    difference = np.array(opened.convert("L")).astype(int) - np.array(image.getchannel("A"))
    assert np.abs(difference).max() <= (0 if format in {"PNG", "BMP"} else 12)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_mask_of_a_cutout_without_alpha_is_full(make_image, mode):
    assert made(make_image(mode), mask=True, format="PNG").image.getextrema() == (255, 255)


# bg_color


@pytest.mark.parametrize("color", ["red", "#0f0", "#336699", "#336699ff", "#369f"])
def test_an_opaque_color_leaves_no_alpha(color):
    image = subject(GREEN, soft=3)
    result = made(image, bg_color=color, format="PNG")
    ground = np.array(ImageColor.getrgb(color)[:3])
    alpha = np.array(image.getchannel("A"))[..., None] / 255
    expected = np.array(image)[..., :3] * alpha + ground * (1 - alpha)
    assert result.mode == decoded(result).mode == "RGB"
    assert np.abs(np.array(result.image) - expected).max() <= 1


def test_a_color_with_alpha_lies_behind_the_subject():
    result = made(subject(GREEN), bg_color="#ff000080", format="PNG").image
    assert result.mode == "RGBA"
    assert result.getpixel((0, 0)) == (255, 0, 0, 128)
    assert result.getpixel((200, 150)) == (*GREEN, 255)


def test_without_a_color_jpeg_and_bmp_are_white():
    for flat in ("JPEG", "BMP"):
        assert made(subject(GREEN), format=flat).image.getpixel((0, 0)) == (255, 255, 255)
    clear_red = made(subject(GREEN), bg_color="#ff000080", format="BMP")
    assert clear_red.image.getpixel((0, 0)) == (255, 127, 127)


# profile and orientation


@pytest.mark.parametrize("format", ["PNG", "WEBP", "JPEG"])
@pytest.mark.parametrize(
    "options", [{}, {"w": 50}, {"angle": 9}, {"angle": 90, "expand": False}, {"bg_color": "red"}]
)
def test_the_profile_is_kept(format, options):
    image = subject(GREEN)
    image.info["icc_profile"] = srgb_profile()
    result = made(image, format=format, **options)
    assert decoded(result).info["icc_profile"] == srgb_profile()
    assert result.image.info["icc_profile"] == srgb_profile()


def test_nothing_else_of_info_is_written():
    image = subject(GREEN).convert("RGB")
    image.info = {"dpi": (72, 72), "comment": b"private", "exif": b"Exif\0\0", "gamma": 1}
    for name in ("PNG", "WEBP", "JPEG", "BMP"):
        content = made(image, format=name, w=50).content
        assert b"private" not in content
        assert b"Exif" not in content


def test_an_answer_that_lies_on_its_side_is_put_upright_once(make_image):
    file = io.BytesIO()
    tags = Image.Exif()
    tags[0x0112] = 6
    image = make_image("RGBA", (20, 10))
    image.save(file, "PNG", exif=tags)
    answer = Result.from_bytes(file.getvalue(), engine="api", sent="all", billed=True)
    result = postprocess(answer, Options(format="PNG", w=10))
    assert result.size == (10, 20)
    assert result.image.tobytes() == image.transpose(Image.Transpose.ROTATE_270).tobytes()
    assert not ImageOps.exif_transpose(decoded(result)).getexif()
    assert decoded(result).size == (10, 20)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("LA", "RGBA"), ("P", "RGB"), ("PA", "RGBA"), ("RGB", "RGB"), ("L", "L"), ("1", "RGB")],
)
def test_answers_of_other_modes(make_image, mode, expected):
    image = make_image(mode)
    result = made(image, format="WEBP")
    assert result.mode == expected
    assert result.image.tobytes() == image.convert(expected).tobytes()


def test_an_answer_with_a_transparent_color_has_alpha(make_image):
    image = make_image("RGB")
    image.info["transparency"] = image.getpixel((3, 3))
    result = made(image, format="WEBP", angle=180)
    assert result.image.getpixel((28, 20))[3] == 0
    assert result.mode == "RGBA"


def test_an_answer_without_alpha_turns_on_a_clear_ground(make_image):
    result = made(make_image("RGB", (50, 50)), angle=45)
    assert result.image.getpixel((0, 0)) == (0, 0, 0, 0)
    assert result.image.getpixel((35, 35))[3] == 255
