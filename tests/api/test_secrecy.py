"""The places where the key and the password of a proxy must not be: one test for each."""

from __future__ import annotations

import copy
import io
import json
import logging
import pickle
import traceback

import pytest
from api.server import answer, head, raw_answer

from rembg_plugins.api.client import Client
from rembg_plugins.core import errors
from rembg_plugins.engines.api import ApiEngine

KEY = "sk-7h3-53cr37-k3y/+="
PASSWORD = "pa55/word"
PARTS = ("53cr37", "pa55", "cGE1NS93b3Jk")


def assert_clean(value):
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    assert not [part for part in PARTS if part in str(value)]


def everything(error):
    """All texts that a program could print, log, send or keep of an error."""
    yield from (str(error), repr(error), error.errors, error.response, vars(error))
    yield pickle.dumps(error)
    yield "".join(traceback.format_exception(error))
    links, seen = [error], set()
    while links:
        link = links.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        yield from (str(link), repr(link), repr(link.args), repr(vars(link)))
        for name in ("request", "response", "pool", "conn"):
            assert link is error or vars(link).get(name) is None
        links += [link.__cause__, link.__context__, getattr(link, "reason", None)]
        links += [value for value in link.args if isinstance(value, BaseException)]


def echo(exchange):
    """Answers with all that it was sent, as a proxy's debugging page does."""
    exchange.read_body()
    text = repr(exchange.request.headers).encode()
    exchange.send(head(502, {"Content-Length": str(len(text)), "Content-Type": KEY}) + text)


def cut_short(exchange):
    raw_answer(head(200, {"Content-Length": "999"}) + KEY.encode())(exchange)


@pytest.mark.parametrize(
    "script",
    [
        echo,
        cut_short,
        answer(200, f"<html><title>{KEY}</title>".encode()),
        answer(200, f'{{"error": "{KEY}"}}'.encode(), {"Content-Type": KEY}),
        answer(302, b"", {"Location": f"http://evil.example/{KEY}"}),
        answer(400, f'{{"error": "{KEY}", "field": "{KEY}"}}'.encode()),
        answer(400, KEY.replace("/", "%2F").replace("+", "%2B").replace("=", "%3D").encode()),
        answer(400, f"<title>{KEY.replace('/', '&#x2F;')}</title>".encode()),
        answer(429, b"", {"Retry-After": KEY}),
        raw_answer(KEY.encode() + b"\r\n"),
        raw_answer(b"HTTP/1.1 200 OK\r\nContent-Length: " + KEY.encode() + b"\r\n\r\n"),
        lambda exchange: exchange.reset(),
    ],
    ids=[
        "echo", "cut short", "HTML 200", "JSON 200", "redirect", "field", "quoted", "escaped",
        "Retry-After", "no HTTP", "bad length", "reset",
    ],
)  # fmt: skip
@pytest.mark.parametrize("through", ["straight", "proxy"])
@pytest.mark.parametrize("kind", ["api_key", "user_token"])
def test_no_error_shows_it(serve, connect, request_, request, script, through, kind):
    if through == "proxy":
        request.getfixturevalue("tunnel")(script)
        url = request.getfixturevalue("elsewhere")
    else:
        url = serve(script).url
    client = connect(url, **{"api_key": None, kind: KEY})
    with pytest.raises(errors.APIError) as caught:
        client.remove(request_)
    for text in everything(caught.value):
        assert_clean(text)


def test_no_error_of_a_proxy_shows_its_password(serve, elsewhere, connect, request_, monkeypatch):
    def refuse(exchange):
        text = repr(exchange.request.headers)
        exchange.send(head(407, {"Content-Length": "0"}, reason=text))
        exchange.close()

    for proxy in (
        f"http://me:pa55%2Fword@127.0.0.1:{serve(refuse).port}", "http://me:pa55%2Fword@127.0.0.1:9",
        "http://me:pa55%2Fword@:port/", "http://me:pa55word@", "ftp://me:pa55word@127.0.0.1:1/",
        "socks5://me:pa55word@127.0.0.1:9", "me:pa55word@127.0.0.1:9",
    ):  # fmt: skip
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        with pytest.raises(errors.RembgError) as caught:
            connect(elsewhere, api_key=KEY).remove(request_)
        for text in everything(caught.value):
            assert_clean(text)


