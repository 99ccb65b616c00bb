from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from profiles import srgb_profile

from rembg_plugins.core.cutout import compose, coverage_of
from rembg_plugins.core.preparation import prepare


def ramp(size=(256, 4)):
    return Image.linear_gradient("L").rotate(90).resize(size, Image.Resampling.NEAREST)


def test_the_mask_is_the_alpha_of_the_cutout(make_image):
    mask = ramp()
    cutout = compose(prepare(make_image("RGB", (256, 4))), mask)
    assert (cutout.mode, cutout.size) == ("RGBA", (256, 4))
    assert cutout.getchannel("A").tobytes() == mask.tobytes()
    assert mask.getextrema() == (0, 255)


def test_colors_that_are_seen_are_the_pictures_own(make_image):
    image, mask = make_image("RGB", (256, 4)), ramp()
    colors = np.array(compose(prepare(image), mask))[..., :3]
    seen = np.array(mask) > 0
    assert np.array_equal(colors[seen], np.array(image)[seen])


def test_nothing_is_left_of_colors_that_are_not_seen(make_image):
    image, mask = make_image("RGB", (256, 4)), ramp()
    colors = np.array(compose(prepare(image), mask))[..., :3]
    hidden = np.array(mask) == 0
    assert hidden.any()
    assert np.array(image)[hidden].any()
    assert not colors[hidden].any()


def test_alpha_that_was_there_is_multiplied_in(make_image):
    image, mask = make_image("RGBA", (256, 4)), ramp()
    alpha = np.array(compose(prepare(image), mask).getchannel("A")).astype(float)
    product = np.array(image.getchannel("A")).astype(float) * np.array(mask) / 255
    assert np.abs(alpha - product).max() <= 1


def test_the_picture_and_the_mask_stay_as_they_were(make_image):
    image, mask = make_image("RGB", (256, 4)), ramp()
    pixels, levels = image.tobytes(), mask.tobytes()
    compose(prepare(image), mask)
    assert (image.mode, image.tobytes(), mask.tobytes()) == ("RGB", pixels, levels)


@pytest.mark.parametrize("profile", [srgb_profile(), None])
def test_the_profile_goes_along_and_nothing_else_of_info_does(make_image, profile):
    image = make_image("RGB", (256, 4))
    image.info = {"icc_profile": profile, "transparency": (1, 2, 3), "dpi": (72, 72)}
    expected = {} if profile is None else {"icc_profile": profile}
    assert compose(prepare(image), ramp()).info == expected


@pytest.mark.parametrize(
    ("levels", "coverage"),
    [((0, 0, 0, 0), 0), ((127, 127, 127, 128), 0.25), ((128, 255, 0, 0), 0.5), ((255,) * 4, 1)],
)
def test_coverage_is_the_share_of_pixels_above_half(levels, coverage):
    assert coverage_of(Image.frombytes("L", (2, 2), bytes(levels))) == coverage


def test_coverage_of_no_pixels_is_none_of_them():
    assert coverage_of(Image.new("L", (0, 0))) == 0
