"""A rendition and a matte put together: its own pixels inside, and no fringe at the edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageFilter, ImageStat

from rembg_plugins.core.memory import decoding
from rembg_plugins.core.preparation import prepare
from rembg_plugins.wagtail.errors import CutoutError

if TYPE_CHECKING:
    from rembg_plugins.core.entry import Entry
    from rembg_plugins.core.source import Source
    from rembg_plugins.wagtail.geometry import Placement

_REACH = 3  # px that the filters look at to each side, when they do not enlarge
_GAP = 2.0  # how much larger than asked for a picture may quickly be reduced to at first
_OPAQUE = 224  # a network seldom says 255: inside a subject it says 240 to 254
_FROM_OPAQUE = [0] * _OPAQUE + [255] * (256 - _OPAQUE)
_ONLY_FULL = [0] * 255 + [255]
_ANY = [0] + [255] * 255
_SQUARE = 4  # px
_UNLIKE = 8  # levels of 256, on average, of squares: more than another resampling makes


def compose(
    rendition: Image.Image, source: Source, entry: Entry, placement: Placement
) -> Image.Image:
    """The cut-out of a rendition: any Pillow mode -> RGBA, same size.

    Inside the subject, pixels are the rendition's own. Near its edge they come from the picture
    itself, weighted by the matte: those of the rendition are mixed with the background.

    Args:
        rendition: Upright, cropped and resized by Wagtail, with what other filters did to it.
        source: The picture that it was made of.
        entry: What is kept of that picture's cut-out.
        placement: Which part of it the rendition shows.

    Raises:
        CutoutError: The placement is not that of the rendition.
        ValidationError: The picture cannot be decoded.
    """
    if rendition.size != placement.size:
        message = (
            f"The rendition has {rendition.size} px, but {placement.size} by the spec: "
            "another operation changed its geometry unseen."
        )
        raise CutoutError(message)
    prepared = prepare(rendition)
    with decoding(source.size):
        cut = _cut(source, entry, placement)
    alpha = cut.getchannel("A")
    if prepared.alpha is not None:
        alpha = ImageChops.darker(alpha, prepared.alpha)
    colors = _colors(prepared.pixels, cut, alpha, _own_colors(entry, placement))
    colors.putalpha(alpha)
    kept = {"icc_profile": prepared.profile, "exif": rendition.info.get("exif")}
    colors.info = {name: value for name, value in kept.items() if value is not None}
    return colors


def _cut(source: Source, entry: Entry, placement: Placement) -> Image.Image:
    """The part of the cut-out that is shown: RGBA, resampled premultiplied."""
    cut = prepare(source).pixels  # decoded just now, so it may be changed
    if entry.colors is not None:
        cut.paste(entry.colors.convert("RGB"), mask=entry.colors.getchannel("A"))
    cut.putalpha(entry.mask)
    box = placement.within(cut.size)
    if (box[2] - box[0], box[3] - box[1]) == placement.size:
        return cut.crop(box)
    resized = cut.convert("RGBa").resize(
        placement.size, Image.Resampling.BILINEAR, box=box, reducing_gap=_GAP
    )
    return resized.convert("RGBA")


def _own_colors(entry: Entry, placement: Placement) -> Image.Image | None:
    """255 where the engine has changed a visible color: L; None where it has changed none."""
    if entry.colors is None:
        return None
    changed = entry.colors.getchannel("A").crop(placement.within(entry.mask.size))
    return changed.resize(placement.size, Image.Resampling.BOX).point(_ANY)


def _colors(
    pixels: Image.Image, cut: Image.Image, alpha: Image.Image, changed: Image.Image | None
) -> Image.Image:
    """RGB: the rendition's own, and those of the cut-out near edges and where it has others."""
    inside = _inside(alpha)
    if changed is not None:
        inside = ImageChops.darker(inside, ImageChops.invert(changed))
    colors = cut.convert("RGB")
    if changed is None and _differ(colors, pixels, inside):
        return pixels.copy()
    colors.paste(pixels, mask=inside.convert("1"))
    return colors


def _inside(alpha: Image.Image) -> Image.Image:
    """255 where all that the filters have looked at is opaque, else 0: L."""
    return alpha.point(_FROM_OPAQUE).filter(ImageFilter.BoxBlur(_REACH)).point(_ONLY_FULL)


def _differ(colors: Image.Image, pixels: Image.Image, inside: Image.Image) -> bool:
    """Whether the rendition is no mere resampling: an operation before this one has changed it.

    Means of small squares are looked at: filters that resample differ in details, not in these.
    """
    ground = Image.new("RGB", inside.size)
    coarse = [Image.composite(one, ground, inside).reduce(_SQUARE) for one in (colors, pixels)]
    share = ImageStat.Stat(inside).mean[0] / 255
    return max(ImageStat.Stat(ImageChops.difference(*coarse)).mean) > _UNLIKE * share
