"""The options applied here, free of charge, to a cut-out of full size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PIL import Image

from rembg_plugins.core import resampling
from rembg_plugins.core.option_values import MAX_SIDE
from rembg_plugins.core.options import DEFAULT_FORMAT, Options
from rembg_plugins.core.preparation import upright
from rembg_plugins.core.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable

_WITHOUT_ALPHA = ("JPEG", "BMP")
_WHITE = "#ffffff"
_OPAQUE = 255


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is done to a cut-out.

    Attributes:
        uses: The options that it reads.
        apply: RGBA, RGB or L -> one of these; gives back the same object where nothing is to do.
    """

    uses: tuple[str, ...]
    apply: Callable[[Image.Image, Options], Image.Image]


def postprocess(cutout: Result, options: Options) -> Result:
    """What the options make of a cut-out; where they ask for nothing, that cut-out itself.

    Source of the order and of the white ground: assumption of this package; the API reference
    tells of neither.

    Args:
        cutout: Full size, every option cleared; its picture is not changed.
        options: All of them are applied; the default format is the API's, WEBP.

    Raises:
        NotAnImageError: The cut-out's bytes cannot be decoded.
    """
    format_ = options.format or DEFAULT_FORMAT
    if cutout.format == format_ and not _changes_pixels(options):
        return cutout
    image = _plain(cutout.image)
    for step in STEPS:
        image = step.apply(image, options)
    return Result.from_image(
        image,
        format=format_,
        engine=cutout.engine,
        sent=cutout.sent,
        billed=cutout.billed,
        coverage=cutout.coverage,
        notes=cutout.notes,
    )


def holds_alpha(options: Options) -> bool:
    """Whether the format that is asked for can be transparent."""
    return options.format not in _WITHOUT_ALPHA


def target_size(size: tuple[int, int], options: Options) -> tuple[int, int]:
    """The size, in px, that ``w``, ``h`` and ``exact_resize`` make of a size.

    The aspect ratio is kept, and the picture enlarged if need be, unless both sides are given
    and ``exact_resize`` is set. A side that is not given grows to 10000 px at most.
    """
    if options.w is None and options.h is None:
        return size
    w, h = options.w or MAX_SIDE, options.h or MAX_SIDE
    if options.exact_resize and options.w and options.h:
        return w, h
    scale = min(w / size[0], h / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _changes_pixels(options: Options) -> bool:
    angle = options.angle % 360
    return replace(options, format=None, exact_resize=False, expand=True, angle=angle) != Options()


def _plain(image: Image.Image) -> Image.Image:
    """RGBA, RGB or L, upright."""
    image = upright(image)
    if image.mode == "RGBA" or (image.mode in {"RGB", "L"} and not image.has_transparency_data):
        return image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _take_mask(image: Image.Image, options: Options) -> Image.Image:
    if not options.mask:
        return image
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    mask = alpha or Image.new("L", image.size, _OPAQUE)
    mask.info = {}  # no profile: a mask has no colors
    return mask


def _resize(image: Image.Image, options: Options) -> Image.Image:
    return resampling.resize(image, target_size(image.size, options))


def _rotate(image: Image.Image, options: Options) -> Image.Image:
    return resampling.rotate(image, options.angle, expand=options.expand)


def _fill(image: Image.Image, options: Options) -> Image.Image:
    if options.bg_color is None or image.mode != "RGBA":
        return image
    return _lay_on(image, options.bg_color)


def _flatten(image: Image.Image, options: Options) -> Image.Image:
    return image if holds_alpha(options) or image.mode != "RGBA" else _lay_on(image, _WHITE)


def _lay_on(image: Image.Image, color: str) -> Image.Image:
    """RGBA -> RGB on an opaque color, RGBA on another."""
    ground = Image.new("RGBA", (1, 1), color)
    if ground.getchannel("A").getextrema() == (_OPAQUE, _OPAQUE):
        ground = Image.new("RGB", image.size, color)
        ground.paste(image, mask=image)
    else:
        ground = Image.alpha_composite(Image.new("RGBA", image.size, color), image)
    ground.info = dict(image.info)
    return ground


STEPS = (
    Step(("mask",), _take_mask),
    Step(("w", "h", "exact_resize"), _resize),
    Step(("angle", "expand"), _rotate),
    Step(("bg_color",), _fill),
    Step(("format",), _flatten),
)
"""In the order of their doing; a mask comes first, since one band is quicker than four."""
