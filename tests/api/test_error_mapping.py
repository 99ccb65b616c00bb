from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rembg_plugins.api.error_mapping import map_response
from rembg_plugins.core import errors

CONTRACT = json.loads((Path(__file__).parents[1] / "contract" / "errors.json").read_text())
ROWS = CONTRACT["rows"]
KEY = "sk-0123456789abcdef"

CLASS_OF_ROW = {
    "Email not verified": errors.EmailNotVerifiedError,
    "Invalid API key": errors.AuthenticationError,
    "Both API key and user token sent": errors.ConflictingCredentialsError,
    "Rate limit exceeded (short-term)": errors.RateLimitError,
    "Rate limit exceeded (daily, anonymous)": errors.DailyQuotaError,
    "Rate limit exceeded (monthly, authenticated)": errors.MonthlyQuotaError,
}
CODE_OF_ROW = {
    "No image provided": "missing",
    "No file selected": "no_file",
    "Unsupported file type": "unsupported_type",
    "Corrupt image": "bad_signature",
    "Empty file (0 bytes)": "empty",
    "File too large": "too_large",
    "Image too wide": "too_wide",
    "Image too tall": "too_tall",
    "Bad w or h value": "not_integer",
    "w or h out of range": "too_small",
    "w or h above max": "too_big",
    "Bad angle": "not_number",
    "Angle out of range": "out_of_range",
    "Bad output format": "bad_format",
    "Bad bg_color": "bad_color",
    "mask + bg_color conflict": "mask_and_color",
}


def respond(status, body, headers=None, **known):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return map_response(status, headers or {}, body, **known)


@pytest.mark.parametrize("row", ROWS, ids=[row["scenario"] for row in ROWS])
def test_each_documented_row_has_its_class_its_text_and_its_field(row):
    body = {"error": row["message"], "status": row["status"]}
    if row["field"]:
        body["field"] = row["field"]
    error = respond(row["status"], body)
    assert type(error) is CLASS_OF_ROW.get(row["scenario"], errors.InvalidRequestError)
    assert str(error) == row["message"]
    assert (error.status, error.sent, error.billed) == (row["status"], "all", False)
    found = [(each.field, each.message, each.code) for each in error.errors]
    code = CODE_OF_ROW.get(row["scenario"])
    assert found == ([(row["field"], row["message"], code)] if row["field"] else [])
    assert pickle.loads(pickle.dumps(error)).errors == error.errors  # noqa: S301 - our own


def test_the_documented_single_error():
    error = respond(400, CONTRACT["body_single"])
    assert isinstance(error, errors.ValidationError)
    assert [(each.field, each.code) for each in error.errors] == [("image", "too_wide")]


def test_several_errors_at_once_are_all_there():
    error = respond(400, CONTRACT["body_multiple"])
    assert type(error) is errors.InvalidRequestError
    details = CONTRACT["body_multiple"]["details"]
    assert [(each.field, each.message) for each in error.errors] == [
        (detail["field"], detail["message"]) for detail in details
    ]
    assert [each.code for each in error.errors] == ["not_integer", "out_of_range"]
    assert str(error) == "'w' must be an integer, got: 'abc'. " + details[1]["message"] + "."


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        (300, errors.EndpointError), (301, errors.EndpointError), (304, errors.EndpointError),
        (308, errors.EndpointError), (400, errors.BadRequestError),
        (401, errors.AuthenticationError), (402, errors.PaymentRequiredError),
        (403, errors.PermissionDeniedError), (404, errors.EndpointError),
        (405, errors.EndpointError), (407, errors.ConnectionSetupError),
        (408, errors.APIStatusError), (413, errors.RequestTooLargeError),
        (418, errors.APIStatusError), (422, errors.BadRequestError),
        (429, errors.RateLimitError), (500, errors.InternalServerError),
        (502, errors.InternalServerError), (503, errors.InternalServerError),
        (504, errors.InternalServerError), (599, errors.InternalServerError),
        (600, errors.APIStatusError),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html><head><title>Oh no</title></head></html>", b"plain words", b"{", b"null",
        b'"text"', b"[1]", b'{"error": 5}', b'{"error": {"a": 1}}', b"\xff\xfe\x00",
        b'{"error": "a wording that nobody knows", "status": 200}', b"[" * 3000, b'{"details": []}',
        b'{"details": "x"}', b'{"details": [1, null, {"field": 3}, {"message": "m"}]}',
    ],
)  # fmt: skip
def test_unknown_bodies_have_the_class_of_their_status(status, cls, body):
    error = respond(status, body)
    assert type(error) is cls
    assert str(error)
    assert error.status == status
    assert error.errors == ()


