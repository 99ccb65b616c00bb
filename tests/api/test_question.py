"""What questions have in common; the account's and the document's own tests have the rest."""

from __future__ import annotations

import threading

import pytest
from api.server import Exchange, head

from rembg_plugins.api.question import Asker
from rembg_plugins.api.route import find_route
from rembg_plugins.core import errors


def asker(url, **changes):
    settings = {
        "secrets": ("s3cret-key",),
        "timeouts": (20, 20),
        "longest": 100,
        "setting": "THE_URL",
    }
    return Asker(route=find_route(url), **{**settings, **changes})


def answering(status, body, **headers):
    def script(exchange: Exchange):
        exchange.send(head(status, {"Content-Length": str(len(body)), **headers}) + body)

    return script


def test_a_question_carries_its_parameters_and_headers_and_no_body(serve):
    server = serve(answering(200, b"{}"))
    response, content = asker(server.url).ask({"a": "b c"}, {"x-api-key": "s3cret-key"})
    assert (response.status_code, content) == (200, b"{}")
    (request,) = server.requests
    assert request.line == "GET /rmbg?a=b+c HTTP/1.1"
    assert request.headers["x-api-key"] == "s3cret-key"
    assert "content-length" not in request.headers


@pytest.mark.parametrize("length", [100, 101])
def test_an_answer_has_at_most_so_many_bytes(serve, length):
    ask = asker(serve(answering(200, b"x" * length)).url).ask
    if length <= 100:
        assert ask({}, {})[1] == b"x" * length
        return
    with pytest.raises(errors.APIResponseError, match=r"longer than 100 bytes. Check THE_URL"):
        ask({}, {})


@pytest.mark.parametrize(("status", "cls"), [(404, "EndpointError"), (500, "InternalServerError")])
def test_a_refusal_is_mapped_costs_nothing_and_hides_the_secret(serve, status, cls):
    server = serve(answering(status, b'{"error": "no s3cret-key"}'))
    with pytest.raises(getattr(errors, cls)) as caught:
        asker(server.url).ask({}, {})
    error = caught.value
    assert (error.sent, error.billed, error.status) == ("nothing", False, status)
    assert "s3cret-key" not in str(error) + error.response.body
    assert ("THE_URL" in str(error)) == (status == 404)


class Drip:
    """An answer byte by byte: one for each look at its clock, on which 1 s has passed then."""

    def __init__(self, beginning, rest):
        self.now = 0
        self.sent = 0
        self._beginning = beginning
        self._rest = rest
        self._looked = threading.Semaphore(0)

    def clock(self):
        self.now += 1
        self._looked.release()
        return self.now

    def script(self, exchange):
        exchange.send(self._beginning)
        for position in range(len(self._rest)):
            self._looked.acquire(timeout=0.02)  # nobody looks where nobody keeps the time
            exchange.send(self._rest[position : position + 1])
            self.sent += 1


HEADERS = head(200, {"X-Long": "x" * 400, "Content-Length": "0"})
CHUNKS = head(200, {"Transfer-Encoding": "chunked"}) + b"190\r\n" + b"x" * 400 + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("beginning", "rest", "cls"),
    [
        (b"", HEADERS, "APITimeoutError"),
        (head(100) * 3, head(100) * 20 + HEADERS, "APITimeoutError"),
        (head(200, {"Content-Length": "400"}), b"x" * 400, "APITimeoutError"),
        (head(200), b"x" * 400, "APITimeoutError"),
        (CHUNKS[:60], CHUNKS[60:], "APITimeoutError"),
        (head(400, {"Content-Length": "400"}), b"x" * 400, "BadRequestError"),
        (head(429, {"Content-Length": "400"}), b"x" * 400, "RateLimitError"),
        (head(500), b"x" * 400, "InternalServerError"),
    ],
    ids=["headers", "100", "length", "no length", "chunks", "400", "429", "500"],
)
def test_what_comes_byte_by_byte_is_given_up_in_time(serve, beginning, rest, cls):
    drip = Drip(beginning, rest)
    server = serve(drip.script)
    with pytest.raises(getattr(errors, cls)) as caught:
        asker(server.url, clock=drip.clock, timeouts=(20, 30), longest=1000).ask({}, {})
    assert (caught.value.sent, caught.value.billed) == ("nothing", False)
    assert drip.now <= 32
    assert drip.sent < 300


def test_a_proxy_that_answers_byte_by_byte_is_given_up_in_time(serve, monkeypatch):
    drip = Drip(b"HTTP/1.1 200 ", b"x" * 400 + b"\r\n\r\n")
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{serve(drip.script).port}")
    with pytest.raises(errors.APIError) as caught:
        asker("https://api.example/", clock=drip.clock, timeouts=(20, 30)).ask({}, {})
    assert (caught.value.sent, caught.value.billed) == ("nothing", False)
    assert drip.sent < 300


def test_an_answer_through_tls_is_timed_too(serve, tls, certificate, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    drip = Drip(head(200, {"Content-Length": "400", "Connection": "close"}), b"x" * 400)
    with pytest.raises(errors.APITimeoutError, match="did not come to an end in 30 s"):
        asker(serve(drip.script, context=tls).url, clock=drip.clock, timeouts=(20, 30)).ask({}, {})


def test_the_secret_is_not_in_the_repr():
    assert "s3cret" not in repr(asker("https://api.example/usage"))
