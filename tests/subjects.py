"""Cut-outs whose right looks are known, and what the options make of them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from rembg_plugins.core.options import Options
from rembg_plugins.core.postprocess import postprocess
from rembg_plugins.core.result import Result

DARK, LIGHT, GREEN = (30, 30, 30), (225, 225, 225), (30, 200, 90)
CHANGES = [
    {"w": 100},
    {"w": 133},
    {"w": 1100},
    {"w": 390, "h": 90, "exact_resize": True},
    {"w": 90, "h": 900, "exact_resize": True},
    {"angle": 7},
    {"angle": 33.3, "expand": False},
    {"w": 200, "angle": 45},
]
"""Options that resample."""


def result_of(image, format="PNG", **facts):
    facts = {"engine": "test", "sent": "all", "billed": True, "coverage": 0.5} | facts
    return Result.from_image(image, format=format, **facts)


def made(image, **options):
    return postprocess(result_of(image), Options(**options))


def decoded(result):
    return Image.open(io.BytesIO(result.content))


def subject(color, *, soft=0.0):
    """A subject of one color, with edges of all directions; black where nothing is seen."""
    alpha = Image.new("L", (400, 300), 0)
    draw = ImageDraw.Draw(alpha)
    draw.ellipse((90, 40, 330, 260), fill=255)
    draw.rectangle((20, 20, 50, 280), fill=255)
    draw.line((60, 5, 395, 295), fill=255, width=3)
    alpha = alpha.filter(ImageFilter.GaussianBlur(soft))
    image = Image.new("RGB", alpha.size)
    image.paste(color, mask=alpha.point([0] + [255] * 255))
    image.putalpha(alpha)
    return image


def on(image, color):
    ground = Image.new("RGB", image.size, color)
    ground.paste(image, mask=image)
    return np.array(ground).astype(int)
