"""How large a picture may be, in bytes and in px.

Source: API reference, "Parameters": 50 MB, 10000 px wide, 10000 px tall.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rembg_plugins.core import messages
from rembg_plugins.core.option_values import MAX_SIDE

if TYPE_CHECKING:
    from rembg_plugins.core.errors import FieldError

MAX_BYTES = 50 * 2**20
"""How long an upload may be, in bytes: the API's 50 MB, read as 50 x 2**20 when refusing here,
so that between 50 x 10**6 and that the API decides."""


def too_large(length: int) -> FieldError:
    """The error of an upload of so many bytes; never "50.0 MB" for one that is longer."""
    maximum = MAX_BYTES // 2**20
    size = max(maximum + 0.1, length / 2**20)
    return messages.TOO_LARGE.on("image", size=f"{size:.1f}", maximum=maximum)


def check_bounds(width: int, height: int) -> list[FieldError]:
    """What is wrong with a picture of so many px; nothing from 1 x 1 to 10000 x 10000."""
    errors = []
    if width < 1 or height < 1:
        errors.append(messages.NO_PIXELS.on("image", width=width, height=height))
    if width > MAX_SIDE:
        errors.append(messages.TOO_WIDE.on("image", value=width, maximum=MAX_SIDE))
    if height > MAX_SIDE:
        errors.append(messages.TOO_TALL.on("image", value=height, maximum=MAX_SIDE))
    return errors
