from __future__ import annotations

import json
import pickle
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageColor

from rembg_plugins.core.errors import ValidationError
from rembg_plugins.core.options import (
    DEFAULTS,
    OPTIONS,
    Options,
    checked,
    form_fields,
    merge_raw,
    parse_options,
)

ROWS = json.loads((Path(__file__).parents[1] / "contract" / "errors.json").read_text())["rows"]

# What a user wrote for each documented row about an option.
BAD_VALUES = {
    "Bad w or h value": {"w": "abc"},
    "w or h out of range": {"w": -5},
    "w or h above max": {"w": 15000},
    "Bad angle": {"angle": "ninety"},
    "Angle out of range": {"angle": 500},
    "Bad output format": {"format": "gif"},
    "Bad bg_color": {"bg_color": "#12345"},
    "mask + bg_color conflict": {"mask": True, "bg_color": "red"},
}


def sides():
    return st.none() | st.integers(1, 10_000)


def colors():
    digits = st.sampled_from([3, 4, 6, 8])
    hexes = digits.flatmap(lambda n: st.text("0123456789abcdef", min_size=n, max_size=n))
    return hexes.map(lambda text: f"#{text}") | st.sampled_from(sorted(ImageColor.colormap))


@st.composite
def any_options(draw):
    mask = draw(st.booleans())
    return Options(
        format=draw(st.none() | st.sampled_from(["PNG", "JPEG", "WEBP", "BMP"])),
        w=draw(sides()),
        h=draw(sides()),
        exact_resize=draw(st.booleans()),
        mask=mask,
        angle=draw(st.floats(-360, 360)),
        expand=draw(st.booleans()),
        bg_color=None if mask else draw(st.none() | colors()),
    )


@given(any_options())
def test_options_survive_the_way_through_a_form(options):
    assert checked(form_fields(options)) == options


@given(any_options())
def test_options_survive_pickling_and_repr(options):
    assert pickle.loads(pickle.dumps(options)) == options  # noqa: S301 - our own bytes
    assert eval(repr(options)) == options  # noqa: S307 - our own text


@pytest.mark.parametrize("name", OPTIONS)
@given(value=st.text() | st.floats() | st.integers() | st.binary() | st.none() | st.booleans())
def test_any_value_gives_a_good_option_or_one_field_error(name, value):
    values, errors = parse_options({name: value})
    assert len(values) + len(errors) == 1
    assert all(error.field == name for error in errors)
    if not errors:
        assert getattr(Options(**values), name) == values[name]


@pytest.mark.parametrize("scenario", BAD_VALUES)
def test_a_bad_value_gets_the_documented_words(scenario):
    row = next(row for row in ROWS if row["scenario"] == scenario)
    with pytest.raises(ValidationError) as caught:
        Options(**BAD_VALUES[scenario])
    (error,) = caught.value.errors
    assert (error.field, error.message) == (row["field"], row["message"])


def test_every_documented_row_about_an_option_is_tried():
    assert set(BAD_VALUES) == {
        row["scenario"] for row in ROWS if row["field"] not in {None, "image"}
    }


def test_all_errors_come_at_once():
    with pytest.raises(ValidationError) as caught:
        checked({"w": "abc", "h": 0.5, "angle": float("nan"), "colour": "red"})
    assert [error.field for error in caught.value.errors] == ["w", "h", "angle", "colour"]
    assert "'w' must be an integer, got: 'abc'" in str(caught.value)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("w", "0", None),
        ("w", 0, None),
        ("h", " 12 ", 12),
        ("h", "+7", 7),
        ("angle", "90", 90.0),
        ("angle", "-1e2", -100.0),
        ("angle", -0.0, 0.0),
        ("mask", "TRUE", True),
        ("expand", "0", False),
        ("expand", "no", False),
        ("format", "png", "PNG"),
        ("bg_color", "#FfF", "#fff"),
        ("bg_color", "Red", "red"),
        ("bg_color", (255, 0, 16), "#ff0010"),
        ("bg_color", (1, 2, 3, 4), "#01020304"),
    ],
)
def test_values_are_brought_into_one_form(name, written, value):
    result = getattr(Options(**{name: written}), name)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("w", True),
        ("w", "1_000"),
        ("w", "١٢"),
        ("w", 12.0),
        ("w", "9" * 6000),
        ("angle", True),
        ("angle", "1_0"),
        ("angle", "inf"),
        ("angle", 10**400),
        ("mask", 1),
        ("format", "JPG"),
        ("bg_color", "rgb(1,2,3)"),
        ("bg_color", (1, 2, 300)),
        ("bg_color", "#12g"),
        ("bg_color", ""),
    ],
)
def test_values_that_only_look_right_are_refused(name, value):
    with pytest.raises(ValidationError) as caught:
        Options(**{name: value})
    assert caught.value.errors[0].field == name
    assert len(str(caught.value)) < 250


def test_numbers_of_other_libraries_are_taken():
    options = Options(w=np.int64(40), angle=np.float32(12.5))
    assert (options.w, type(options.w)) == (40, int)
    assert (options.angle, type(options.angle)) == (12.5, float)


def test_a_value_whose_repr_fails_is_still_refused_in_words():
    class Hostile:
        def __repr__(self):
            raise RuntimeError

    with pytest.raises(ValidationError, match="must be an integer, got: <Hostile>"):
        Options(w=Hostile())


def test_only_what_was_set_is_sent():
    assert form_fields(Options()) == {}
    assert form_fields(Options(w=4, angle=90.0, mask=True)) == {
        "w": "4",
        "angle": "90",
        "mask": "true",
    }


def test_changes_win_over_options():
    assert merge_raw(Options(w=3, h=4), {"w": 9})["w"] == 9
    assert merge_raw({"w": 3}, {}) == {"w": 3}
    assert merge_raw(None, {"h": 1}) == {"h": 1}


def test_each_field_declares_itself_completely():
    assert list(OPTIONS) == [field.name for field in fields(Options)]
    for name, info in OPTIONS.items():
        assert info.help.endswith("."), name
        assert info.api_default, name
        assert (info.kind == "choice") == bool(info.choices)
    assert Options() == Options(**DEFAULTS)
