"""What the vendor's npm client, unedited, throws at the sandbox's errors and faults."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from sandbox.node import drawn

from rembg_plugins.sandbox.settings import Settings

ERRORS = json.loads(
    (Path(__file__).parents[1] / "contract" / "errors.json").read_text(encoding="utf-8")
)
ROWS = {row["scenario"]: row for row in ERRORS["rows"]}
CLIENT_CANNOT = {
    "No image provided": "it appends an 'image' to every form, and refuses other inputs itself",
    "No file selected": "it names bytes image.png, and a path by its last part: never empty",
    "Bad output format": "it drops every format but png and webp",
    "Both API key and user token sent": "it sends an API key, and knows no token",
}
CLIENT_CAN = {
    "Unsupported file type": {"name": "setup.exe", "data": b"MZ\x90\0"},
    "Corrupt image": {"data": b"no picture at all"},
    "Empty file (0 bytes)": {"data": b""},
    "File too large": {"name": "large.png", "data": drawn(), "length": int(55.2 * 2**20)},
    "Image too wide": {"data": drawn((12_000, 4))},
    "Image too tall": {"data": drawn((4, 15_000))},
    "Bad w or h value": {"options": {"w": "abc"}},
    "w or h out of range": {"options": {"w": -5}},
    "w or h above max": {"options": {"w": 15_000}},
    "Bad angle": {"options": {"angle": "ninety"}},
    "Angle out of range": {"options": {"angle": 500}},
    "Bad bg_color": {"options": {"bg_color": "#12345"}},
    "mask + bg_color conflict": {"options": {"returnMask": True, "bg_color": "red"}},
    "Email not verified": {"key": "sandbox-npm-unverified"},
    "Invalid API key": {"key": "sandbox-npm-unknown"},
    "Rate limit exceeded (short-term)": {"key": "sandbox-npm-busy"},
    # An empty key it refuses itself; a blank one it sends, and HTTP makes an empty one of it.
    "Rate limit exceeded (daily, anonymous)": {"key": " ", "of": Settings().anonymous_a_day + 1},
    "Rate limit exceeded (monthly, authenticated)": {"key": "sandbox-npm-empty"},
}


def test_every_documented_error_is_one_that_the_client_can_cause_or_not():
    assert CLIENT_CAN.keys() | CLIENT_CANNOT.keys() == ROWS.keys()
    assert not CLIENT_CAN.keys() & CLIENT_CANNOT.keys()


@pytest.mark.parametrize("scenario", CLIENT_CAN)
def test_a_documented_error_is_thrown_with_its_status_and_body(served, tmp_path, scenario):
    row, case = ROWS[scenario], dict(CLIENT_CAN[scenario])
    if name := case.pop("name", None):
        path = tmp_path / name
        path.write_bytes(case.pop("data"))
        if length := case.pop("length", 0):
            os.truncate(path, length)
        case["input"] = {"path": str(path)}
    outcome = served.remove(**case)
    check_thrown(outcome, row["status"], row["message"], row["field"])
    last = served.calls[-1]
    assert (last["status"], last["billed"]) == (row["status"], False)


def check_thrown(outcome, status, message, field=None):
    cross, code, body = outcome.error.split(" ", 2)
    assert (cross, code) == ("❌", str(status))
    assert json.loads(body) == {"error": message, "field": field, "status": status}
    assert len(body.encode()) == int(outcome.answers[-1]["headers"]["content-length"])


def test_several_errors_are_thrown_at_once(served):
    outcome = served.remove(options={"w": "abc", "angle": 500})
    assert outcome.error.startswith("❌ 400 ")
    assert json.loads(outcome.error[6:]) == ERRORS["body_multiple"]


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ({"key": ""}, "API key not provided"),
        ({"input": {"value": 5}}, "Invalid input type"),
        ({"input": {"value": {}}}, "Invalid input type"),
    ],
    ids=str,
)
def test_what_the_client_refuses_itself_reaches_nobody(served, case, message):
    assert message in served.remove(**case).error
    assert served.calls == []


def test_a_file_that_is_not_there_costs_nothing(served):
    """The client begins its call before it knows."""
    error = served.remove(input={"path": "/nowhere/cat.png"}).error
    assert error == "❌ ENOENT: no such file or directory, open '/nowhere/cat.png'"
    for call in served.calls:
        assert (call["sha256"], call["billed"]) == (None, False)


# What goes wrong on the way


def test_a_429_is_thrown_at_once_whatever_its_retry_after(served):
    fault = {"kind": "status", "status": 429, "error": "rate_limit"}
    served.control("faults", {**fault, "headers": {"Retry-After": "7"}})
    outcome = served.remove()
    check_thrown(outcome, 429, ROWS["Rate limit exceeded (short-term)"]["message"])
    (answer,) = outcome.answers
    assert (answer["status"], answer["headers"]["retry-after"]) == (429, "7")
    (call,) = served.calls
    assert (call["status"], call["billed"], call["fault"]) == (429, False, "status")
    assert served.remove().error is None


def test_a_page_of_a_proxy_is_thrown_as_it_is(served):
    served.control("faults", {"kind": "status", "status": 502})
    outcome = served.remove()
    assert outcome.error.startswith("❌ 502 <!doctype html><title>502 Bad Gateway</title>")
    assert outcome.answers[0]["headers"]["content-type"].startswith("text/html")


@pytest.mark.parametrize(("when", "billed"), [("before", False), ("in", False), ("after", True)])
def test_a_reset_connection_is_thrown_in_the_words_of_node(served, when, billed):
    served.control("faults", {"kind": "reset", "when": when})
    outcome = served.remove()
    assert outcome.error in {
        "❌ socket hang up",
        "❌ read ECONNRESET",
        "❌ write ECONNRESET",
        "❌ write EPIPE",
    }
    (call,) = served.calls
    assert (call["status"], call["billed"], call["fault"]) == (None, billed, "reset")


@pytest.mark.parametrize("fault", [{"kind": "cut"}, {"kind": "length", "difference": 100}])
def test_half_an_answer_is_no_picture_and_paid_for(served, fault):
    served.control("faults", fault)
    assert served.remove().result is None
    assert served.calls[0]["billed"] is True
    assert list(served.folder.iterdir()) == []


def test_a_packed_answer_is_unpacked(served):
    plain = served.remove().content
    served.control("faults", {"kind": "gzip"})
    outcome = served.remove()
    assert outcome.answers[0]["headers"]["content-encoding"] == "gzip"
    assert outcome.content == plain


def test_an_account_without_credits_looks_like_success(served):
    outcome = served.remove(drawn((920, 600)), key="sandbox-npm-shrunken")
    assert outcome.picture.size == (460, 300)
    assert [call["billed"] for call in served.calls] == [False]