def test_no_repr_shows_it(connect):
    client = connect("https://api.example/rmbg", api_key=KEY)
    for value in (client, ApiEngine(client), client._authentication, client._route):
        assert_clean(repr(value) + str(value))
    assert "***" in repr(client)
    assert "***" not in repr(Client("https://api.example/rmbg"))


@pytest.mark.parametrize("preserve", [pickle.dumps, copy.copy, copy.deepcopy])
def test_what_holds_it_is_not_preserved(connect, preserve):
    client = connect("https://api.example/rmbg", api_key=KEY)
    for value in (client, client._authentication):
        with pytest.raises(TypeError, match="not picklable"):
            preserve(value)


def test_no_log_shows_it(serve, connect, request_, picture, caplog):
    caplog.set_level(logging.DEBUG)
    client = connect(serve(answer(200, picture)).url, api_key=KEY)
    client.remove(request_)
    with pytest.raises(errors.InternalServerError):
        connect(serve(echo).url, api_key=KEY).remove(request_)
    assert caplog.records  # urllib3 does log
    assert_clean(caplog.text)


def test_no_result_shows_it(serve, connect, request_, picture):
    result = connect(serve(answer(200, picture)).url, api_key=KEY).remove(request_)
    assert_clean(pickle.dumps(result))
    assert_clean(vars(result))


def test_no_request_shows_it(serve, connect, request_, picture):
    connect(serve(answer(200, picture)).url, api_key=KEY).remove(request_)
    assert_clean(repr(request_))


def test_only_the_header_carries_it(serve, connect, request_, picture):
    server = serve(answer(200, picture))
    connect(server.url, api_key=KEY).remove(request_)
    (request,) = server.requests
    assert [name for name, value in request.headers.items() if "53cr37" in value] == ["x-api-key"]
    assert_clean(request.line)
    assert_clean(request.body)


@pytest.mark.parametrize(
    "odd",
    [f"{KEY}\n", f" {KEY}", f"{KEY} ", f"{KEY}\r\nx: y", f"{KEY}é", f"{KEY}\u2603", f"a {KEY}", ""],
)
@pytest.mark.parametrize("kind", ["api_key", "user_token"])
def test_one_that_no_header_can_carry_is_refused_unseen(odd, kind):
    with pytest.raises(errors.ConfigurationError) as caught:
        Client("https://api.example/rmbg", **{kind: odd})
    for text in everything(caught.value):
        assert_clean(text)


def test_key_and_token_together_are_refused_unseen():
    with pytest.raises(errors.ConflictingCredentialsError, match="both API key and user token"):
        Client("https://api.example/rmbg", api_key=KEY, user_token=KEY)


def test_an_exception_of_the_callers_is_left_as_it_is(connect, request_):
    """Who makes a call while handling an exception keeps that exception."""
    import requests

    theirs = requests.ConnectionError(f"theirs {KEY}", request=requests.Request())
    try:
        raise theirs
    except requests.ConnectionError:
        with pytest.raises(errors.APIConnectionError):
            connect("http://127.0.0.1:9/", api_key=KEY).remove(request_, sink=io.BytesIO())
    assert theirs.request is not None
    assert KEY in str(theirs)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"error": f"bad key {KEY}"}).replace(
            KEY, "".join(f"\\u{ord(char):04x}" for char in KEY)
        ),
        "<html><title>" + "".join(f"&#{ord(char)};" for char in KEY) + "</title></html>",
    ],
    ids=["json", "html"],
)
def test_an_answer_200_that_spells_the_key_otherwise_does_not_show_it(serve, request_, body):
    server = serve(answer(200, body.encode()))
    with pytest.raises(errors.NotAnImageError) as caught:
        Client(server.url, api_key=KEY).remove(request_)
    assert KEY not in str(caught.value) + repr(caught.value)
