"""Every documented error, row by row."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import pytest

from rembg_plugins.core.limits import MAX_BYTES

TABLE = json.loads(
    (Path(__file__).parents[1] / "contract" / "errors.json").read_text(encoding="utf-8")
)
ROWS = {row["scenario"]: row for row in TABLE["rows"]}


def png_of(width, height):
    """A PNG's beginning that says it is so large."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


PNG = png_of(40, 30)
CALLS = {
    "No image provided": {"picture": None, "format": "png"},
    "No file selected": {"picture": b"", "name": ""},
    "Unsupported file type": {"picture": b"MZ\x90\0", "name": "setup.exe"},
    "Corrupt image": {"picture": b"no picture at all"},
    "Empty file (0 bytes)": {"picture": b""},
    "File too large": {"picture": PNG + bytes(int(55.2 * 2**20) - len(PNG))},
    "Image too wide": {"picture": png_of(12_000, 30)},
    "Image too tall": {"picture": png_of(30, 15_000)},
    "Bad w or h value": {"w": "abc"},
    "w or h out of range": {"w": "-5"},
    "w or h above max": {"w": "15000"},
    "Bad angle": {"angle": "ninety"},
    "Angle out of range": {"angle": "500"},
    "Bad output format": {"format": "gif"},
    "Bad bg_color": {"bg_color": "#12345"},
    "mask + bg_color conflict": {"mask": "true", "bg_color": "red"},
    "Email not verified": {"key": "sandbox-key-unverified"},
    "Invalid API key": {"key": "sandbox-key-unknown"},
    "Both API key and user token sent": {"headers": {"Authorization": "Bearer sandbox-token"}},
    "Rate limit exceeded (short-term)": {"key": "sandbox-key-busy"},
    "Rate limit exceeded (daily, anonymous)": {"key": None},
    "Rate limit exceeded (monthly, authenticated)": {"key": "sandbox-key-empty"},
}


@pytest.mark.parametrize("scenario", ROWS)
def test_each_documented_error_is_answered_word_for_word(start, picture, scenario):
    row = ROWS[scenario]
    sandbox = start(anonymous_a_day=0)
    response = sandbox.post(**{"picture": picture, **CALLS[scenario]})
    assert response.status_code == row["status"]
    assert response.headers["content-type"] == "application/json"
    expected = {"error": row["message"], "field": row["field"], "status": row["status"]}
    assert response.json() == expected
    assert sandbox.calls[0]["billed"] is False
    assert sandbox.calls[0]["status"] == row["status"]


def test_the_calls_above_are_of_the_rows_in_the_table():
    assert CALLS.keys() == ROWS.keys()


def test_several_errors_come_as_details(sandbox, picture):
    response = sandbox.post(picture, w="abc", angle="500")
    assert response.status_code == 400
    assert response.json() == TABLE["body_multiple"]


def test_h_has_the_same_rules_as_w(sandbox, picture):
    body = sandbox.post(picture, h="15000").json()
    assert body == {"error": "'h' must be at most 10000, got: 15000", "field": "h", "status": 400}


def test_the_busy_key_says_when_to_come_back(sandbox, picture):
    assert sandbox.post(picture, key="sandbox-key-busy").headers["retry-after"] == "45s"


@pytest.mark.parametrize(
    ("name", "said"), [("cat.exe", "'.exe'"), ("blob", "''"), ("cat.png.gif", "'.gif'")]
)
def test_a_picture_under_a_name_that_the_api_does_not_take_is_refused(sandbox, picture, name, said):
    response = sandbox.post(picture, name=name)
    assert response.status_code == 400
    assert response.json()["error"].startswith(f"File type {said} is not supported.")


def test_a_key_that_is_no_test_key_is_unknown_and_kept_nowhere(sandbox, picture):
    response = sandbox.post(picture, key="live-0123456789")
    assert (response.status_code, response.json()["error"]) == (401, "invalid api key")
    assert "0123456789" not in sandbox.get("/_sandbox/calls").text
    assert sandbox.calls[0]["account"] == "unknown"


def test_a_damaged_picture_costs_nothing(sandbox, picture):
    response = sandbox.post(picture[:60])
    assert response.status_code == 400
    assert response.json()["field"] == "image"
    assert sandbox.calls[0]["billed"] is False
    usage = sandbox.get("/api/membership-usage").json()
    assert usage["api_usage"] == 0


def test_what_is_no_form_has_no_picture(sandbox):
    for media_type in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        response = sandbox.session.post(
            f"{sandbox.url}/rmbg",
            data=b"{}",
            headers={"x-api-key": "sandbox-key", "Content-Type": media_type},
            timeout=60,
        )
        assert response.json()["error"] == ROWS["No image provided"]["message"]


@pytest.mark.parametrize(
    "media_type", ["multipart/form-data", "multipart/form-data; boundary=other"]
)
def test_a_form_that_cannot_be_read_is_refused_with_the_reason(sandbox, media_type):
    response = sandbox.session.post(
        f"{sandbox.url}/rmbg",
        data=b"--here\r\nbroken",
        headers={"x-api-key": "sandbox-key", "Content-Type": media_type},
        timeout=60,
    )
    assert response.status_code == 400
    assert response.json()["error"].startswith("The form cannot be read: ")


def test_paths_and_methods_that_are_not_there_are_answered_in_the_same_shape(sandbox):
    missing = sandbox.get("/rmbg2")
    assert missing.status_code == 404
    assert missing.json() == {"error": "Not Found: GET /rmbg2", "field": None, "status": 404}
    wrong = sandbox.get("/rmbg")
    assert wrong.status_code == 405
    assert wrong.headers["allow"] == "POST"
    assert wrong.json()["status"] == 405


def test_the_limit_is_the_one_of_the_validation_layer(sandbox, picture):
    fits = picture + bytes(MAX_BYTES - len(picture))
    assert sandbox.post(fits).status_code == 200
    response = sandbox.post(fits + b"\0")
    assert response.status_code == 400
    assert response.json()["error"] == (
        "File size (50.1 MB) exceeds the maximum allowed size of 50 MB."
    )
