"""The OpenAPI document of the RemBG API, as this package understands it.

Made of what the core declares: options, limits, messages, the question for the usage. The
sandbox serves it, and the contract check compares the hosted API's own with it.
Source: API reference, "Parameters", "Error Reference" and "Membership usage".
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from rembg_plugins import __version__
from rembg_plugins.api.schemas import (
    MEDIA_TYPES,
    Json,
    error_body,
    parameter_schema,
    reference,
    schemas,
)
from rembg_plugins.core import messages
from rembg_plugins.core.errors import FieldError, ValidationError
from rembg_plugins.core.limits import MAX_BYTES, check_bounds, too_large
from rembg_plugins.core.option_values import MAX_SIDE
from rembg_plugins.core.options import checked
from rembg_plugins.core.usage_query import USAGE_PARAMETERS, parse_usage_query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rembg_plugins.core.messages import Message

REMOVAL_PATH = "/rmbg"
USAGE_PATH = "/api/membership-usage"
DOCUMENT_PATH = "/api/openapi"

_KEY, _TOKEN = "apiKey", "userToken"
_FAILED = "The server failed, or a proxy before it; nobody knows whether a credit was spent."
_BAD_OPTIONS: tuple[Mapping[str, object], ...] = (
    {"format": "gif"},
    {"w": "abc"},
    {"w": -5},
    {"w": MAX_SIDE + 5_000},
    {"angle": "ninety"},
    {"angle": 500},
    {"bg_color": "#12345"},
    {"mask": True, "bg_color": "red"},
)
_SEVERAL: Mapping[str, object] = {"w": "abc", "angle": 500}


def document() -> Json:
    """The whole document, of OpenAPI 3.0.3: a new object each time, ready for JSON."""
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "RemBG API",
            "version": __version__,
            "description": "Removes the background of pictures, as rembg-plugins knows the API.",
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": "Removal", "description": "One call, one picture, one credit."},
            {"name": "Account", "description": "What was used, and what is left."},
        ],
        "paths": {REMOVAL_PATH: {"post": _removal()}, USAGE_PATH: {"get": _usage()}},
        "components": {"schemas": schemas(), "securitySchemes": _security_schemes()},
    }


def _removal() -> Json:
    return {
        "operationId": "removeBackground",
        "tags": ["Removal"],
        "summary": "Remove the background of a picture",
        "description": (
            "Send a picture, get its subject on a transparent ground, or on a color of yours. "
            "Send an API key or a user token, never both; without them it works within "
            "narrow limits."
        ),
        "security": [{_KEY: []}, {_TOKEN: []}, {}],
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": reference("Removal")}},
        },
        "responses": {
            "200": _picture(),
            "400": _bad_request(_mistakes_of_all_kinds(), _mistakes(checked, _SEVERAL)),
            **_refusals(),
            "402": _refusal("There are no credits left.", 402),
            "408": _refusal("The request did not come to its end in time.", 408),
            "413": _of_a_proxy("The request is too large; nothing was spent.", 413),
            "5XX": _of_a_proxy(_FAILED, 500),
        },
    }


def _usage() -> Json:
    wrong = _mistakes(parse_usage_query, {"year": 2026, "periodStartUnix": 0})
    several = _mistakes(parse_usage_query, {"year": "soon", "month": 13})
    either = [reference("MembershipUsage"), reference("BillingCycles")]
    return {
        "operationId": "membershipUsage",
        "tags": ["Account"],
        "summary": "Ask for the credits that were used, and those that are left",
        "description": (
            "Of a calendar month in UTC, or of a billing period. Costs nothing. Send an API key: "
            "a user token does not do."
        ),
        "security": [{_KEY: []}],
        "parameters": [_parameter(name) for name in USAGE_PARAMETERS],
        "responses": {
            "200": {
                "description": "The usage; with listBillingCycles, the list of periods.",
                "content": {"application/json": {"schema": {"anyOf": either}}},
            },
            "400": _bad_request(wrong, several),
            **_refusals(),
            "5XX": _of_a_proxy("The server failed, or a proxy before it.", 500),
        },
    }


def _parameter(name: str) -> Json:
    info = USAGE_PARAMETERS[name]
    parameter: Json = {
        "name": name,
        "in": "query",
        "description": info.help,
        "schema": parameter_schema(info),
    }
    if info.kind == "flags":
        parameter |= {"style": "form", "explode": False}  # names with commas between
    return parameter


def _security_schemes() -> Json:
    return {
        _KEY: {
            "type": "apiKey",
            "in": "header",
            "name": "x-api-key",
            "description": "The API key of an account.",
        },
        _TOKEN: {
            "type": "http",
            "scheme": "bearer",
            "description": "A user token, in place of a key.",
        },
    }


def _picture() -> Json:
    binary = {"type": "string", "format": "binary"}
    return {
        "description": "The picture, encoded as `format` asks for; a credit was spent.",
        "content": {kind: {"schema": binary} for kind in MEDIA_TYPES},
    }


def _mistakes_of_all_kinds() -> list[FieldError]:
    """What can be wrong with a picture or an option, as the checks themselves say it."""
    return [
        messages.NO_IMAGE.on("image"),
        messages.NO_FILE.on("image"),
        messages.EMPTY.on("image"),
        messages.UNSUPPORTED_TYPE.on("image", extension=".exe"),
        messages.BAD_SIGNATURE.on("image"),
        too_large(MAX_BYTES + 5 * 2**20),
        *check_bounds(MAX_SIDE + 2_000, MAX_SIDE + 5_000),
        *(error for options in _BAD_OPTIONS for error in _mistakes(checked, options)),
        messages.CONFLICTING_CREDENTIALS.on(None),
    ]


def _mistakes(
    check: Callable[[Mapping[str, object]], object], raw: Mapping[str, object]
) -> tuple[FieldError, ...]:
    """What a check says of values that are wrong."""
    try:
        check(raw)
    except ValidationError as error:
        return error.errors
    return ()


def _bad_request(single: Iterable[FieldError], several: Iterable[FieldError]) -> Json:
    """A mistake of the caller's: one problem, or several at once."""
    examples = {error.code: {"value": error_body(400, [error])} for error in single}
    examples["several"] = {"value": error_body(400, several)}
    schema = {"anyOf": [reference("Error"), reference("Errors")]}
    return {
        "description": "Something is wrong with the request; nothing was spent.",
        "content": {"application/json": {"schema": schema, "examples": examples}},
    }


