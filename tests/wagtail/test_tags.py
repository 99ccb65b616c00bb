from __future__ import annotations

import pytest
from django.template import TemplateSyntaxError
from django_site.photographs import encode, rendered, upload
from PIL import Image
from wagtail.images import get_image_model
from wagtail.images.api.fields import ImageRenditionField
from wagtail.images.formats import Format

from rembg_plugins.core import errors
from rembg_plugins.wagtail.formats import CutoutFormat

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("engine", "template"),
    [
        ("django", "{% image photo removebg fill-60x60 class='a' %}"),
        ("django", "{% image photo removebg fill-60x60 as x %}<img src='{{ x.url }}' class='a'>"),
        ("django", "{% srcset_image photo removebg fill-{60x60,90x90} class='a' %}"),
        ("django", "{% picture photo removebg format-{webp,png} fill-60x60 class='a' %}"),
        ("django", "{% cutout photo fill-60x60 class='a' %}"),
        ("django", "{% cutout photo removebg-mask fill-60x60 as x %}<img src={{ x.url }} a>"),
        ("django", "{% cutout_srcset photo fill-{60x60,90x90} class='a' %}"),
        ("django", "{% cutout_picture photo format-{webp,png} fill-60x60 class='a' %}"),
        ("django", "{% cutout_picture photo format-{webp,png} fill-60x60 as x %}{{ x }}"),
        ("jinja2", "{{ image(photo, 'removebg|fill-60x60', class='a') }}"),
        ("jinja2", "{{ picture(photo, 'removebg|format-{webp,png}|fill-60x60') }}"),
        ("jinja2", "{{ srcset_image(photo, 'removebg|fill-{60x60,90x90}') }}"),
        ("jinja2", "{{ cutout(photo, 'fill-60x60', class='a') }}"),
        ("jinja2", "<img src='{{ cutout(photo, 'fill-60x60').url }}'>"),
        ("jinja2", "{{ cutout_picture(photo, 'format-{webp,png}|fill-60x60') }}"),
        ("jinja2", "{{ cutout_srcset(photo, 'fill-{60x60,90x90}') }}"),
    ],
)
def test_every_tag_shows_the_cut_out(counted, engine, template):
    image = upload()
    html = rendered(template, engine, photo=image)
    assert "removebg" in html
    assert "<img" in html
    assert "data-rembg" not in html
    assert all("removebg" in one.filter_spec for one in image.renditions.all())
    assert len(counted.calls) == 1
    again = rendered(template, engine, photo=image)
    assert again == html


def test_own_and_stock_tags_share_their_renditions(counted):
    image = upload()
    rendered("{% cutout photo width-40 %}{% image photo removebg width-40 %}", photo=image)
    assert image.renditions.count() == 1


# Pitfall: Jinja takes no spaces in a spec.
@pytest.mark.parametrize(
    ("engine", "template"),
    [
        ("jinja2", "{{ cutout(photo, 'removebg width-40') }}"),
        ("jinja2", "{{ cutout(photo, 'width-40', meanwhile='nothing') }}"),
        ("django", "{% cutout photo %}"),
        ("django", "{% cutout photo width-40 as %}"),
        ("django", "{% cutout photo width-#40 %}"),
        ("django", "{% cutout photo width-40 meanwhile='nothing' %}"),
    ],
)
def test_a_tag_that_is_written_wrongly_says_so(counted, engine, template):
    with pytest.raises(TemplateSyntaxError):
        rendered(template, engine, photo=upload())


@pytest.mark.parametrize("engine", ["django", "jinja2"])
def test_no_picture_is_nothing(counted, engine):
    template = "{% cutout photo width-40 %}"
    if engine == "jinja2":
        template = "{{ cutout(photo, 'width-40') }}"
    assert rendered(template, engine, photo=None) == ""


