"""A picture from anywhere, brought into the one form that is cut out: upright, RGB, sRGB."""

from __future__ import annotations

import io
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, BinaryIO

from PIL import Image

from rembg_plugins.core import messages
from rembg_plugins.core.errors import ValidationError

if TYPE_CHECKING:
    from rembg_plugins.core.source import Source

RECIPE = "1"
"""Changes when the same source gives other pixels here; part of the store's keys."""

_READERS = {
    "PNG": ("PngImagePlugin", "PngImageFile"),
    "JPEG": ("JpegImagePlugin", "JpegImageFile"),
    "WEBP": ("WebPImagePlugin", "WebPImageFile"),
    "BMP": ("BmpImagePlugin", "BmpImageFile"),
    "TIFF": ("TiffImagePlugin", "TiffImageFile"),
    "GIF": ("GifImagePlugin", "GifImageFile"),
    "AVIF": ("AvifImagePlugin", "AvifImageFile"),
    "JPEG2000": ("Jpeg2KImagePlugin", "Jpeg2KImageFile"),
    "ICO": ("IcoImagePlugin", "IcoImageFile"),
}
"""Module and class of Pillow that reads a format; nothing else is ever opened."""

_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_LONGEST_SIDE = 15_000  # px; the longest there is: 10000 x 10000 px, turned by 45 degrees
_LONG_GREY = ("I", "I;16", "I;16L", "I;16B", "I;16N")
_PREMULTIPLIED = {"La": "LA", "RGBa": "RGBA"}
_OPAQUE = (255, 255)
_HIGH_BYTES = [value >> 8 for value in range(0x10000)]
_PROFILE_SPACE = slice(16, 20)  # where an ICC profile names its color space


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A picture ready to be cut out.

    Attributes:
        pixels: RGB, (w, h) px, upright; may be the source's own object, so never change it.
        alpha: What was transparent already: L, same size; None where all is opaque.
        profile: The ICC profile of the pixels, which is one for RGB; None for sRGB.
    """

    pixels: Image.Image
    alpha: Image.Image | None
    profile: bytes | None


def open_picture(file: BinaryIO, format: str) -> Image.Image:
    """The picture in a file of a known format, not decoded yet.

    Pillow's class for the format is used directly: ``Image.open`` would try others, some of
    which start programs, and would warn of pictures that are large but allowed.

    Args:
        file: Read from its position; stays open, and must, until the pixels are loaded.
        format: As :func:`rembg_plugins.core.header.read_header` names it.

    Raises:
        ValidationError: It cannot be read.
    """
    if format not in _READERS:
        reason = f"there is no reader for {format or 'an unknown format'}"
        raise _unreadable(reason)
    module, name = _READERS[format]
    try:
        image: Image.Image = getattr(import_module(f"PIL.{module}"), name)(file)
    except MemoryError:
        raise
    except Exception as problem:
        raise _unreadable(str(problem) or type(problem).__name__) from problem
    return image


def decode(file: BinaryIO, format: str) -> Image.Image:
    """The picture in a file of a known format, with its pixels loaded: of several, the first.

    Args:
        file: Read from its position; may be closed afterwards.
        format: As :func:`rembg_plugins.core.header.read_header` names it.

    Raises:
        ValidationError: It cannot be read, is cut short, or claims to be larger than any picture
            that is allowed here.
    """
    image = open_picture(file, format)
    if max(image.size) > _LONGEST_SIDE:
        reason = f"it claims to have {image.width} x {image.height} px"
        raise _unreadable(reason)
    try:
        image.load()
        image.getexif()  # of a TIFF it is read as late as this
    except MemoryError:
        raise
    except Exception as problem:
        raise _unreadable(str(problem) or type(problem).__name__) from problem
    return image


def prepare(source: Source | Image.Image) -> Prepared:
    """Decode a picture and bring it into the one form that is cut out.

    The EXIF orientation is applied. Any Pillow mode goes in; what is no RGB becomes
    ``image.convert("RGB")``, save that

    * alpha, a transparent color and a palette's transparency are kept aside as ``alpha``,
      and premultiplied colors are divided by it;
    * CMYK and grey with an ICC profile go to sRGB through that profile;
    * I;16 loses its low byte: 0 to 65535 become 0 to 255;
    * I is taken for 0 to 255, unless a value is above that: then for 0 to 65535. What lies
      outside is clipped;
    * F is taken for 0 to 1, unless a value is above that: then for 0 to 255. Likewise.

    Args:
        source: Of a PIL image nothing is changed.

    Raises:
        ValidationError: The picture cannot be read, or is cut short.
    """
    if isinstance(source, Image.Image):
        return _prepare(source)
    if source.image is not None:
        return _prepare(source.image)
    with source.open() as file:
        format_ = source.header.format if source.header else ""
        return _prepare(decode(file, format_))


def upright(image: Image.Image) -> Image.Image:
    """The picture as its EXIF orientation wants it; the same object where there is none."""
    try:
        method = _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - broken EXIF data of a good picture: as if it had none
        method = None
    return image if method is None else image.transpose(method)


def _prepare(image: Image.Image) -> Prepared:
    image = upright(image)
    profile: bytes | None = image.info.get("icc_profile") or None
    space = profile[_PROFILE_SPACE] if isinstance(profile, bytes) else b""
    alpha = _alpha_of(image)
    if image.mode in _LONG_GREY or image.mode == "F":
        pixels = _short_grey(image).convert("RGB")
    else:
        pixels = _to_srgb(image, profile, space) or _to_rgb(image)
    kept = space == b"RGB " and image.mode not in {"CMYK", "LAB"}
    return Prepared(pixels=pixels, alpha=alpha, profile=profile if kept else None)


def _alpha_of(image: Image.Image) -> Image.Image | None:
    if not image.has_transparency_data:
        return None
    if image.mode in {"RGBA", "LA", "PA"}:
        alpha = image.getchannel("A")
    elif image.mode in _LONG_GREY:  # Pillow would look for the value in 8 bits
        clear = image.info["transparency"]
        alpha = image.convert("I").point([_OPAQUE[0] * (v != clear) for v in range(0x10000)], "L")
    else:
        alpha = image.convert(_PREMULTIPLIED.get(image.mode, "RGBA")).getchannel("A")
    return None if alpha.getextrema() == _OPAQUE else alpha


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    if image.mode in _PREMULTIPLIED:
        image = image.convert(_PREMULTIPLIED[image.mode])
    elif image.mode == "P":
        # On the way to RGB, Pillow warns of transparency that is lost; here it is kept aside.
        image = image.convert("RGBA")
    return image.convert("RGB")


def _short_grey(image: Image.Image) -> Image.Image:
    """L, of grey in 16 or 32 bits or in floating point."""
    if image.mode == "F":
        bright = _maximum(image) > 1
        return (image if bright else image.point(lambda value: value * 255 + 0.5)).convert("L")
    values = image.convert("I")
    if image.mode == "I" and _maximum(image) <= _OPAQUE[1]:
        return values.convert("L")
    return values.point(_HIGH_BYTES, "L")


def _maximum(grey: Image.Image) -> float:
    (_, high) = grey.getextrema()
    assert not isinstance(high, tuple)  # noqa: S101 - for the type checker: it has one band
    return high


def _to_srgb(image: Image.Image, profile: bytes | None, space: bytes) -> Image.Image | None:
    """RGB by the picture's own profile; None where it has none that Pillow can use for it."""
    grey = space == b"GRAY" and image.mode in {"L", "LA"}
    if profile is None or not (grey or (space == b"CMYK" and image.mode == "CMYK")):
        return None
    from PIL import ImageCms  # noqa: PLC0415 - loads a library that few pictures need

    try:
        return ImageCms.profileToProfile(
            image.getchannel("L") if grey else image,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
    except (ImageCms.PyCMSError, OSError):  # a broken profile: as if there were none
        return None


def _unreadable(reason: str) -> ValidationError:
    return ValidationError(
        errors=(messages.UNREADABLE.on("image", value="the picture", reason=reason),)
    )
