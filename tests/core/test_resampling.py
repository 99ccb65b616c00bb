from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageColor
from subjects import CHANGES, DARK, GREEN, LIGHT, made, on, subject

FRINGE = 3
"""By how much a color may go beyond those that it lies between, of 255: rounding."""


@pytest.mark.parametrize("options", CHANGES, ids=str)
@pytest.mark.parametrize("soft", [0, 2])
@pytest.mark.parametrize(
    ("color", "ground"),
    [(DARK, "white"), (LIGHT, "black"), (GREEN, "white"), (GREEN, "black"), (DARK, "gray")],
)
def test_no_fringe_is_darker_or_lighter_than_both_subject_and_ground(options, soft, color, ground):
    image = subject(color, soft=soft)
    bounds = np.array([color, ImageColor.getrgb(ground)])
    for pixels in (
        on(made(image, **options).image, ground),
        np.array(made(image, bg_color=ground, **options).image).astype(int),
    ):
        assert (pixels >= bounds.min(axis=0) - FRINGE).all()
        assert (pixels <= bounds.max(axis=0) + FRINGE).all()


def test_alpha_that_varies_inside_the_subject_leaves_no_fringe():
    holes = np.array(subject(LIGHT))
    holes[100:200:12, :, 3] = np.minimum(holes[100:200:12, :, 3], 224)
    for options in CHANGES:
        pixels = on(made(Image.fromarray(holes), **options).image, "black")
        assert pixels.max() <= LIGHT[0] + 4


@pytest.mark.parametrize("alpha", [255, 240])  # as masks of networks are inside a subject
@pytest.mark.parametrize("options", [{"w": 100}, {"w": 900}, {"angle": 30}], ids=str)
def test_the_inside_of_a_subject_is_as_sharp_as_pillow_can_make_it(alpha, options):
    squares = Image.new("RGB", (400, 400), "white")
    for x, y in itertools.product(range(0, 400, 100), range(0, 400, 100)):
        squares.paste("black", (x, y, x + 50, y + 50))
    if "w" in options:
        expected = squares.resize((options["w"],) * 2, Image.Resampling.LANCZOS)
    else:
        expected = squares.rotate(options["angle"], Image.Resampling.BICUBIC, expand=True)
    squares.putalpha(alpha)
    actual = made(squares, **options).image
    middle = tuple(side * part // 4 for part in (1, 3) for side in actual.size)
    difference = ImageChops.difference(actual.convert("RGB"), expected).crop(middle)
    assert max(high for _, high in difference.getextrema()) <= 3  # rounding, premultiplied


@pytest.mark.parametrize("options", CHANGES, ids=str)
def test_a_mask_equals_the_alpha_of_the_same_cutout(options):
    image = subject(GREEN, soft=3)
    alpha = made(image, **options).image.getchannel("A")
    mask = made(image, mask=True, **options).image
    difference = np.array(mask).astype(int) - np.array(alpha)
    assert np.abs(difference).max() <= (1 if "angle" in options else 0)  # rounding


# Turning


@pytest.mark.parametrize("turns", [-4, -3, -2, -1, 0, 1, 2, 3, 4])
def test_quarter_turns_lose_nothing_and_are_counter_clockwise(make_image, turns):
    image = make_image("RGBA", (31, 20))
    result = made(image, format="PNG", angle=turns * 90)
    assert np.array_equal(np.array(result.image), np.rot90(np.array(image), turns))


@pytest.mark.parametrize("angle", [90, -90])
@pytest.mark.parametrize(("size", "cut"), [((30, 20), 5), ((20, 30), 5)])
def test_quarter_turns_on_a_fixed_canvas_are_centered_and_lose_nothing_else(
    make_image, angle, size, cut
):
    image = make_image("RGBA", size)
    turned = np.rot90(np.array(image), angle // 90)
    result = made(image, format="PNG", angle=angle, expand=False).image
    pixels = np.array(result)
    assert result.size == size
    if size[0] > size[1]:
        assert np.array_equal(pixels[:, cut:-cut], turned[cut:-cut])
        assert not pixels[:, :cut].any()
    else:
        assert np.array_equal(pixels[cut:-cut], turned[:, cut:-cut])
        assert not pixels[-cut:].any()


@pytest.mark.parametrize(
    ("angle", "expand", "expected"),
    [
        (45, True, (496, 496)),
        (45, False, (400, 300)),
        (180, False, (400, 300)),
        (30, True, (497, 460)),
    ],
)
def test_the_canvas_grows_or_stays(angle, expand, expected):
    for mask in (False, True):
        size = made(subject(DARK), angle=angle, expand=expand, mask=mask).size
        assert max(abs(side - other) for side, other in zip(size, expected, strict=True)) <= 1


def test_turning_is_counter_clockwise():
    image = Image.new("RGBA", (100, 100))
    image.paste("red", (80, 40, 100, 60))  # at the right
    alpha = np.array(made(image, angle=80, expand=False).image.getchannel("A"))
    rows, columns = np.nonzero(alpha > 127)
    assert rows.mean() < 20  # now nearly at the top
    assert abs(columns.mean() - 50) < 12


def test_corners_that_a_turn_lays_open_are_clear_or_of_the_ground():
    image = Image.new("RGBA", (60, 60), "red")
    assert made(image, angle=45).image.getpixel((0, 0)) == (0, 0, 0, 0)
    assert made(image, angle=45, bg_color="blue").image.getpixel((0, 0)) == (0, 0, 255)
    assert made(image, angle=45, format="JPEG").image.getpixel((0, 0)) == (255, 255, 255)
    assert made(image, angle=45, mask=True).image.getpixel((0, 0)) == 0


def test_resizing_comes_before_turning():
    assert made(subject(DARK), w=200, angle=90).size == (150, 200)
