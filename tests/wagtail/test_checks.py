from __future__ import annotations

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django_site.gallery.models import Photo, PhotoRendition
from django_site.project import Project
from wagtail.images.formats import FORMATS, Format
from wagtail.images.models import Rendition, get_rendition_storage

from rembg_plugins.wagtail import checks
from rembg_plugins.wagtail.formats import CutoutFormat
from rembg_plugins.wagtail.mistakes import in_spec
from rembg_plugins.wagtail.usage import usages_in

PAGE = """{% load wagtailimages_tags rembg_wagtail %}
{% image page.photo removebg width-400 class="a b" %}
{% picture page.photo removebg-product format-{webp,png} width-{200,400} as x %}
{% image page.photo width-400 %}
{# {% image page.photo removebg %} #}
{% comment %}{% image page.photo removebg-nosuch %}
{% endcomment %}
{% cutout page.photo width-400 %}
{{ srcset_image(page.photo, "removebg|width-{200,400}") }}
"""


@pytest.fixture
def template(settings, tmp_path, site):
    folder = tmp_path / "templates"
    folder.mkdir()
    settings.TEMPLATES = [
        {**engine, "DIRS": [*engine.get("DIRS", []), folder]} for engine in settings.TEMPLATES
    ]

    def write(text):
        (folder / "page.html").write_text(text)
        found = run_checks(tags=["templates"])
        return [one for one in found if str(folder) in one.msg or "Image format" in one.msg]

    return write


def test_usages_are_found_with_their_lines():
    found = [(one.where, one.tag, one.spec, one.instead) for one in usages_in(PAGE, "page.html")]
    assert found == [
        ("page.html:2", "{% image %}", "removebg|width-400", "{% cutout %}"),
        (
            "page.html:3",
            "{% picture %}",
            "removebg-product|format-{webp,png}|width-{200,400}",
            "{% cutout_picture %}",
        ),
        ("page.html:8", "{% cutout %}", "removebg|width-400", None),
        ("page.html:9", "srcset_image()", "removebg|width-{200,400}", "cutout_srcset()"),
    ]


# Pitfall: CSS as in `{#nav` would hide all tags up to a later comment.
def test_comments_are_those_of_the_language_of_the_tag():
    css = "@media print{#nav{display:none}}\n{% image photo removebg-a %}\n{# a note #}\n"
    assert [one.where for one in usages_in(css, "a")] == ["a:2"]
    jinja = '{#\n{{ image(photo, "removebg-a") }}\n#}\n{{ image(photo, "removebg-b") }}'
    assert [(one.where, one.spec) for one in usages_in(jinja, "a")] == [("a:4", "removebg-b")]
    for block in ("raw", "verbatim"):
        text = f'{{%- {block} %}}\n{{{{ image(photo, "removebg-a") }}}}\n{{% end{block} %}}'
        assert list(usages_in(text, "a")) == []


def test_a_good_template_is_no_finding(template):
    assert template(PAGE) == []


@pytest.mark.parametrize(
    "tag",
    [
        '{% picture page.photo removebg width-{90,60} sizes="(min-width: 9em) 400px, 200px" %}',
        "{% image page.photo removebg width-90 preserve-svg %}",
        '{% image page.photo removebg width-90 alt="seen as nosuch-9 by some" %}',
        "{% verbatim %}{% image page.photo removebg nosuch-9 %}{% endverbatim %}",
        "{% verbatim x %}{% image page.photo removebg nosuch-9 %}{% endverbatim x %}",
    ],
)
def test_neither_words_in_quotes_nor_examples_are_specs(template, tag):
    assert template(tag) == []


# Pitfall: a wrong spec is found when the page is viewed, and is a 500.
@pytest.mark.parametrize(
    "tag",
    [
        "{% image page.photo removebg-nosuch width-400 %}",
        "{% cutout page.photo removebg-nosuch width-400 %}",
        "{% cutout page.photo nosuch-400 %}",
        "{% picture page.photo removebg width-{200,x} %}",
    ],
)
def test_a_wrong_spec_is_an_error(template, tag):
    (found,) = template(tag)
    assert (found.id, found.level) == ("rembg_wagtail.E001", 40)
    assert "page.html:1: " in found.msg


# Pitfall: an error keeps `runserver` from starting, also where the picture would be shown.
def test_advice_is_a_warning(template):
    (found,) = template("{% image page.photo removebg format-gif width-{40,50} %}")
    assert (found.id, found.level) == ("rembg_wagtail.W004", 30)


@pytest.mark.parametrize(("name", "count"), [("mask", 1), ("größe", 1), ("Mask_2", 0)])
def test_a_profile_that_no_spec_can_name_is_told(site, name, count):
    site(PROFILES={name: {"bg_color": "#ffffff"}})
    found = [one for one in run_checks(tags=["rembg"]) if one.id == "rembg_wagtail.W003"]
    assert len(found) == count
    assert all("another name" in one.hint for one in found)


