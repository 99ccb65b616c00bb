"""Pictures of every kind that an engine may be given, made without a file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Mapping

SIZE = (36, 24)  # px; not square, so that a picture lying on its side is noticed

MODES = (
    *("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB"),
    *("HSV", "I", "I;16", "I;16B", "F"),
)
"""The modes of Pillow in which pictures come."""

SIZES = ((1, 1), (1, 39), (39, 1), (640, 480))
"""In px: the smallest, the thinnest, one above the size of the free tier."""

_ORIENTATION = 0x0112
_PALE, _STRONG = (235, 235, 230), (190, 40, 60)
_EIGHT_TO_SIXTEEN = 257


def picture(
    mode: str = "RGB", size: tuple[int, int] = SIZE, color: str | None = None
) -> Image.Image:
    """A subject on a pale ground, brighter towards one corner: no turn of it looks the same.

    Args:
        mode: Any of :data:`MODES`; where there is alpha, the left third is clear.
        size: In px.
        color: Of the subject.
    """
    width, height = size
    colors = Image.new("RGB", size, _PALE)
    ImageDraw.Draw(colors).ellipse(
        (width // 4, height // 5, width - 1, height - 1), fill=color or _STRONG
    )
    slope = Image.linear_gradient("L").resize(size)
    colors = Image.blend(colors, Image.merge("RGB", (slope, slope, slope.rotate(180))), 0.3)
    return _in_mode(colors, mode)


def files() -> Mapping[str, bytes]:
    """Encoded pictures of each format that the API takes, by name."""
    return {
        "a PNG file": _encoded(picture(), "PNG"),
        "a PNG file with alpha": _encoded(picture("RGBA"), "PNG"),
        "a JPEG file": _encoded(picture(), "JPEG"),
        "a CMYK JPEG file": _encoded(picture("CMYK"), "JPEG"),
        "a WebP file": _encoded(picture("RGBA"), "WEBP"),
        "a BMP file": _encoded(picture(), "BMP"),
    }


def turned(orientation: int) -> bytes:
    """A JPEG file with an EXIF orientation, 1 to 8."""
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    return _encoded(picture(), "JPEG", exif=exif)


def cut_short() -> bytes:
    """A JPEG file with a good header that breaks off: it cannot be decoded."""
    content = _encoded(picture(size=(200, 150)), "JPEG")
    return content[: len(content) // 2]


def _in_mode(colors: Image.Image, mode: str) -> Image.Image:
    if mode in {"I", "I;16", "I;16B", "F"}:
        return _deep_grey(colors.convert("L"), mode)
    alpha = Image.new("L", colors.size, 255)
    alpha.paste(0, (0, 0, colors.width // 3, colors.height))
    if mode == "PA":
        image = colors.quantize(16).convert("PA")
        image.putalpha(alpha)
        return image
    if mode in {"LA", "La", "RGBA", "RGBa"}:
        image = colors.convert("L" if mode[0] == "L" else "RGB")
        image.putalpha(alpha)
        return image.convert(mode)
    return colors.quantize(16) if mode == "P" else colors.convert(mode)


def _deep_grey(grey: Image.Image, mode: str) -> Image.Image:
    if mode == "F":
        return grey.convert("F").point(lambda value: value * (1 / 255) + 0)
    deep = grey.convert("I").point(lambda value: value * _EIGHT_TO_SIXTEEN + 0)
    return deep.convert(mode)


def _encoded(image: Image.Image, format: str, **settings: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **settings)
    return file.getvalue()