def _refusals() -> Json:
    """What any call with a key may be answered."""
    limits = (messages.RATE_LIMIT, messages.DAILY_LIMIT, messages.MONTHLY_LIMIT)
    too_many = _refusal("Too many calls: just now, today or this month.", 429, limits)
    too_many["headers"] = {
        "Retry-After": {
            "description": "When to try again: in seconds (`45` or `45s`), or a date.",
            "schema": {"type": "string"},
            "example": "45s",
        }
    }
    return {
        "401": _refusal("The key or token is not known.", 401, [messages.INVALID_KEY]),
        "403": _refusal("The account may not do that.", 403, [messages.EMAIL_NOT_VERIFIED]),
        "429": too_many,
    }


def _refusal(description: str, status: int, known: Iterable[Message] = ()) -> Json:
    content: Json = {"schema": reference("Error")}
    errors = [message.on(None) for message in known]
    if errors:
        content["examples"] = {
            error.code: {"value": error_body(status, [error])} for error in errors
        }
    else:  # no wording is documented
        error = FieldError(field=None, message=HTTPStatus(status).phrase, code="")
        content["example"] = error_body(status, [error])
    return {"description": description, "content": {"application/json": content}}


def _of_a_proxy(description: str, status: int) -> Json:
    """An answer that may come from before the API: then it is a page."""
    answer = _refusal(description, status)
    answer["content"]["text/html"] = {"schema": {"type": "string"}}
    return answer