OWN = [
    ("django", "{% cutout photo width-60 class='a' %}"),
    ("django", "{% cutout photo width-60 as x %}{{ x }}"),
    ("django", "{% cutout_srcset photo width-{60,90} %}"),
    ("django", "{% cutout_picture photo format-{webp,png} width-{60,90} %}"),
    ("jinja2", "{{ cutout(photo, 'width-60') }}"),
    ("jinja2", "{{ cutout_picture(photo, 'format-{webp,png}|width-{60,90}') }}"),
]


@pytest.mark.parametrize(("engine", "template"), OWN)
def test_meanwhile_the_original_is_shown_and_marked_and_then_the_cut_out(worker, engine, template):
    image = upload()
    html = rendered(template, engine, photo=image)
    assert 'data-rembg="pending"' in html
    assert "removebg" not in html
    assert 'width="60"' in html
    # Pitfall: a fallback that is saved under the spec stays for ever, also after the recovery.
    assert not image.renditions.filter(filter_spec__contains="removebg").exists()
    assert worker.wanted
    worker.run()
    html = rendered(template, engine, photo=image)
    assert "data-rembg" not in html
    assert "removebg" in html
    if "picture" in template:
        assert 'type="image/webp"' in html  # Wagtail knows the format by the spec asked for


@pytest.mark.parametrize(("engine", "template"), OWN)
def test_after_an_error_the_original_is_shown(counted, engine, template):
    counted.script["each"] = errors.PaymentRequiredError("no credits", billed=False)
    html = rendered(template, engine, photo=upload())
    assert 'data-rembg="pending"' in html
    assert "not-found" not in html


def test_a_placeholder_has_the_size_of_the_cut_out_and_nothing_is_saved(worker):
    image = upload()
    html = rendered("{% cutout photo fill-60x40 meanwhile='placeholder' %}", photo=image)
    assert 'src="data:image/svg+xml,' in html
    assert {'width="60"', 'height="40"', 'data-rembg="pending"'} <= set(html.strip("<>").split())
    several = "{% cutout_picture photo format-{webp,png} width-60 meanwhile='placeholder' %}"
    assert rendered(several, photo=image).count("data:image/svg+xml,") == 2
    assert not image.renditions.exists()


def test_what_is_shown_is_told_to_the_template(worker):
    image = upload()
    template = "{% cutout photo width-60 as x %}{{ x.rembg_state }} {{ x.width }}"
    assert rendered(template, photo=image) == "pending 60"
    worker.run()
    assert rendered(template, photo=image) == "ready 60"


def test_only_the_spec_of_the_cut_out_shows_the_original_whole(worker):
    assert 'width="300"' in rendered("{% cutout photo removebg %}", photo=upload())


def test_a_picture_that_cannot_be_cut_out_is_marked_so(counted):
    image = upload(encode(Image.new("RGB", (10_001, 2)), "PNG"), "wide.png")
    assert 'data-rembg="failed"' in rendered("{% cutout photo width-40 %}", photo=image)


def test_the_api_has_the_cut_out(counted):
    answer = ImageRenditionField("removebg|width-60").to_representation(upload())
    assert answer["url"].endswith(".removebg.width-60.png")
    assert answer["width"] == 60


def test_rich_text_shows_cut_outs(counted):
    one = Format("cut", "Cut out", "cut", "removebg|width-60")
    html = one.image_to_html(upload(), "A <cup>")
    assert "removebg" in html


@pytest.mark.parametrize("spec", ["width-60", "removebg|width-60"])
def test_rich_text_can_show_the_original_meanwhile(worker, spec):
    image, one = upload(), CutoutFormat("cut", "Cut out", "cut", spec)
    html = one.image_to_html(image, 'A "cup"')
    assert 'data-rembg="pending"' in html
    assert 'class="cut"' in html
    assert "cup" in html
    worker.run()
    assert "removebg" in one.image_to_editor_html(image, "A cup")
    image.file.storage.delete(image.file.name)
    image.renditions.all().delete()
    assert "not-found" in one.image_to_html(get_image_model().objects.get(pk=image.pk), "A cup")
