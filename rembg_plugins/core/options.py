"""The removal options, each declared once.

A field of :class:`Options` carries an :class:`OptionInfo`; whatever else knows of options is
made from those: the API's form fields, the command line, the table in the docs, the checks.
To add an option, add a field here, a step in :mod:`rembg_plugins.core.postprocess`, and tests.
Source of names, bounds and defaults: API reference, "Parameters".
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from rembg_plugins.core import messages
from rembg_plugins.core.errors import FieldError, ValidationError
from rembg_plugins.core.option_values import (
    MAX_ANGLE,
    MAX_SIDE,
    OptionProblem,
    format_value,
    parse_angle,
    parse_boolean,
    parse_color,
    parse_format,
    parse_side,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Format = Literal["PNG", "JPEG", "WEBP", "BMP"]
DEFAULT_FORMAT: Format = "WEBP"


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionInfo:
    """What is declared of one option beside its name and default.

    Attributes:
        help: One sentence for people.
        parse: Gives the value for anything that a user, a form or a file may hold; raises
            :class:`OptionProblem`.
        kind: ``"integer"``, ``"number"``, ``"boolean"``, ``"choice"`` or ``"color"``.
        minimum: The least value, or None.
        maximum: The greatest value, or None.
        unit: The unit of the value: ``px``, ``degrees``, or an empty string.
        choices: The values of a choice.
        api_default: What the API does where the option is not sent, in words.
    """

    help: str
    parse: Callable[[str, object], object]
    kind: Literal["integer", "number", "boolean", "choice", "color"]
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    api_default: str = ""


def _side(help_: str) -> OptionInfo:
    return OptionInfo(
        help=help_,
        parse=parse_side,
        kind="integer",
        minimum=1,
        maximum=MAX_SIDE,
        unit="px",
        api_default="the picture's own",
    )


def _boolean(help_: str, api_default: str) -> OptionInfo:
    return OptionInfo(help=help_, parse=parse_boolean, kind="boolean", api_default=api_default)


def _option(default: object, info: OptionInfo) -> Any:
    return field(default=default, metadata={"option": info})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to make of a picture; an instance always holds good values.

    Raises:
        ValidationError: With one error for each bad value, in the API's own words.
    """

    format: Format | None = _option(
        None,
        OptionInfo(
            help="Encoding of the result.",
            parse=parse_format,
            kind="choice",
            choices=messages.ALLOWED_FORMATS,
            api_default=DEFAULT_FORMAT,
        ),
    )
    w: int | None = _option(
        None, _side("Width of the result; the aspect ratio is kept, unless exact_resize is set.")
    )
    h: int | None = _option(
        None, _side("Height of the result; with both, the largest size that fits into w x h.")
    )
    exact_resize: bool = _option(
        False,  # noqa: FBT003 - the default of the field
        _boolean("Make it exactly w x h, distorted if need be.", "false"),
    )
    mask: bool = _option(
        False,  # noqa: FBT003 - the default of the field
        _boolean("Give the alpha mask alone; not together with bg_color.", "false"),
    )
    angle: float = _option(
        0.0,
        OptionInfo(
            help="Rotation, counter-clockwise.",
            parse=parse_angle,
            kind="number",
            minimum=-MAX_ANGLE,
            maximum=MAX_ANGLE,
            unit="degrees",
            api_default="0",
        ),
    )
    expand: bool = _option(
        True,  # noqa: FBT003 - the default of the field
        _boolean("Grow the canvas, so that a rotated picture is not cropped.", "true"),
    )
    bg_color: str | None = _option(
        None,
        OptionInfo(
            help="Solid background: #RGB, #RGBA, #RRGGBB, #RRGGBBAA or a named color.",
            parse=parse_color,
            kind="color",
            api_default="transparent",
        ),
    )

    def __post_init__(self) -> None:
        """Check the values and bring them into their one form."""
        values, errors = parse_options({name: getattr(self, name) for name in OPTIONS})
        if errors:
            raise ValidationError(errors=errors)
        for name, value in values.items():
            object.__setattr__(self, name, value)


OPTIONS: Mapping[str, OptionInfo] = {
    option.name: option.metadata["option"] for option in fields(Options)
}
"""Name and declaration of each option, in the order of the API's table."""

DEFAULTS: Mapping[str, object] = {
    option.name: option.default for option in fields(Options) if option.default is not MISSING
}


def parse_options(raw: Mapping[str, object]) -> tuple[dict[str, object], tuple[FieldError, ...]]:
    """Values and errors of a mapping from anywhere: keywords, a form, a file.

    None stands for "not given".

    Returns:
        The good values by name, and an error for each bad one, rules between options included.
    """
    values: dict[str, object] = {}
    errors: list[FieldError] = []
    for name, value in raw.items():
        info = OPTIONS.get(name)
        if info is None:
            known = ", ".join(OPTIONS)
            errors.append(messages.UNKNOWN_OPTION.on(name, option=name, options=known))
        elif value is None:
            values[name] = DEFAULTS[name]
        else:
            try:
                values[name] = info.parse(name, value)
            except OptionProblem as problem:
                errors.append(problem.error)
    if values.get("mask") and values.get("bg_color"):
        errors.append(messages.MASK_AND_COLOR.on("mask"))
    return values, tuple(errors)


def merge_raw(
    options: Options | Mapping[str, object] | None, changes: Mapping[str, object]
) -> dict[str, object]:
    """Options from both places as a plain mapping, unchecked; the changes win."""
    if isinstance(options, Options):
        options = {name: getattr(options, name) for name in OPTIONS}
    return {**(options or {}), **changes}


def checked(raw: Mapping[str, object]) -> Options:
    """Options of a mapping from anywhere.

    Raises:
        ValidationError: With one error for each bad value, and for names that are no options.
    """
    values, errors = parse_options(raw)
    if errors:
        raise ValidationError(errors=errors)
    return Options(**values)  # type: ignore[arg-type]  # parsed by name just above


def form_fields(options: Options) -> dict[str, str]:
    """The API's form fields for what differs from the defaults, as text.

    ``parse_options`` reads them back to equal options.
    """
    return {
        name: format_value(value)
        for name in OPTIONS
        if (value := getattr(options, name)) != DEFAULTS[name]
    }
