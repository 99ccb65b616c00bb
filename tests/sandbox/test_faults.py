"""What goes wrong on demand, as a client meets it."""

from __future__ import annotations

import base64
import gzip
import io
import socket

import pytest
import requests
import urllib3
from PIL import Image

from rembg_plugins.core import messages

KINDS_THAT_LOSE_THE_ANSWER = [
    ("cut", {}, requests.exceptions.ChunkedEncodingError),
    ("cut", {"after": 0}, requests.exceptions.ChunkedEncodingError),
    ("length", {"difference": 100}, requests.exceptions.ChunkedEncodingError),
    ("reset", {"when": "after"}, requests.exceptions.ConnectionError),
]


def is_picture(response):
    return Image.open(io.BytesIO(response.content)).size == (40, 30)


@pytest.mark.parametrize(
    ("members", "status", "kind", "text"),
    [
        ({"status": 502}, 502, "text/html; charset=utf-8", "502 Bad Gateway"),
        ({"status": 413, "body": "too much"}, 413, "text/html; charset=utf-8", "too much"),
        ({"status": 402, "body": {"error": "pay"}}, 402, "application/json", '{"error": "pay"}'),
        ({"status": 503, "body": []}, 503, "application/json", "[]"),
    ],
)
def test_a_status_comes_with_its_body(sandbox, picture, members, status, kind, text):
    sandbox.fault("status", **members)
    response = sandbox.post(picture)
    assert (response.status_code, response.headers["content-type"]) == (status, kind)
    assert text in response.text
    assert sandbox.calls[0]["billed"] is False
    assert sandbox.calls[0]["fault"] == "status"
    assert is_picture(sandbox.post(picture))


@pytest.mark.parametrize("code", ["rate_limit", "daily_limit", "monthly_limit", "invalid_key"])
def test_a_documented_error_can_be_asked_for_by_its_code(sandbox, picture, code):
    sandbox.fault("status", status=429, error=code, headers={"Retry-After": "45s"})
    response = sandbox.post(picture)
    (message,) = [value for value in vars(messages).values() if getattr(value, "code", "") == code]
    assert response.json() == {"error": message.text, "field": None, "status": 429}
    assert response.headers["retry-after"] == "45s"


def test_a_fault_hits_so_many_calls_and_the_next_fault_those_after(sandbox, picture):
    sandbox.control(
        "faults",
        [{"kind": "status", "status": 500, "times": 2}, {"kind": "status", "status": 504}],
    )
    assert [sandbox.post(picture).status_code for _ in range(4)] == [500, 500, 504, 200]


def test_the_faults_that_wait_are_listed(sandbox, picture):
    sandbox.fault("status", status=500, times=3)
    sandbox.post(picture)
    (waiting,) = sandbox.get("/_sandbox/faults").json()["faults"]
    assert waiting == {"kind": "status", "status": 500, "times": 2}


def test_a_status_may_be_billed_all_the_same(sandbox, picture):
    sandbox.fault("status", status=502, billed=True)
    assert sandbox.post(picture).status_code == 502
    assert sandbox.calls[0]["billed"] is True
    assert sandbox.get("/api/membership-usage").json()["api_usage"] == 1


def test_a_picture_may_be_given_away(sandbox, picture):
    sandbox.fault("wait", seconds=0, billed=False)
    assert is_picture(sandbox.post(picture))
    assert sandbox.calls[0]["billed"] is False
    assert sandbox.get("/api/membership-usage").json()["api_usage"] == 0


def test_an_answer_can_be_waited_for(sandbox, picture):
    sandbox.fault("wait", seconds=30)
    assert is_picture(sandbox.post(picture))
    assert sandbox.slept == [30]


def test_an_answer_can_come_byte_by_byte(sandbox, picture):
    sandbox.fault("slow")
    response = sandbox.post(picture, format="png")
    assert is_picture(response)
    assert sandbox.slept == [1.0] * len(response.content)
    sandbox.slept.clear()
    sandbox.fault("slow", bytes_per_second=1000)
    response = sandbox.post(picture, format="png")
    assert sum(sandbox.slept) == pytest.approx(len(response.content) / 1000, abs=0.06)


@pytest.mark.parametrize(("kind", "members", "error"), KINDS_THAT_LOSE_THE_ANSWER)
def test_an_answer_that_is_lost_on_its_way_was_billed(sandbox, picture, kind, members, error):
    sandbox.fault(kind, **members)
    with pytest.raises(error):
        sandbox.post(picture)
    (call,) = sandbox.calls
    assert (call["status"], call["billed"], call["fault"]) == (None, True, kind)
    assert is_picture(sandbox.post(picture))