def test_an_unknown_wording_with_a_field_is_still_a_field_error():
    error = respond(400, {"error": "w is odd", "field": "w"})
    assert type(error) is errors.InvalidRequestError
    assert error.errors == (errors.FieldError(field="w", message="w is odd", code="invalid"),)


@pytest.mark.parametrize(
    ("status", "sent", "billed"),
    [
        (301, "all", False), (400, "all", False), (429, "part", False), (404, "nothing", False),
        (500, "nothing", False), (500, "part", None), (502, "all", None), (503, "all", False),
        (600, "all", False),
    ],
)  # fmt: skip
def test_what_is_known_of_the_credit(status, sent, billed):
    error = respond(status, b"", sent=sent)
    assert (error.sent, error.billed) == (sent, billed)


@pytest.mark.parametrize(
    ("status", "text", "final"),
    [
        (402, "x", True), (407, "x", True), (429, "daily limit", True),
        (429, "monthly limit", True), (429, "slow down", False), (400, "daily limit", False),
        (401, "x", False), (413, "x", False), (500, "x", False), (503, "x", False),
    ],
)  # fmt: skip
def test_what_cannot_succeed_now_is_final(status, text, final):
    assert respond(status, {"error": text}).final is final


def test_a_page_of_a_proxy_is_told_by_its_title():
    error = respond(502, b"<!DOCTYPE html>\n<title>502 Bad &amp; ugly</title><h1>nginx</h1>")
    assert str(error) == "The API answered 502: 502 Bad & ugly"
    assert str(respond(504, b"upstream timed\n out")) == "The API answered 504: upstream timed out"
    assert str(respond(503, b"")) == "The API answered 503."


def test_a_message_is_one_printable_line_of_bounded_length():
    error = respond(400, {"error": "a\x1b[31m\r\nb" + "c" * 5000})
    assert str(error).isprintable()
    assert len(str(error)) == 300
    assert str(error).startswith("a [31m b")


def test_two_kilobytes_of_the_body_are_kept():
    error = respond(502, b"x" * 5000, {"content-type": "text/plain"})
    assert error.response.body == "x" * 2048
    assert error.response.content_type == "text/plain"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("45", 45), ("45s", 45), ("Wed, 21 Oct 2026 07:28:30 GMT", 30), ("soon", None), ("-3", None)],
)
def test_retry_after_reaches_the_error(value, expected):
    now = datetime(2026, 10, 21, 7, 28, tzinfo=UTC)
    error = respond(429, b"", {"retry-after": value}, now=now)
    assert error.response.retry_after == expected


@pytest.mark.parametrize(
    "echo",
    [
        '{{"error": "bad key {key}", "status": 401}}',
        '{{"error": "x", "field": "{key}", "details": [{{"field": "{key}", "message": "{key}"}}]}}',
        '{{"details": [{{"field": "w", "message": "got {key}"}}]}}',
        "<html><title>x-api-key: {key}</title></html>",
        "plain {key}",
        "far" + "." * 2040 + "{key}",  # it would be cut in two
    ],
)
@pytest.mark.parametrize("status", [302, 400, 401, 407, 502])
def test_a_key_in_an_error_body_is_masked(echo, status):
    body = echo.format(key=KEY).encode()
    headers = {"Content-Type": f"text/plain; {KEY}", "Location": KEY, "Retry-After": KEY}
    error = map_response(status, headers, body, secrets=[KEY])
    shown = f"{error!s}{error!r}{error.errors}{error.response}{vars(error)}".encode()
    shown += pickle.dumps(error)
    assert b"sk-0123" not in shown
    assert KEY.encode() in pickle.dumps(map_response(status, headers, body))
