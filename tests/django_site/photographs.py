"""Pictures in Wagtail's library, and what is looked at in renditions of them."""

from __future__ import annotations

import io

import numpy as np
from django.core.files.base import ContentFile
from django.template import engines
from PIL import Image, ImageChops, ImageFilter, ImageOps
from wagtail.images import get_image_model
from wagtail.models import Collection

SIZE = (300, 200)  # px of every sample


def photograph(mode="RGB", size=SIZE, seed=1):
    """A picture full of detail; another one for another seed."""
    noise = np.random.default_rng(seed).integers(0, 256, (size[1] // 4, size[0] // 4, 3), np.uint8)
    made = Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)
    return made if mode == "RGB" else made.convert(mode)


def encode(image, format_="JPEG", **settings):
    """Its bytes."""
    file = io.BytesIO()
    image.save(file, format_, **settings)
    return file.getvalue()


def upload(content=None, name="photo.jpg", **fields):
    """An image of the site's image model."""
    if Collection.get_first_root_node() is None:  # a test of transactions has emptied the tables
        Collection.add_root(name="Root")
    content = encode(photograph()) if content is None else content
    return get_image_model().objects.create(
        title="A photo", file=ContentFile(content, name), **fields
    )


def opened(rendition):
    """Its pixels."""
    with rendition.file.storage.open(rendition.file.name) as file:
        image = Image.open(file)
        image.load()
    return image


def unlike_inside(cut, plain):
    """How much two renditions differ at most inside the subject, 3 px from its edge: 0 to 255."""
    framed = ImageOps.expand(cut.getchannel("A").point([0] * 255 + [255]), 3)
    solid = ImageOps.crop(framed.filter(ImageFilter.MinFilter(7)), 3)
    assert solid.getbbox(), "nothing is opaque"
    bands = ImageChops.difference(cut.convert("RGB"), plain.convert("RGB")).split()
    return max(ImageChops.darker(band, solid).getextrema()[1] for band in bands)


def rendered(template, engine="django", **context):
    """What a template's text gives; the tags of images are loaded."""
    load = "{% load wagtailimages_tags rembg_wagtail %}" if engine == "django" else ""
    return engines[engine].from_string(load + template).render(context).strip()
