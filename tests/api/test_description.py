from __future__ import annotations

import itertools
import json

import pytest
from api.server import answer, head, raw_answer

from rembg_plugins.api.contract import our_contract
from rembg_plugins.api.description import LONGEST_DOCUMENT, description_url, fetch_contract
from rembg_plugins.api.openapi import document
from rembg_plugins.core import errors

JSON = {"Content-Type": "application/json"}
OURS = json.dumps(document()).encode()


def fetch(server, **settings):
    times = {"connect_timeout_s": 10, "read_timeout_s": 20, **settings}
    return fetch_contract(description_url(server.url), **times)


@pytest.mark.parametrize(
    ("usage_url", "url"),
    [
        ("https://www.rembg.com/api/membership-usage", "https://www.rembg.com/api/openapi"),
        ("http://127.0.0.1:8010/x?a=b#c", "http://127.0.0.1:8010/api/openapi"),
        ("https://[::1]:8443", "https://[::1]:8443/api/openapi"),
    ],
)
def test_it_is_beside_the_usage(usage_url, url):
    assert description_url(usage_url) == url


@pytest.mark.parametrize(
    "usage_url", ["", "www.rembg.com", "http://www.rembg.com/a", "http://[::1", "https://u:pw@x/a"]
)
def test_a_url_that_cannot_be_used_is_named_by_its_setting(usage_url):
    with pytest.raises(errors.ConfigurationError, match="^REMBG_MEMBERSHIP_USAGE_URL ") as caught:
        description_url(usage_url)
    assert "pw" not in str(caught.value)


def test_it_is_asked_for_once_and_without_any_key(serve, monkeypatch):
    monkeypatch.setenv("REMBG_API_KEY", "sk-0123456789abcdef")
    server = serve(answer(200, OURS, JSON))
    assert fetch(server) == our_contract()
    [request] = server.requests
    assert request.line == "GET /api/openapi HTTP/1.1"
    assert not {"x-api-key", "authorization", "cookie"} & request.headers.keys()
    assert request.body == b""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_is_read_in_its_encodings(serve, encoding):
    text = json.dumps(document(), ensure_ascii=False).encode(encoding)
    assert fetch(serve(answer(200, text))) == our_contract()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "it is no JSON"),
        (b"<!doctype html>", "it is no JSON"),
        (b"openapi: 3.0.0", "it is no JSON"),
        (OURS[:-1], "it is no JSON"),
        (b"\xff\xfe\xfd", "it is no JSON"),
        (b"[" * 200_000, "it is no JSON"),
        (b'{"openapi": ' + b"9" * 5000 + b"}", "it is no JSON"),
        (b"[]", "it is no OpenAPI document"),
        (b'{"swagger": "2.0", "paths": {}}', "it is of version 2.0"),
    ],
    ids=lambda value: str(value[:20]),
)
def test_something_else_is_an_error_that_names_url_and_setting(serve, body, reason):
    server = serve(answer(200, body, JSON))
    with pytest.raises(errors.APIResponseError) as caught:
        fetch(server)
    text = str(caught.value)
    assert text.startswith(f"{description_url(server.url)} gives no OpenAPI document: {reason}")
    assert text.endswith("Check REMBG_MEMBERSHIP_USAGE_URL.")
    assert (caught.value.sent, caught.value.billed) == ("nothing", False)


def test_it_is_not_read_past_its_limit(serve):
    server = serve(answer(200, b" " * (LONGEST_DOCUMENT + 1)))
    with pytest.raises(errors.APIResponseError, match="longer than 2097152 bytes"):
        fetch(server)


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        (302, errors.EndpointError),
        (401, errors.AuthenticationError),
        (404, errors.EndpointError),
        (503, errors.InternalServerError),
    ],
)
def test_a_refusal_is_the_mapped_error_and_cost_nothing(serve, status, cls):
    server = serve(answer(status, b"", {"Location": "https://elsewhere.example/"}))
    with pytest.raises(cls) as caught:
        fetch(server)
    assert (caught.value.sent, caught.value.billed) == ("nothing", False)
    assert len(server.requests) == 1
    if cls is errors.EndpointError:
        assert "check REMBG_MEMBERSHIP_USAGE_URL" in str(caught.value)


def test_a_connection_that_breaks_is_the_mapped_error(serve):
    server = serve(raw_answer(head(200, {"Content-Length": "1000"}) + OURS[:500], then="reset"))
    with pytest.raises(errors.APIConnectionError) as caught:
        fetch(server)
    assert caught.value.billed is False


def test_nobody_there_is_the_mapped_error(serve):
    server = serve(answer(200))
    url = description_url(server.url)
    server.__exit__()
    with pytest.raises(errors.APIConnectionError):
        fetch_contract(url, connect_timeout_s=10, read_timeout_s=20)


def test_an_answer_that_drips_is_given_up(serve):
    late = itertools.count(step=30)  # s: each look at the clock is past the time-out of 20 s
    server = serve(answer(200, OURS, JSON))
    with pytest.raises(errors.APITimeoutError, match="did not answer in time"):
        fetch(server, clock=lambda: next(late))