def test_half_of_the_answer_comes_before_it_is_cut(sandbox, picture):
    whole = sandbox.post(picture, format="png").content
    for after, expected in ((None, whole[: len(whole) // 2]), (10, whole[:10])):
        sandbox.fault("cut", after=after)
        response = sandbox.stream(picture)
        assert response.headers["content-length"] == str(len(whole))
        assert response.raw.read(len(expected), decode_content=False) == expected
        with pytest.raises(urllib3.exceptions.ProtocolError):
            response.raw.read(1)


def test_an_answer_may_be_longer_than_it_says(sandbox, picture):
    whole = sandbox.post(picture, format="png").content
    sandbox.fault("length", difference=-20)
    assert sandbox.post(picture, format="png").content == whole[:-20]


@pytest.mark.parametrize("when", ["before", "in"])
def test_a_reset_before_the_body_was_read_bills_nothing(sandbox, encode, when):
    picture = encode((2000, 1500), format="BMP")
    sandbox.fault("reset", when=when)
    with pytest.raises(requests.exceptions.ConnectionError):
        sandbox.post(picture)
    (call,) = sandbox.calls
    assert (call["sha256"], call["billed"], call["fault"]) == (None, False, "reset")


def test_a_reset_is_a_reset_and_no_orderly_end(sandbox):
    sandbox.fault("reset", when="before")
    with socket.create_connection(sandbox.address, 60) as connection:
        connection.sendall(b"POST /rmbg HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


HEAD = (
    b"POST /rmbg HTTP/1.1\r\nHost: x\r\nx-api-key: sandbox-key\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n"
)
PART = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'


def test_an_answer_may_never_come_though_it_was_made(sandbox, picture):
    sandbox.fault("never")
    body = PART + picture + b"\r\n--b--\r\n"
    with socket.create_connection(sandbox.address, 60) as connection:
        connection.sendall(HEAD % len(body) + body)
        sandbox.until(lambda: sandbox.calls and sandbox.calls[0]["billed"])
        connection.settimeout(0)
        with pytest.raises(BlockingIOError):
            connection.recv(1)
        assert sandbox.calls[0]["status"] is None


@pytest.mark.parametrize("when", ["before", "in"])
def test_a_body_may_never_be_read(sandbox, when):
    sandbox.fault("never", when=when)
    with socket.create_connection(sandbox.address, 60) as connection:
        connection.sendall(HEAD % (50 * 2**20) + PART)
        sandbox.until(lambda: sandbox.calls)
        connection.settimeout(0)
        with pytest.raises(BlockingIOError):  # what lies between us takes some of it, not all
            connection.sendall(bytes(50 * 2**20))
        with pytest.raises(BlockingIOError):
            connection.recv(1)
    (call,) = sandbox.calls
    assert (call["status"], call["billed"]) == (None, False)


def test_a_redirect_leads_to_another_host(sandbox, picture):
    sandbox.fault("redirect")
    response = sandbox.session.post(
        f"{sandbox.url}/rmbg", files={"image": picture}, allow_redirects=False, timeout=60
    )
    assert response.status_code == 302
    assert response.headers["location"] == "http://elsewhere.example/rmbg"
    sandbox.fault("redirect", status=308, location="https://other.example/")
    response = sandbox.session.post(
        f"{sandbox.url}/rmbg", files={"image": picture}, allow_redirects=False, timeout=60
    )
    assert (response.status_code, response.headers["location"]) == (308, "https://other.example/")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("html", "text/html; charset=utf-8"),
        ("json", "application/json"),
        ("base64", "text/plain; charset=utf-8"),
        ("data_url", "text/plain; charset=utf-8"),
        ("empty", None),
        ("size", "image/png"),
    ],
)
def test_something_else_may_come_in_place_of_the_picture(sandbox, picture, content, kind):
    whole = sandbox.post(picture, format="png").content
    sandbox.fault("answer", content=content, width=33, height=22)
    response = sandbox.post(picture, format="png")
    assert response.status_code == 200
    assert response.headers.get("content-type") == kind
    encoded = base64.b64encode(whole)
    expected = {
        "json": b'{"result": "ok"}',
        "base64": encoded,
        "data_url": b"data:image/png;base64," + encoded,
        "empty": b"",
    }
    if content in expected:
        assert response.content == expected[content]
    elif content == "size":
        assert Image.open(io.BytesIO(response.content)).size == (33, 22)
    else:
        assert b"<title>200 OK</title>" in response.content
    assert sandbox.calls[1]["billed"] is True


def test_the_answer_may_be_packed(sandbox, picture):
    whole = sandbox.post(picture, format="png").content
    sandbox.fault("gzip")
    response = sandbox.stream(picture)
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["content-type"] == "image/png"
    assert gzip.decompress(response.raw.read(decode_content=False)) == whole


def test_a_call_that_would_be_refused_is_refused_all_the_same(sandbox, picture):
    sandbox.fault("cut")
    response = sandbox.post(picture, w="abc")
    assert (response.status_code, response.json()["field"]) == (400, "w")
    assert sandbox.calls[0]["billed"] is False


def test_the_membership_usage_can_fail_too(sandbox, picture):
    sandbox.fault("status", status=500, endpoint="/api/membership-usage")
    assert sandbox.post(picture).status_code == 200
    assert sandbox.get("/api/membership-usage").status_code == 500
    assert sandbox.get("/api/membership-usage").status_code == 200


@pytest.mark.parametrize(
    ("fault", "field", "said"),
    [
        ({"kind": "explode"}, "kind", "'explode'"),
        ({"kind": "wait", "seconds": -1}, "seconds", "-1"),
        ({"kind": "wait", "second": 1}, "second", "1"),
        ({"kind": "status", "status": 700}, None, "700"),
        ({"kind": "status"}, None, "give a status from 200 to 599"),
        ({"kind": "status", "status": 429, "error": "rate"}, None, "no error 'rate'"),
        ({"kind": "length", "difference": 0}, None, "other than 0"),
        ({"kind": "never", "endpoint": "/api/membership-usage"}, None, "redirect only"),
        ({"kind": "cut", "times": 0}, "times", "0"),
        ({}, "kind", "required"),
    ],
)
def test_a_bad_fault_is_refused_with_field_value_and_remedy(sandbox, fault, field, said):
    response = sandbox.control("faults", fault)
    assert response.status_code == 422
    body = response.json()
    found = body.get("details") or [{"field": body["field"], "message": body["error"]}]
    assert [item["field"] for item in found] == [field]
    assert said in found[0]["message"]
    assert sandbox.get("/_sandbox/faults").json() == {"faults": []}
