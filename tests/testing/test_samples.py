from __future__ import annotations

import pytest

from rembg_plugins.core.errors import ValidationError
from rembg_plugins.core.preparation import decode, prepare
from rembg_plugins.core.source import Source
from rembg_plugins.core.validation import validate
from rembg_plugins.testing import samples


def test_the_modes_are_all_those_of_pillow(any_mode):
    assert any_mode in samples.MODES
    assert samples.picture(any_mode).mode == any_mode


@pytest.mark.parametrize("mode", samples.MODES)
def test_a_picture_of_each_mode_shows_the_same_subject(mode):
    prepared = prepare(samples.picture(mode))
    assert prepared.pixels.size == samples.SIZE
    low, high = prepared.pixels.convert("L").getextrema()
    assert high - low > 50, "there is something to see"
    has_alpha = mode in {"LA", "La", "PA", "RGBA", "RGBa"}
    assert (prepared.alpha is not None) is has_alpha
    if has_alpha:
        assert prepared.alpha.getpixel((0, 0)) == 0
        assert prepared.alpha.getpixel((samples.SIZE[0] - 1, 0)) == 255


def test_no_turn_of_the_picture_looks_the_same():
    upright = {prepare(Source.of(samples.turned(n))).pixels.tobytes() for n in range(1, 9)}
    assert len(upright) == 8


@pytest.mark.parametrize("name", samples.files())
def test_a_file_is_one_that_the_api_takes(name):
    assert validate(samples.files()[name]).source.size == samples.SIZE


def test_the_one_that_is_cut_short_is_found_out_as_late_as_it_is_decoded():
    source = validate(samples.cut_short()).source
    with pytest.raises(ValidationError), source.open() as file:
        decode(file, "JPEG")
