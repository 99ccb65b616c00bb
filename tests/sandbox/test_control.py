"""Who may ask and set things under ``/_sandbox/``."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
from starlette.requests import Request

from rembg_plugins.sandbox import control
from rembg_plugins.sandbox.refusal import Refusal


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", ""]
)
@pytest.mark.parametrize("path", ["calls", "faults"])
def test_a_name_that_only_leads_here_is_refused(sandbox, host, path):
    headers = {"Host": host.format(port=sandbox.address[1])}
    response = sandbox.get(f"/_sandbox/{path}", headers=headers)
    assert response.status_code == 403
    assert "/_sandbox/ answers this machine alone" in response.json()["error"]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost", "http://127.0.0.1:1"]
)
@pytest.mark.parametrize("what", ["reset", "faults", "accounts"])
def test_a_page_of_another_site_is_refused_and_changes_nothing(sandbox, origin, what):
    sandbox.fault("never")
    body = {"kind": "never", "key": "sandbox-key"}
    assert sandbox.control(what, body, headers={"Origin": origin}).status_code == 403
    assert len(sandbox.get("/_sandbox/faults").json()["faults"]) == 1


def test_a_page_of_the_sandboxs_own_is_let_in(sandbox):
    headers = {"Origin": sandbox.url}
    assert sandbox.control("reset", headers=headers).status_code == 200


@pytest.mark.parametrize(("peer", "admitted"), [("192.0.2.1", False), ("127.0.0.1", True)])
def test_another_machine_is_refused_though_it_knows_the_name(peer, admitted):
    scope = {"type": "http", "client": (peer, 5), "headers": [(b"host", b"127.0.0.1")]}
    let_in = control._only_from_here(Request(scope))
    expected = contextlib.nullcontext() if admitted else pytest.raises(Refusal)
    with expected:
        asyncio.run(let_in)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"key": "live-key"},
        {"key": "sandbox-key", "prepaid": -1},
        {"key": "sandbox-key", "included": "many"},
        {"key": "sandbox-key", "credit": 1},
    ],
)
def test_a_bad_change_of_an_account_is_refused(sandbox, change):
    response = sandbox.control("accounts", change)
    assert response.status_code == 422
    assert response.json()["status"] == 422


def test_the_rest_of_the_api_is_there_for_everyone(sandbox, picture):
    headers = {"Origin": "https://a-shop.example", "Host": "rembg.test"}
    assert sandbox.post(picture, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "host", ["[", "evil@127.0.0.1", "127.0.0.1/x", "127.0.0.1#x", "127.0.0.1:x", "[::1", "::1"]
)
def test_a_host_that_is_no_plain_name_is_refused(sandbox, host):
    assert sandbox.get("/_sandbox/calls", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("host", ["LOCALHOST", "localhost:80", "[::1]:5", "127.0.0.1"])
def test_every_name_of_this_machine_is_let_in(sandbox, host):
    assert sandbox.get("/_sandbox/calls", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://[", "https://{host}", "http://{host}/", "file://"])
def test_an_origin_must_be_the_sandboxs_own_to_the_letter(sandbox, origin):
    headers = {"Origin": origin.format(host=sandbox.url.removeprefix("http://"))}
    assert sandbox.get("/_sandbox/calls", headers=headers).status_code == 403


def test_a_stranger_is_refused_before_a_body_is_read(sandbox):
    response = sandbox.control("faults", headers={"Host": "evil.example"}, data=b"{{{")
    assert response.status_code == 403


@pytest.mark.parametrize("body", [b"{{{", b"[" * 100_000, b"\xff", b"", b'"' + b"x" * 2**20 + b'"'])
@pytest.mark.parametrize("what", ["faults", "accounts"])
def test_a_body_that_cannot_be_read_is_refused(sandbox, what, body):
    response = sandbox.session.post(f"{sandbox.url}/_sandbox/{what}", data=body, timeout=60)
    assert response.status_code == 422
    assert response.json()["error"].startswith("the body is ")


NESTED = {}
for _ in range(200):
    NESTED = {"a": NESTED}
UNSENDABLE = [
    {"body": "\ud800"},
    {"body": NESTED},
    {"body": {"a": float("nan")}},
    {"headers": {"X": "a\r\nY: b"}},
    {"headers": {"X": "\u20ac"}},
    {"headers": {"": "x"}},
    {"headers": {"X y": "x"}},
    {"headers": {"content-LENGTH": "5"}},
    {"kind": "redirect", "status": 100},
    {"kind": "redirect", "status": 302, "location": "http://a\r\nX: y"},
    {"kind": "redirect", "status": 302, "location": "http://\u20ac"},
    {"kind": "length", "difference": 10**30},
    {"times": 10**9},
    {"error": "too_wide"},
]


@pytest.mark.parametrize("members", UNSENDABLE, ids=repr)
def test_a_fault_that_could_not_be_sent_is_refused_and_not_queued(sandbox, members):
    fault = {"kind": "status", "status": 500, **members}
    response = sandbox.session.post(
        f"{sandbox.url}/_sandbox/faults", data=json.dumps([{"kind": "never"}, fault]), timeout=60
    )
    assert response.status_code == 422
    assert len(response.content) < 1000
    assert sandbox.get("/_sandbox/faults").json() == {"faults": []}


@pytest.mark.parametrize(
    "change",
    [
        {"membership": "\ud800"},
        {"membership": "x" * 101},
        {"key": "sandbox-" + "x" * 100},
        {"key": "sandbox-\u00e4"},
        {"subscribed_unix": 10**18},
        {"subscribed_unix": 4_000_000_000},
    ],
    ids=repr,
)
def test_a_change_that_would_spoil_an_account_is_refused(sandbox, change):
    assert sandbox.control("accounts", {"key": "sandbox-key", **change}).status_code == 422
    assert sandbox.get("/api/membership-usage").status_code == 200


def test_a_live_key_in_the_wrong_place_is_not_repeated(sandbox):
    response = sandbox.control("accounts", {"key": "live-0123456789", "prepaid": 1})
    assert response.status_code == 422
    assert response.json()["field"] == "key"
    assert "live-0123456789" not in response.text


def test_text_that_is_no_text_spoils_no_list(sandbox, picture):
    body = (
        b'--b\r\nContent-Disposition: form-data; name="bg_color"\r\n\r\n+2AA-\r\n'
        b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    )
    response = sandbox.session.post(
        f"{sandbox.url}/rmbg",
        data=body + picture + b"\r\n--b--\r\n",
        headers={
            "x-api-key": "sandbox-key",
            "Content-Type": "multipart/form-data; boundary=b; charset=utf-7",
        },
        timeout=60,
    )
    assert (response.status_code, response.json()["field"]) == (400, "bg_color")
    assert sandbox.calls[0]["fields"]["bg_color"].startswith("\\ud8")


def test_a_key_of_any_length_is_kept_short_and_unknown(sandbox, picture):
    response = sandbox.post(picture, key="sandbox-" + "x" * 5000)
    assert response.status_code == 401
    assert len(sandbox.calls[0]["account"]) == 100


def test_of_a_query_only_the_known_parameters_are_kept(sandbox):
    sandbox.get("/api/membership-usage", month="3", **{f"x{number}": "y" for number in range(99)})
    assert sandbox.calls[0]["fields"] == {"month": "3"}