@pytest.mark.parametrize("keys", [{"DEFER": True}, {"AUTO": False}], ids=str)
def test_stock_tags_that_cannot_show_anything_meanwhile_are_told(template, site, keys):
    site(**keys)
    found = [(one.id, one.hint) for one in template(PAGE)]
    warned = [
        ("rembg_wagtail.W001", f"Use {tag}.")
        for tag in ("{% cutout %}", "{% cutout_picture %}", "cutout_srcset()")
    ]
    assert found[:3] == warned


def test_with_the_mixin_stock_tags_are_fine(template, site, monkeypatch):
    site(DEFER=True)
    monkeypatch.setattr("rembg_plugins.wagtail.usage.get_image_model", lambda: Photo)
    assert template(PAGE) == []


@pytest.mark.parametrize(("kind", "count"), [(Format, 1), (CutoutFormat, 0)])
def test_formats_of_rich_text_are_looked_at_too(template, site, monkeypatch, kind, count):
    site(DEFER=True)
    monkeypatch.setattr(
        "rembg_plugins.wagtail.usage.get_image_formats",
        lambda: [*FORMATS, kind("cut", "Cut out", "", "removebg|width-60")],
    )
    found = template("")
    assert len(found) == count
    assert all("CutoutFormat" in one.hint for one in found)


def test_settings_that_cannot_be_read_are_another_checks_business(site):
    site(BUDGET=3)
    assert all(one.id != "rembg_wagtail.W001" for one in checks.check_templates())
    assert checks.check_profiles() == []
    ((_, hint),) = in_spec("removebg-a-b")
    assert "removebg-mask." in hint


@pytest.fixture
def cutting(site, settings):
    """A storage ``shelf`` that cuts out, over ``plain``, which was the default."""
    options = {"wraps": "plain"}
    shelf = {"BACKEND": "rembg_plugins.django.storage.CutoutStorage", "OPTIONS": options}
    plain = settings.STORAGES["default"]
    settings.STORAGES = {**settings.STORAGES, "plain": plain, "shelf": shelf}
    return shelf


def of_renditions():
    return [one for one in run_checks(tags=["rembg"]) if one.id == "rembg_wagtail.E002"]


def test_renditions_in_a_storage_that_cuts_out_are_refused(cutting, settings, monkeypatch):
    assert of_renditions() == []
    settings.STORAGES = {**settings.STORAGES, "default": cutting}
    found = sorted(of_renditions(), key=lambda one: one.msg)
    assert "gallery.PhotoRendition" in found[0].msg
    assert "wagtailimages.Rendition" in found[1].msg
    assert all("WAGTAILIMAGES_RENDITION_STORAGE" in one.hint for one in found)
    settings.WAGTAILIMAGES_RENDITION_STORAGE = "plain"
    for model in (Rendition, PhotoRendition):
        field = model._meta.get_field("file")  # which asks for its storage once, as it is made
        monkeypatch.setattr(field, "storage", get_rendition_storage())
    assert of_renditions() == []


def test_so_is_a_storage_of_their_own_that_cuts_out(cutting, settings, monkeypatch):
    settings.WAGTAILIMAGES_RENDITION_STORAGE = "shelf"
    monkeypatch.setattr(Rendition._meta.get_field("file"), "storage", get_rendition_storage())
    assert len(of_renditions()) == 1


def test_a_storage_that_cannot_be_made_is_another_checks_business(settings):
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": "nowhere.Storage"}}
    assert of_renditions() == []


WITHOUT = """
from django_site.settings import *

INSTALLED_APPS = [one for one in INSTALLED_APPS if one not in ({}, "django_site.shop")]
"""


@pytest.mark.parametrize("missing", ["rembg_plugins.django", "wagtail.images"])
def test_an_app_that_is_missing_is_named_with_the_line_to_add(tmp_path, missing):
    project = Project(tmp_path, {"mysite/settings.py": WITHOUT.format(f'"{missing}"')})
    with pytest.raises(AssertionError, match=f'ImproperlyConfigured: .*add "{missing}", to INST'):
        project.manage("check")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("{% load wagtailimages_tags rembg_wagtail %}", 1),
        ("{% image page.photo removebg width-400 %}", 1),
        ('{{ picture(page.photo, "removebg|width-{200,400}") }}', 1),
        ("<p>removebg and rembg_wagtail, {% image page.photo width-400 %}</p>", 0),
    ],
)
def test_where_templates_ask_for_cut_outs_the_app_must_be_there(template, monkeypatch, text, count):
    assert all(one.id != "rembg.W011" for one in template(text))
    is_installed = apps.is_installed
    monkeypatch.setattr(
        apps, "is_installed", lambda name: name != "rembg_plugins.wagtail" and is_installed(name)
    )
    found = [one for one in template(text) if one.id == "rembg.W011"]
    assert len(found) == count
    assert all('"rembg_plugins.wagtail", to INSTALLED_APPS' in one.hint for one in found)
    monkeypatch.setattr(apps, "is_installed", lambda name: not name.endswith("wagtail.images"))
    assert all(one.id != "rembg.W011" for one in template(text))
