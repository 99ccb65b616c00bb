"""A picture and the mask of its subject, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageChops

if TYPE_CHECKING:
    from rembg_plugins.core.preparation import Prepared

_OPAQUE_FROM = 128
_VISIBLE = [0] + [255] * 255


def compose(prepared: Prepared, mask: Image.Image) -> Image.Image:
    """The cut-out: RGBA, the picture's size, with its profile.

    The colors are the picture's, except where nothing is seen of them: there they are black,
    which makes files smaller and quicker to write, and keeps what was removed from the receiver.

    Args:
        prepared: The picture; transparency that it has already is multiplied in.
        mask: L, of the same size; 255 is the subject.
    """
    alpha = mask if prepared.alpha is None else ImageChops.multiply(mask, prepared.alpha)
    cutout = Image.new("RGB", prepared.pixels.size)
    # Mode "1" makes it a plain copy of the pixels, which is quicker than to blend them.
    cutout.paste(prepared.pixels, mask=alpha.point(_VISIBLE, "1"))
    cutout.putalpha(alpha)
    if prepared.profile is not None:
        cutout.info["icc_profile"] = prepared.profile
    return cutout


def coverage_of(alpha: Image.Image) -> float:
    """The share of the pixels that are opaque, that is above 127: L -> 0 to 1."""
    counts = alpha.histogram()
    return sum(counts[_OPAQUE_FROM:]) / max(1, sum(counts))
