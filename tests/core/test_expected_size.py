from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rembg_plugins.core.expected_size import expected_sizes, explains, is_free_size
from rembg_plugins.core.options import Options

SIDES = st.integers(1, 900)
ASKED = st.one_of(st.none(), st.integers(1, 900))


def explained(source, answer, **options):
    return explains(expected_sizes(source, Options(**options)), answer)


@pytest.mark.parametrize(
    ("source", "options", "answer"),
    [
        ((640, 480), {}, (640, 480)),
        ((640, 480), {"w": 320}, (320, 240)),
        ((640, 480), {"h": 240}, (320, 240)),
        ((640, 480), {"w": 320, "h": 320}, (320, 240)),
        ((640, 480), {"w": 1280}, (1280, 960)),
        ((640, 480), {"w": 320, "h": 320, "exact_resize": True}, (320, 320)),
        ((640, 480), {"w": 320, "exact_resize": True}, (320, 480)),
        ((640, 480), {"angle": 90}, (480, 640)),
        ((640, 480), {"angle": 45}, (792, 792)),
        ((640, 480), {"angle": 45, "expand": False}, (640, 480)),
        ((640, 480), {"angle": 180}, (640, 480)),
        ((640, 480), {"w": 320, "angle": 90}, (240, 320)),
        ((3, 3000), {"h": 100}, (1, 100)),
    ],
)
def test_the_likeliest_size_is_the_first(source, options, answer):
    width, height = expected_sizes(source, Options(**options))[0]
    assert abs(width - answer[0]) <= 1
    assert abs(height - answer[1]) <= 1


@pytest.mark.parametrize("options", [{"w": 1280}, {"h": 960}, {"w": 1000, "h": 1000}])
def test_a_server_need_not_enlarge(options):
    assert explained((640, 480), (640, 480), **options)


@pytest.mark.parametrize("dx", range(-4, 5))
@pytest.mark.parametrize("dy", range(-4, 5))
@pytest.mark.parametrize("options", [{}, {"w": 1000, "h": 750, "exact_resize": True}])
def test_two_px_may_be_missing_or_too_much(dx, dy, options):
    answer = (1000 + dx, 750 + dy)
    expected = abs(dx) <= 2 and abs(dy) <= 2
    assert explained((1000, 750), answer, **options) is expected
    assert explained((1000, 750), answer[::-1], **options) is expected


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ({}, (500, 375)),
        ({}, (1000, 1000)),
        ({"w": 500}, (750, 563)),
        ({"w": 500, "h": 500}, (500, 500)),
        ({"w": 500, "h": 500, "exact_resize": True}, (500, 375)),
        ({"w": 500, "h": 500, "exact_resize": True}, (1000, 750)),
        ({"angle": 30}, (1000, 750)),
        ({"angle": 30, "expand": False}, (1241, 1150)),
        ({"w": 2000}, (1500, 1125)),
    ],
)
def test_other_sizes_are_not_explained(options, answer):
    assert not explained((1000, 750), answer, **options)


@given(
    source=st.tuples(SIDES, SIDES),
    turned=st.booleans(),
    w=ASKED,
    h=ASKED,
    exact=st.booleans(),
    angle=st.one_of(st.sampled_from([0, 90, -90, 180, 270, 360]), st.floats(-360, 360)),
    expand=st.booleans(),
    rounding=st.sampled_from([round, math.floor, math.ceil]),
    enlarge=st.booleans(),
    rotate_first=st.booleans(),
)
def test_whatever_a_server_reads_into_the_options_is_explained(
    source, turned, w, h, exact, angle, expand, rounding, enlarge, rotate_first
):
    options = Options(w=w, h=h, exact_resize=exact, angle=angle, expand=expand)
    size = source[::-1] if turned else source
    steps = [
        lambda size: as_resized(size, options, rounding, enlarge=enlarge),
        lambda size: Image.new("1", size).rotate(options.angle, expand=options.expand).size,
    ]
    for step in reversed(steps) if rotate_first else steps:
        size = step(size)
    assert explains(expected_sizes(source, options), size)


def as_resized(size, options, rounding, *, enlarge):
    (width, height), w, h = size, options.w, options.h
    if options.exact_resize and w and h:
        return w, h
    ratio = min(w / width if w else math.inf, h / height if h else math.inf)
    if ratio == math.inf or (ratio > 1 and not enlarge):
        return size
    return max(1, rounding(width * ratio)), max(1, rounding(height * ratio))


def test_a_picture_only_just_above_the_free_size_may_come_back_in_it():
    assert explained((468, 300), (460, 295))
    assert explained((1000, 1000), (460, 460), w=465)
    assert not explained((469, 300), (460, 294))


def test_free_size_is_what_fits_into_its_square():
    assert is_free_size((460, 460))
    assert is_free_size((460, 1))
    assert not is_free_size((461, 300))
