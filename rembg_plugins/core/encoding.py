"""Pictures encoded, with settings that suit cut-outs."""

from __future__ import annotations

import io
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

# Measured on two cut-outs of 4000 x 3000 px photographs, Pillow 13 with zlib-ng and libwebp 1.6.
_SETTINGS: dict[str, dict[str, Any]] = {
    # Level 1: 0.8 s and 9.5 MB, level 6: 2.3 s and 8.2 MB. Of level 1, 0.5 s go to the choice of
    # line filters, so that a compression that does less gains little; run lengths alone
    # (compress_type=3) take 0.7 s, but make text and drawings 3 times as large.
    "PNG": {"compress_level": 1},
    # Method 0: 0.5 s and 584 kB, method 1: 1.3 s and 497 kB. Alpha is lossless: it is what was
    # paid for.
    "WEBP": {"quality": 85, "method": 0, "alpha_quality": 100},
    # No subsampling: a subject on a solid color has sharp edges of color. It costs 15 % of bytes.
    # The comment is empty, else it would be the one in `info`.
    "JPEG": {"quality": 92, "subsampling": 0, "comment": b""},
    "BMP": {},
}
_PLUGINS = {
    "PNG": "PngImagePlugin",
    "WEBP": "WebPImagePlugin",
    "JPEG": "JpegImagePlugin",
    "BMP": "BmpImagePlugin",
}
_WITH_PROFILE = ("RGB", "RGBA")  # an RGB profile on a grey mask would be an error


def encode(image: Image.Image, format: str) -> bytes:
    """The bytes of a picture: RGBA, RGB or L -> PNG, WEBP; RGB or L -> JPEG, BMP.

    The ICC profile in ``info`` is kept where mode and format allow; nothing else of ``info`` is.
    """
    import_module(f"PIL.{_PLUGINS[format]}")  # else Pillow loads all of its 40 to find it
    settings = _SETTINGS[format]
    if format != "BMP":
        profile = image.info.get("icc_profile") if image.mode in _WITH_PROFILE else None
        # Empty, not left out: PNG would take the one in `info` then.
        settings = {**settings, "icc_profile": profile or b""}
    file = io.BytesIO()
    image.save(file, format, **settings)
    return file.getvalue()
