"""Pictures as PNG, without loss: PIL images, and files of formats that the API does not take."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, cast

from PIL.Image import new

from rembg_plugins.core import messages
from rembg_plugins.core.errors import ValidationError
from rembg_plugins.core.limits import check_bounds
from rembg_plugins.core.memory import decoding
from rembg_plugins.core.preparation import open_picture, prepare, upright

if TYPE_CHECKING:
    from PIL import Image

    from rembg_plugins.core.header import Header

TRANSCODABLE = frozenset({"TIFF", "AVIF", "GIF", "JPEG2000", "ICO", "HEIC"})
"""The formats that are re-encoded on request.

Nothing that starts another program is among them, as EPS and PDF would.
"""

_PROFILE_SPACES = {
    **dict.fromkeys(("1", "L", "LA", "I;16"), b"GRAY"),
    **dict.fromkeys(("P", "RGB", "RGBA"), b"RGB "),
}
"""The modes that PNG has, and the color space that an ICC profile of each must be for."""

_BYTE = 255
_WORD = 65_535


def needs_transcoding(header: Header) -> bool:
    """Whether a file is of a kind that only :func:`transcode` makes fit to be sent."""
    return header.format in TRANSCODABLE or header.cmyk


def transcode(file: BinaryIO, header: Header) -> bytes:
    """The first picture of a file as PNG: upright, as deep as PNG and Pillow can have it.

    Gray samples of 16 bits stay so; Pillow reads deep colors as 8 bits a sample. Inks (CMYK)
    become sRGB by the file's own profile.

    Args:
        file: A TIFF, AVIF, GIF, JPEG 2000, ICO, HEIC or CMYK JPEG file, at offset 0.
        header: Its header.

    Raises:
        ValidationError: It is too wide or tall, which is found before it is decoded, or
            cannot be decoded, or is HEIC and pillow-heif is missing.
    """
    try:
        image = _open(file, header.format)
        errors = check_bounds(*image.size)
        if not errors:
            with decoding(image.size):
                _make_room(image)
                return encode_png(image)
    except ValidationError:
        raise
    except Exception as error:  # a broken file may raise anything
        text = str(error) or type(error).__name__
        failure = messages.CANNOT_TRANSCODE.on("image", format=header.format, reason=text)
        raise ValidationError(errors=[failure]) from error
    raise ValidationError(errors=errors)


def encode_png(image: Image.Image) -> bytes:
    """An image of any Pillow mode as PNG: upright; its pixels kept exactly where PNG has the mode.

    The profile is kept where it is for the colors that are written; what is neither pixel nor
    profile (EXIF, text) is left out.

    Args:
        image: Any mode, (w, h) px.

    Raises:
        Exception: Whatever Pillow raises where the image cannot be loaded.
    """
    image.load()
    written = _in_png_mode(image)
    profile = written.info.get("icc_profile") or b""
    if profile[16:20] != _PROFILE_SPACES[written.mode]:
        profile = b""
    file = io.BytesIO()
    written.save(file, "PNG", compress_level=1, icc_profile=profile)
    return file.getvalue()


def _open(file: BinaryIO, format_: str) -> Image.Image:
    if format_ != "HEIC":
        return open_picture(file, format_)
    try:
        from pillow_heif import HeifImageFile  # noqa: PLC0415 - of an extra
    except ImportError as error:
        failure = messages.CANNOT_TRANSCODE.on("image", format=format_, reason=messages.NEEDS_HEIF)
        raise ValidationError(errors=[failure]) from error
    image: Image.Image = HeifImageFile(file)  # type: ignore[no-untyped-call]  # has no types
    return image


def _make_room(image: Image.Image) -> None:
    """Give a TIFF picture the memory for its pixels.

    Pillow would, after warning of a size that the API allows. The size it looks at is private:
    as stored, before the orientation. To be removed once Pillow leaves that check to Image.open.
    """
    if image.format == "TIFF":
        size = getattr(image, "_tile_size", image.size)
        image.im = new(image.mode, size).im


def _in_png_mode(image: Image.Image) -> Image.Image:
    """The same picture, upright, in a mode that PNG has; new only where it must differ."""
    if image.mode in _PROFILE_SPACES:
        return upright(image)
    if _is_deep_gray(image):
        return upright(image).convert("I").convert("I;16")
    prepared = prepare(image)
    pixels = prepared.pixels.copy()
    if prepared.alpha is not None:
        pixels.putalpha(prepared.alpha)
    pixels.info = {"icc_profile": prepared.profile}
    return pixels


def _is_deep_gray(image: Image.Image) -> bool:
    """Whether 16 bits, and no fewer, hold every value; 8 do if no value of mode I is above 255."""
    if image.mode != "I":
        return image.mode.startswith("I;16")
    low, high = cast("tuple[int, int]", image.getextrema())
    return low >= 0 and _BYTE < high <= _WORD
