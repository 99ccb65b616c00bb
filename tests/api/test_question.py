"""What questions have in common; the account's and the document's own tests have the rest."""

from __future__ import annotations

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


def test_the_secret_is_not_in_the_repr():
    assert "s3cret" not in repr(asker("https://api.example/usage"))
