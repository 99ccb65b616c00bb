"""JSON schemas of what travels to and from the API, made of what the core declares.

For the OpenAPI document, hence in the words of its version 3.0.
Source of the shapes: API reference, "Parameters", "Error Responses" and "Membership usage".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rembg_plugins.core.limits import MAX_BYTES
from rembg_plugins.core.messages import ALLOWED_EXTENSIONS, ALLOWED_FORMATS, SEVERAL
from rembg_plugins.core.option_values import MAX_SIDE
from rembg_plugins.core.options import DEFAULT_FORMAT, DEFAULTS, OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rembg_plugins.core.errors import FieldError
    from rembg_plugins.core.options import OptionInfo
    from rembg_plugins.core.usage_query import ParameterInfo

Json = dict[str, Any]
"""An object of JSON."""

MEDIA_TYPES = tuple(
    f"image/{kind.lower()}" for kind in sorted(ALLOWED_FORMATS, key=DEFAULT_FORMAT.__ne__)
)
"""What an answer may be; the API's default first."""

_TYPES = {"choice": "string", "color": "string"}
_USAGE: tuple[tuple[str, object, str], ...] = (
    ("membership", "Premium-20000", "Label of the plan."),
    ("credits", 18_500, "Included credits of a billing period."),
    ("prepaidCredits", 2_000, "Bought credits that are left; they are never reset."),
    ("app_usage", 8_500, "Credits spent in the app in the month or period asked for."),
    ("api_usage", 10_000, "Credits spent through the API in the month or period asked for."),
)
_COUNTED: tuple[tuple[str, object, str], ...] = (
    ("periodStartUnix", 1_740_441_600, "Start of the period, in Unix seconds."),
    ("periodEndUnix", 1_743_033_599, "Last second before the next renewal, in Unix seconds."),
    ("appUsage", 4_200, "Credits spent in the app."),
    ("apiUsage", 5_100, "Credits spent through the API."),
)
_CYCLE: tuple[tuple[str, object, str], ...] = (
    *_COUNTED,
    ("includedCredits", 18_500, "Included credits of the period."),
    ("prepaidCredits", 2_000, "Bought credits that are left; they are never reset."),
    ("usedIncludedCredits", 9_300, "appUsage + apiUsage; prepaid use is not in it."),
    ("remainingIncludedCredits", 9_200, "Included credits that are left, at least 0."),
    ("stripeBillingSynced", True, "false: the period is the calendar month in UTC."),
)
_JSON_TYPES = {bool: "boolean", int: "integer", str: "string"}


def schemas() -> Json:
    """The schemas that the document refers to, by name."""
    return {
        "Removal": _removal(),
        "Error": _error(),
        "Errors": _errors(),
        "MembershipUsage": _with_cycle(),
        "BillingCycle": _object_of(_CYCLE),
        "BillingCycles": _cycles(),
    }


def option_schema(name: str, info: OptionInfo) -> Json:
    """The schema of one form field of a removal."""
    schema: Json = {"type": _TYPES.get(info.kind, info.kind), "description": _described(info)}
    if info.choices:
        schema["enum"] = list(info.choices)
    if info.minimum is not None and info.maximum is not None:
        # 0 is no size, and yet it may be sent: it stands for "not given".
        zero = info.kind == "integer" and info.parse(name, 0) is None
        schema["minimum"] = 0 if zero else _whole(info.minimum)
        schema["maximum"] = _whole(info.maximum)
        schema["description"] += " 0 means: not given." if zero else ""
    default = info.api_default if info.choices else DEFAULTS[name]
    if default is not None:
        schema["default"] = _whole(default) if isinstance(default, float) else default
    return schema


def parameter_schema(info: ParameterInfo) -> Json:
    """The schema of one parameter of the membership usage."""
    if info.kind == "flags":
        return {"type": "array", "items": {"type": "string", "enum": list(info.choices)}}
    schema: Json = {"type": info.kind}
    if info.minimum is not None:
        schema["minimum"] = info.minimum
    if info.maximum is not None:
        schema["maximum"] = info.maximum
    return schema


def reference(name: str) -> Json:
    """What points to one of the schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


def error_body(status: int, errors: Iterable[FieldError]) -> Json:
    """The JSON of an error answer: one shape for a single problem, another for several."""
    first, *others = errors
    if not others:
        return {"error": first.message, "field": first.field, "status": status}
    details = [{"field": error.field, "message": error.message} for error in (first, *others)]
    return {"error": SEVERAL, "details": details, "status": status}


def _removal() -> Json:
    extensions = ", ".join(ALLOWED_EXTENSIONS)
    image = {
        "type": "string",
        "format": "binary",
        "description": (
            f"The picture, with a file name ({extensions}); at most {MAX_BYTES // 2**20} MB, "
            f"{MAX_SIDE} px wide and {MAX_SIDE} px tall."
        ),
    }
    ignored = {
        "type": "boolean",
        "description": "Sent by some clients; the answer is the encoded picture all the same.",
    }
    fields = {name: option_schema(name, info) for name, info in OPTIONS.items()}
    return {
        "type": "object",
        "required": ["image"],
        "properties": {"image": image, **fields, "return_base64": ignored},
    }


def _described(info: OptionInfo) -> str:
    unit = f" In {info.unit}." if info.unit else ""
    plain = info.kind in {"integer", "color"}  # a schema's default says it of the others
    return f"{info.help}{unit}{f' Default: {info.api_default}.' if plain else ''}"


def _error() -> Json:
    return {
        "type": "object",
        "required": ["error", "status"],
        "properties": {"error": _text("What is wrong."), "field": _field(), "status": _status()},
    }


def _errors() -> Json:
    detail = {
        "type": "object",
        "required": ["field", "message"],
        "properties": {"field": _field(), "message": _text("What is wrong with it.")},
    }
    details = {"type": "array", "items": detail}
    return {
        "type": "object",
        "required": ["error", "details", "status"],
        "properties": {
            "error": {"type": "string", "enum": [SEVERAL]},
            "details": details,
            "status": _status(),
        },
    }


def _field() -> Json:
    return {**_text("The field; null where it is about the whole call."), "nullable": True}


def _status() -> Json:
    return {"type": "integer", "description": "The HTTP status once more."}


def _with_cycle() -> Json:
    usage = _object_of(_USAGE)
    usage["properties"]["billingCycle"] = reference("BillingCycle")
    return usage


def _cycles() -> Json:
    return {
        "type": "object",
        "required": ["billingCycles"],
        "properties": {
            "billingCycles": {
                "type": "array",
                "description": "Newest first.",
                "items": _object_of(_COUNTED),
            }
        },
    }


def _object_of(members: tuple[tuple[str, object, str], ...]) -> Json:
    """An object whose members are all there; it may get more at any time."""
    return {
        "type": "object",
        "required": [name for name, _, _ in members],
        "properties": {
            name: {"type": _JSON_TYPES[type(example)], "example": example, "description": text}
            for name, example, text in members
        },
    }


def _text(description: str) -> Json:
    return {"type": "string", "description": description}


def _whole(number: float) -> float:
    return int(number) if float(number).is_integer() else number
