"""Values of options, read from whatever a user, a form or a file may hold, and written back.

Each ``parse_...`` takes the option's name and a value, and raises :class:`OptionProblem` with
the API's own words for a bad one. Source of the bounds: API reference, "Parameters".
"""

from __future__ import annotations

import contextlib
import math
import operator
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rembg_plugins.core import messages

if TYPE_CHECKING:
    from rembg_plugins.core.errors import FieldError

MAX_SIDE = 10_000  # px
MAX_ANGLE = 360.0  # degrees

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{4}|[0-9a-f]{6}|[0-9a-f]{8})")
_TRUE = {"true": True, "1": True, "yes": True, "on": True}
_BOOLEANS = _TRUE | {"false": False, "0": False, "no": False, "off": False}


class OptionProblem(Exception):  # noqa: N818 - never leaves this module as an error of its own
    """Carries the field error of one bad value to where they are collected."""

    def __init__(self, error: FieldError) -> None:
        """Keep the error."""
        super().__init__(error.message)
        self.error = error


def parse_side(name: str, value: object) -> int | None:
    """A width or height in px, 1 to 10000; None for 0, which the vendor's client sends."""
    number = parse_integer(name, value)
    return None if number == 0 else _bounded(name, number, 1, MAX_SIDE)


def parse_integer(
    name: str, value: object, *, minimum: int | None = None, maximum: int | None = None
) -> int:
    """A whole number, within its bounds."""
    return _bounded(name, _integer(name, value), minimum, maximum)


def parse_angle(name: str, value: object) -> float:
    """A rotation in degrees, -360 to 360, counter-clockwise."""
    number = math.nan
    if not (isinstance(value, bool) or (isinstance(value, str) and "_" in value)):
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            number = float(value)  # type: ignore[arg-type]  # a TypeError is an answer here
    if not math.isfinite(number):
        raise OptionProblem(messages.NOT_NUMBER.on(name, value=_shown(value)))
    if not -MAX_ANGLE <= number <= MAX_ANGLE:
        raise OptionProblem(
            messages.OUT_OF_RANGE.on(
                name, minimum=-360, maximum=360, unit="degrees", value=_shown(number)
            )
        )
    return number + 0.0  # no negative zero


def parse_boolean(name: str, value: object) -> bool:
    """True or False, or their spellings in a form, a file or the environment."""
    if isinstance(value, bool):
        return value
    known = _BOOLEANS.get(value.strip().lower()) if isinstance(value, str) else None
    if known is None:
        raise OptionProblem(messages.NOT_BOOLEAN.on(name, value=_shown(value)))
    return known


def parse_format(name: str, value: object) -> str:
    """One of PNG, JPEG, WEBP and BMP, in any case."""
    chosen = value.strip().upper() if isinstance(value, str) else ""
    if chosen not in messages.ALLOWED_FORMATS:
        raise OptionProblem(messages.BAD_FORMAT.on(name, value=_quoted(value)))
    return chosen


def parse_color(name: str, value: object) -> str:
    """A colour as lower-case ``#hex`` or CSS name; tuples of 3 or 4 values 0-255 become hex."""
    if isinstance(value, str):
        color = value.strip().lower()
        if _HEX.fullmatch(color) or color in _color_names():
            return color
    elif isinstance(value, Sequence) and len(value) in {3, 4} and all(map(_is_byte, value)):
        return "#" + "".join(f"{band:02x}" for band in value)
    raise OptionProblem(messages.BAD_COLOR.on(name, value=_quoted(value)))


def format_value(value: object) -> str:
    """The text of a value in a form: ``true``, ``90``, ``12.5``, ``#ff0000``."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _is_byte(value: object) -> bool:
    return type(value) is int and 0 <= value <= 255  # noqa: PLR2004 - a byte


def _bounded(name: str, number: int, minimum: int | None, maximum: int | None) -> int:
    if minimum is not None and number < minimum:
        raise OptionProblem(messages.TOO_SMALL.on(name, minimum=minimum, value=number))
    if maximum is not None and number > maximum:
        raise OptionProblem(messages.TOO_BIG.on(name, maximum=maximum, value=number))
    return number


def _integer(name: str, value: object) -> int:
    if isinstance(value, str):
        text = value.strip()
        if _WHOLE.fullmatch(text):
            return int(text)
    elif not isinstance(value, bool):
        try:
            return operator.index(value)  # type: ignore[arg-type]  # a TypeError is an answer here
        except TypeError:
            pass
    raise OptionProblem(messages.NOT_INTEGER.on(name, value=_shown(value)))


def _color_names() -> Mapping[str, object]:
    from PIL import ImageColor  # noqa: PLC0415 - keeps Pillow out of `import rembg_plugins`

    return ImageColor.colormap


def _shown(value: object) -> str:
    """A value as the API's messages show it: ``'abc'``, ``-5``, ``500.0``."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - a stranger's __repr__ must not hide the real mistake
        return f"<{type(value).__name__}>"


def _quoted(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else _shown(value)
