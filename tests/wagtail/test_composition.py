from __future__ import annotations

import pytest
from django_site.photographs import encode, opened, photograph, upload
from PIL import Image, ImageChops, ImageDraw

from rembg_plugins.core.entry import Entry
from rembg_plugins.core.source import Source
from rembg_plugins.wagtail.composition import compose
from rembg_plugins.wagtail.errors import CutoutError
from rembg_plugins.wagtail.geometry import Placement

FULL = (400, 300)
LIGHT, DARK = (250, 240, 230), (10, 60, 20)


def disc(ground=DARK, subject=LIGHT):
    """A picture of a disc, and its matte: 0 and 255 alone."""
    mask = Image.new("L", FULL)
    ImageDraw.Draw(mask).ellipse((60, 40, 300, 260), fill=255)
    picture = Image.new("RGB", FULL, ground)
    picture.paste(subject, mask=mask)
    return picture, mask


def placed(size, box=(0, 0, *FULL)):
    return Placement(box=box, size=size)


def composed(picture, mask, size, *, colors=None, rendition=None):
    source = Source.of(encode(picture, "PNG"))
    plain = picture.resize(size, Image.Resampling.LANCZOS) if rendition is None else rendition
    return compose(plain, source, Entry(mask=mask, colors=colors), placed(size))


@pytest.mark.parametrize("size", [(80, 60), (47, 35), (200, 150), (520, 390), FULL], ids=str)
def test_no_color_of_the_background_is_left_at_the_edge(size):
    cut = composed(*disc(), size)
    ground = Image.new("RGBA", size, (*LIGHT, 255))
    on_light = Image.alpha_composite(ground, cut)  # a fringe would be seen as a darker rim
    darkest = [low for low, _ in on_light.convert("RGB").getextrema()]
    assert all(level >= light - 2 for level, light in zip(darkest, LIGHT, strict=True))


def test_alpha_changes_smoothly_where_the_picture_is_made_smaller():
    alpha = composed(*disc(), (80, 60)).getchannel("A")
    assert len(alpha.getcolors()) > 20


def test_colors_that_the_engine_changed_are_seen_in_the_rendition():
    picture, mask = disc()
    colors = Image.new("RGBA", FULL)
    ImageDraw.Draw(colors).rectangle((150, 120, 210, 180), fill=(0, 0, 255, 255))
    cut = composed(picture, mask, (80, 60), colors=colors)
    assert cut.getpixel((36, 30)) == (0, 0, 255, 255)
    assert cut.getpixel((36, 15)) == (*LIGHT, 255)


def test_what_an_operation_before_it_did_to_the_colors_is_kept_everywhere():
    picture, mask = disc(subject=(200, 40, 40))
    grey = picture.resize((80, 60), Image.Resampling.LANCZOS).convert("L").convert("RGB")
    cut = composed(picture, mask, (80, 60), rendition=grey)
    red, green, blue = cut.convert("RGB").split()
    assert ImageChops.difference(red, green).getbbox() is None
    assert ImageChops.difference(green, blue).getbbox() is None


def test_a_picture_full_of_detail_is_no_changed_one():
    picture, mask = photograph(size=FULL), disc()[1]
    cut = composed(picture, mask, (80, 60))
    near = composed(picture, mask, (80, 60), rendition=Image.new("RGB", (80, 60)))
    alpha = cut.getchannel("A").load()
    edge = next((x, 30) for x in range(80) if 40 < alpha[x, 30] < 200)
    assert near.getpixel(edge)[:3] == (0, 0, 0)
    assert cut.getpixel(edge)[:3] != (0, 0, 0)


# Pitfall: a third-party operation may build a transform of its own; the geometry is then unknown.
def test_a_geometry_that_was_changed_unseen_is_refused():
    picture, mask = disc()
    with pytest.raises(CutoutError, match="another operation changed its geometry"):
        composed(picture, mask, (80, 60), rendition=Image.new("RGB", (79, 60)))


@pytest.mark.django_db
def test_alpha_that_a_picture_has_stays_clear(counted):
    picture = photograph().convert("RGBA")
    alpha = Image.new("L", picture.size, 255)
    ImageDraw.Draw(alpha).rectangle((100, 50, 200, 150), fill=0)
    picture.putalpha(alpha)
    cut = opened(upload(encode(picture, "PNG"), "a.png").get_rendition("removebg|width-90"))
    assert cut.getchannel("A").getpixel((45, 30)) == 0
    assert cut.getchannel("A").getpixel((15, 30)) == 255


# Pitfall: an engine may see no alpha, and call opaque what was clear in the picture already.
def test_alpha_that_the_engine_overlooked_stays_clear():
    picture, mask = disc()
    clear = Image.new("L", (80, 60), 255)
    clear.paste(0, (30, 20, 50, 40))
    rendition = picture.resize((80, 60), Image.Resampling.LANCZOS)
    rendition.putalpha(clear)
    alpha = composed(picture, mask, (80, 60), rendition=rendition).getchannel("A")
    assert mask.resize((80, 60)).getpixel((40, 30)) == 255
    assert alpha.crop((30, 20, 50, 40)).getextrema() == (0, 0)
    assert alpha.getpixel((20, 30)) == 255
