from __future__ import annotations

import pytest
from django.template import TemplateSyntaxError
from django_site.gallery.models import Photo
from django_site.photographs import encode, opened, rendered, upload
from PIL import Image
from wagtail.images import get_image_model
from wagtail.images.api.fields import ImageRenditionField
from wagtail.images.formats import Format
from wagtail.images.models import Picture

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


def photo():
    return Photo.objects.get(pk=upload().pk)


def test_with_the_mixin_stock_tags_show_the_original_meanwhile(worker):
    image = photo()
    stock = "{% image photo removebg width-60 %}"
    several = "{% picture photo removebg format-{webp,png} width-60 %}"
    assert 'data-rembg="pending"' in rendered(stock, photo=image)
    assert rendered(several, photo=image).count("removebg") == 0
    worker.run()
    assert "data-rembg" not in rendered(stock + several, photo=image)
    assert image.renditions.filter(filter_spec__contains="removebg").count() == 3


# Pitfall: Wagtail's `Picture` tells formats by the specs that were asked for, as callers do.
@pytest.mark.parametrize("kind", ["original", "placeholder"])
def test_what_is_shown_meanwhile_stands_under_the_specs_that_were_asked_for(
    worker, monkeypatch, kind
):
    monkeypatch.setattr(Photo, "cutout_meanwhile", kind)
    image = photo()
    specs = ["removebg|format-webp|width-60", "removebg|width-60", "width-60|removebg-mask"]
    found = image.get_renditions(*specs)
    assert list(found) == specs
    assert {one.rembg_state for one in found.values()} == {"pending"}
    html = rendered("{% picture photo removebg format-{webp,png} width-60 %}", photo=image)
    assert html.count('type="image/webp"') == 1
    assert html.count('data-rembg="pending"') == 1


# Pitfall: who asks for plain renditions and cut-outs at once still wants the plain ones.
@pytest.mark.parametrize("kind", ["original", "placeholder"])
def test_plain_renditions_among_cut_outs_are_neither_marked_nor_replaced(worker, monkeypatch, kind):
    monkeypatch.setattr(Photo, "cutout_meanwhile", kind)
    image = photo()
    found = image.get_renditions("removebg|width-60", "width-60", "width-30")
    assert found["removebg|width-60"].rembg_state == "pending"
    for spec in ("width-60", "width-30"):
        assert found[spec].url == image.get_rendition(spec).url
        assert not hasattr(found[spec], "rembg_state")


def test_with_the_mixin_a_placeholder_can_be_chosen(worker, monkeypatch):
    monkeypatch.setattr(Photo, "cutout_meanwhile", "placeholder")
    html = rendered("{% image photo removebg width-60 %}", photo=photo())
    assert "data:image/svg+xml," in html


def test_with_the_mixin_an_api_has_the_original_meanwhile(worker):
    image, field = photo(), ImageRenditionField("removebg|width-60")
    answer = field.to_representation(image)
    assert "removebg" not in answer["url"]
    assert (answer["width"], answer["height"]) == (60, 40)
    worker.run()
    assert "removebg" in field.to_representation(image)["url"]


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


def test_a_rendition_that_is_shown_meanwhile_is_like_any_other(worker):
    found = photo().get_rendition("removebg|width-60")
    assert opened(found).size == (60, 40)
    assert Picture({"a": found}).renditions == [found]
    assert ' data-rembg="pending" ' in found.attrs
    assert not hasattr(found, "nothing")
