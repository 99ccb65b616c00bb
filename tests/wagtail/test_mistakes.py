from __future__ import annotations

import pytest
from django_site.photographs import encode, opened, photograph, upload
from wagtail.images.models import Rendition

from rembg_plugins.wagtail.errors import CutoutError
from rembg_plugins.wagtail.mistakes import advice_on, in_spec

LONG = "removebg-product|fill-1000x1000-c100|jpegquality-100|webpquality-9"
TOO_LONG = f"{LONG}|format-webp-lossless"


@pytest.mark.parametrize(
    ("spec", "told", "hint"),
    [
        ("removebg-nosuch", "profiles: product, sized", "add it to REMBG['PROFILES']"),
        ("removebg-sized", "w would change the geometry", "Take w, h,"),
        ("removebg|bgcolor-white", "bgcolor-white: ", "as in bgcolor-ffffff"),
        ("removebg|width-x", "width-x: ", "as in width-400"),
        ("removebg|nosuch-3", "Unrecognised operation: nosuch", "Operations: removebg, original"),
        ("removebg-mask-product", "has 2 arguments", "removebg-mask, removebg-product"),
        ("removebg|removebg-mask", "removebg and removebg-mask stand in one spec", "one of them"),
        ("removebg|width-{2,3}{4,5}", "braces", "width-{200,400}"),
        (TOO_LONG, "has 87 characters", "a shorter name"),
    ],
)
def test_the_hint_is_that_of_the_mistake(site, spec, told, hint):
    site(PROFILES={"product": {"bg_color": "#ffffff"}, "sized": {"w": 300}})
    ((problem, remedy),) = in_spec(spec)
    assert told in problem
    assert hint in remedy
    assert "construct" not in problem


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("removebg|format-gif", "the ground is black"),
        ("removebg-plain|format-gif", "the ground is black"),
        ("bgcolor-ffffff|removebg|format-gif", "the ground is black"),
        ("removebg|format-gif|bgcolor-ffffff", None),
        ("removebg-mask|format-gif", None),
        ("removebg-product|format-gif", None),
        ("width-{40,50}|format-{gif,png}", None),
        (LONG, "has 66 characters"),
        (LONG.replace("-9", ""), None),
        (TOO_LONG[:-1], "has 86 characters"),
    ],
)
def test_what_may_be_shown_is_advice(site, spec, told):
    site(PROFILES={"product": {"bg_color": "#ffffff"}, "plain": {"format": "PNG"}})
    advice = list(advice_on(spec))
    assert [told in problem for problem, _ in advice] == ([] if told is None else [True])


def test_a_mistake_is_no_advice_as_well(site):
    site(PROFILES={"product": {"bg_color": "#ffffff"}})
    assert list(advice_on(TOO_LONG)) == list(advice_on("removebg-nosuch|format-gif")) == []
    assert list(advice_on("removebg|width-{2,3}{4,5}")) == []


# The rule of the advice, held against what is made: a color that is laid first is cut away.
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("spec", "is_white"),
    [
        ("removebg|format-gif", False),
        ("bgcolor-ffffff|removebg|width-60|format-gif", False),
        ("removebg|bgcolor-ffffff|format-gif", True),
        ("removebg-product|format-gif", True),
    ],
)
def test_a_gif_has_the_ground_that_is_laid_or_there_is_advice(counted, site, spec, is_white):
    site(PROFILES={"product": {"bg_color": "#ffffff"}})
    made = opened(upload().get_rendition(spec)).convert("RGB")
    assert (made.getpixel((0, 0)) == (255, 255, 255)) is is_white
    assert bool(list(advice_on(spec))) is not is_white


@pytest.mark.django_db
def test_a_spec_that_is_a_mistake_for_its_length_alone_is_never_saved(counted):
    spec = "removebg|format-webp-lossless|width-40"
    spec += "4".zfill(87 - len(spec))
    ((problem, _),) = in_spec(spec)
    assert "87 characters" in problem
    for name in ("p.jpg", f"{'long' * 15}.jpg"):
        with pytest.raises(CutoutError):
            upload(encode(photograph()), name).get_rendition(spec)


@pytest.mark.django_db
def test_one_that_is_advice_may_be_saved(counted):
    spec = "removebg|format-webp-lossless|width-"
    spec += "40".zfill(72 - len(spec))
    assert len(list(advice_on(spec))) == 1
    assert list(in_spec(spec)) == []
    assert opened(upload().get_rendition(spec)).width == 40


def test_names_of_files_are_as_long_as_the_rendition_model_lets_them(monkeypatch):
    monkeypatch.setattr(Rendition._meta.get_field("file"), "max_length", 200)
    assert list(in_spec("removebg|width-" + "4".zfill(100))) == []
    assert list(advice_on("removebg|width-" + "4".zfill(100))) == []


def test_a_mistake_is_told_once_however_often_braces_repeat_it(site):
    assert len(list(in_spec("removebg-nosuch|width-{1,2,3}"))) == 1
    assert list(in_spec("removebg{,-mask}|width-{1,2,3}")) == []
