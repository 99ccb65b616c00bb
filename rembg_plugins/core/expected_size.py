"""The sizes that an answer may have, by its options.

Whether the API enlarges, how it rounds, and in which order it resizes and rotates is not
documented: every reading is kept. Source: assumption of this package.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rembg_plugins.core.options import Options

Size = tuple[int, int]

TOLERANCE = 2
"""How many px a side may be off, for rounding."""

FREE_SIDE = 460
"""The side of the square, in px, that pictures are shrunk to fit into on the free tier.

Source: seen by users of the API in production.
"""

_NEARLY_FREE = 468  # px; shrinking from at most this is not told from a free picture's size
_FULL_TURN, _HALF_TURN, _QUARTER = 360, 180, 90  # degrees


def expected_sizes(source: Size, options: Options) -> list[Size]:
    """The sizes, in px, that a source and options explain; the likeliest first.

    The source may be turned by its EXIF orientation, which exchanges its sides.
    """
    sizes = []
    for stored in (source, source[::-1]):
        for resized in _resized(stored, options):
            sizes.extend(_rotated(resized, options))
        for rotated in _rotated(stored, options):
            sizes.extend(_resized(rotated, options))
    sizes.extend(_shrunk(size) for size in tuple(sizes) if max(size) <= _NEARLY_FREE)
    return list(dict.fromkeys(sizes))


def explains(sizes: Iterable[Size], answer: Size) -> bool:
    """Whether one of the sizes is the answer's, within :data:`TOLERANCE`, either way up."""
    return any(
        abs(width - side) <= TOLERANCE and abs(height - other) <= TOLERANCE
        for width, height in sizes
        for side, other in (answer, answer[::-1])
    )


def is_free_size(answer: Size) -> bool:
    """Whether it fits into the square of the free tier."""
    return max(answer) <= FREE_SIDE


def _resized(size: Size, options: Options) -> list[Size]:
    """All readings of ``w``, ``h`` and ``exact_resize``: rounded down, up; not enlarged."""
    (width, height), w, h = size, options.w, options.h
    if w is None and h is None:
        return [size]
    scale = min(w / width if w else math.inf, h / height if h else math.inf)
    sizes = [
        (max(1, round_(width * scale)), max(1, round_(height * scale)))
        for round_ in (round, math.floor, math.ceil)
    ]
    if scale > 1:
        sizes.append(size)
    if options.exact_resize:
        exact = (w or width, h or height)
        return [exact] if w and h else [exact, *sizes]
    return sizes


def _rotated(size: Size, options: Options) -> list[Size]:
    """All readings of ``angle`` and ``expand``; half turns and fixed canvases change nothing."""
    angle = options.angle % _FULL_TURN
    if angle % _HALF_TURN == 0 or not options.expand:
        return [size]
    width, height = size
    if angle % _QUARTER == 0:
        return [(height, width)]
    cosine, sine = abs(math.cos(math.radians(angle))), abs(math.sin(math.radians(angle)))
    canvas = (width * cosine + height * sine, width * sine + height * cosine)
    # Each whole number that a rounded canvas may have: enlarged later, a px is many.
    widths, heights = (range(math.floor(side), math.ceil(side) + 2) for side in canvas)
    return list(itertools.product(widths, heights))


def _shrunk(size: Size) -> Size:
    scale = min(1.0, FREE_SIDE / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
