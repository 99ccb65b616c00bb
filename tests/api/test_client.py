from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from api.server import PICTURE_TYPE, answer, head, parse_multipart
from PIL import Image

from rembg_plugins.core import errors
from rembg_plugins.core.validation import validate


def test_the_answer_is_passed_on_untouched(serve, connect, request_, picture):
    server = serve(answer(200, picture, PICTURE_TYPE))
    result = connect(server.url).remove(request_)
    assert result.content == picture
    assert (result.format, result.size, result.engine) == ("PNG", (12, 8), "api")
    assert (result.sent, result.billed) == ("all", True)


def test_connections_are_kept_and_used_again(serve, connect, request_, picture):
    server = serve(answer(200, picture))
    client = connect(server.url)
    for _ in range(5):
        client.remove(request_)
    assert [request.connection for request in server.requests] == [1] * 5


def test_an_error_leaves_its_connection_usable(serve, connect, request_):
    server = serve(answer(400, b'{"error": "no", "status": 400}'))
    client = connect(server.url)
    for _ in range(3):
        with pytest.raises(errors.BadRequestError, match=r"^no$"):
            client.remove(request_)
    assert server.connections == 1


@pytest.mark.parametrize(
    "arguments", [{"url": 5}, {"api_key": b"s3cret"}, {"api_key": None, "user_token": b"s3cret"}]
)
def test_what_is_no_text_is_refused_unseen(connect, arguments):
    with pytest.raises(errors.ConfigurationError, match="must be text, not of type") as caught:
        connect(**{"url": "https://api.example/rmbg", **arguments})
    assert "s3cret" not in str(caught.value)


def test_sixteen_threads_share_a_client(serve, connect):
    def script(exchange):
        exchange.read_body()
        sent = parse_multipart(exchange.request)[-1][1]  # each gets its own picture back
        exchange.send(head(200, {"Content-Length": str(len(sent))}) + sent)

    client = connect(serve(script).url)

    def run(number):
        file = io.BytesIO()
        Image.new("RGB", (20 + number, 9), (number, 0, 0)).save(file, "PNG")
        return client.remove(validate(file)).content == file.getvalue()

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(run, range(96)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # it has threads: the server
def test_a_child_process_opens_connections_of_its_own(serve, connect, request_, picture):
    server = serve(answer(200, picture))
    client = connect(server.url)
    client.remove(request_)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = int(client.remove(request_).content != picture)
        finally:
            os._exit(status)  # the child must not go on with the tests
    assert os.waitpid(child, 0)[1] == 0
    assert [request.connection for request in server.requests] == [1, 2]


def test_a_timeout_before_the_answer_is_in_doubt(serve, connect, request_):
    def script(exchange):
        exchange.read_body()
        exchange.server.released.wait(10)

    client = connect(serve(script).url, read_timeout_s=0.1)
    with pytest.raises(errors.APITimeoutError) as caught:
        client.remove(request_)
    error = caught.value
    assert (error.status, error.billed, error.sent, error.final) == (None, None, "all", False)


def test_no_redirect_is_followed(serve, connect, request_):
    elsewhere = serve(answer(200))
    where = elsewhere.url.replace("127.0.0.1", "localhost")
    server = serve(answer(307, b"moved", {"Location": where}))
    with pytest.raises(errors.EndpointError, match="307") as caught:
        connect(server.url).remove(request_)
    assert elsewhere.connections == 0
    assert (caught.value.billed, caught.value.final) == (False, False)


def test_the_target_of_a_redirect_is_not_even_parsed(serve, connect, request_):
    server = serve(answer(302, b"", {"Location": "http://[half"}))
    with pytest.raises(errors.EndpointError):
        connect(server.url).remove(request_)


def test_cookies_are_refused(serve, connect, request_, picture):
    server = serve(answer(200, picture, {"Set-Cookie": "session=1; Path=/"}))
    client = connect(server.url)
    client.remove(request_)
    client.remove(request_)
    assert not any("cookie" in request.headers for request in server.requests)


@pytest.mark.parametrize(
    ("credentials", "header"),
    [
        ({"api_key": "sk-1"}, {"x-api-key": "sk-1"}),
        ({"api_key": None, "user_token": "tok"}, {"authorization": "Bearer tok"}),
        ({"api_key": None}, {}),
    ],
)
def test_credentials_travel_in_their_header(
    serve, connect, request_, picture, monkeypatch, tmp_path, credentials, header
):
    netrc = tmp_path / "netrc"  # must not be looked at
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(answer(200, picture))
    client = connect(server.url, **credentials)
    client.remove(request_)
    found = server.requests[0].headers
    assert {name: found[name] for name in ("x-api-key", "authorization") if name in found} == header
    assert client.anonymous is (not header)


def test_retry_after_is_read_by_the_clock_given(serve, connect, request_):
    from datetime import UTC, datetime

    server = serve(answer(429, b"", {"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT"}))
    client = connect(server.url, now=lambda: datetime(2026, 10, 21, 7, 28, tzinfo=UTC))
    with pytest.raises(errors.RateLimitError) as caught:
        client.remove(request_)
    assert caught.value.response.retry_after == 30
