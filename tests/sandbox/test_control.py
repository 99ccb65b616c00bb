"""Who may ask and set things under ``/_sandbox/``."""

from __future__ import annotations

import asyncio
import contextlib

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
