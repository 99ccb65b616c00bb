from __future__ import annotations

import io
import os
import random
import socket

import pytest
from api.conftest import KEY
from api.server import answer, head, parse_multipart
from PIL import Image

from rembg_plugins.core import errors
from rembg_plugins.core.validation import validate


def test_the_upload_is_a_form_of_known_length(serve, connect, picture):
    server = serve(answer(200, picture))
    options = {"w": 40, "exact_resize": True, "angle": 12.5, "bg_color": "red", "format": "webp"}
    connect(server.url).remove(validate(picture, name="my cat.png", **options))
    (request,) = server.requests
    assert request.line == "POST /rmbg HTTP/1.1"
    assert request.headers["content-length"] == str(len(request.body))
    assert "transfer-encoding" not in request.headers
    assert request.headers["x-api-key"] == KEY
    assert request.headers["user-agent"].startswith("rembg-plugins/")
    parts = parse_multipart(request)
    assert [content for _, content in parts] == [
        b"WEBP", b"40", b"true", b"12.5", b"red", picture,
    ]  # fmt: skip
    names = ["format", "w", "exact_resize", "angle", "bg_color"]
    assert [part["Content-Disposition"] for part, _ in parts[:-1]] == [
        f'form-data; name="{name}"' for name in names
    ]
    assert parts[-1][0] == {
        "Content-Disposition": 'form-data; name="image"; filename="my cat.png"',
        "Content-Type": "image/png",
    }


def test_only_what_the_caller_set_is_sent(serve, connect, picture):
    server = serve(answer(200, picture))
    connect(server.url).remove(validate(picture))
    assert len(parse_multipart(server.requests[0])) == 1


def test_a_large_upload_arrives_whole(serve, connect, tmp_path, picture):
    path = tmp_path / "large.bmp"
    Image.frombytes("RGB", (1500, 1000), random.Random(1).randbytes(4_500_000)).save(path)
    server = serve(answer(200, picture))
    connect(server.url).remove(validate(path))
    assert parse_multipart(server.requests[0])[-1][1] == path.read_bytes()


def test_a_refused_connection_has_sent_nothing(connect, request_):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(errors.APIConnectionError, match="refused") as caught:
        connect(f"http://127.0.0.1:{port}/rmbg").remove(request_)
    error = caught.value
    assert type(error) is errors.APIConnectionError
    assert (error.sent, error.billed, error.final, error.response) == (
        "nothing",
        False,
        False,
        None,
    )


@pytest.mark.parametrize("when", ["before", "in", "after"])
def test_a_reset_is_in_doubt_once_bytes_have_left(serve, connect, large, when):
    def script(exchange):
        whole = int(exchange.request.headers["content-length"])
        exchange.read({"before": 0, "in": 1_000_000, "after": whole}[when])
        exchange.reset()

    with pytest.raises(errors.APIConnectionError) as caught:
        connect(serve(script).url).remove(large)
    error = caught.value
    assert error.sent == {"before": "part", "in": "part", "after": "all"}[when]
    assert (error.billed, error.final, error.status) == (None, False, None)


def test_an_early_refusal_is_read_while_uploading(serve, connect, large):
    """nginx does so: it answers, then reads and throws away what still comes."""

    def script(exchange):
        exchange.send(head(413, {"Connection": "close", "Content-Length": "0"}))
        exchange.sock.shutdown(socket.SHUT_WR)
        while exchange.read(65536):
            pass
        exchange.close()

    with pytest.raises(errors.RequestTooLargeError) as caught:
        connect(serve(script).url).remove(large)
    assert caught.value.billed is False


def test_an_early_refusal_is_read_although_the_connection_breaks(serve, connect, large):
    def script(exchange):
        exchange.send(head(413, {"Content-Length": "3"}) + b"no!")
        exchange.sock.shutdown(socket.SHUT_RDWR)
        exchange.close()

    with pytest.raises(errors.APIError) as caught:
        connect(serve(script).url).remove(large)
    error = caught.value
    assert isinstance(error, errors.RequestTooLargeError | errors.APIConnectionError)
    assert error.sent == "part"


class TestSource:
    def test_it_is_closed_and_was_not_opened_for_a_refused_connection(
        self, serve, connect, picture, tmp_path
    ):
        path = tmp_path / "a.png"
        path.write_bytes(picture)
        request = validate(path)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        path.unlink()  # opening it would be a ValidationError
        with pytest.raises(errors.APIConnectionError):
            connect(f"http://127.0.0.1:{port}/").remove(request)

    def test_one_that_has_changed_cancels_the_upload(self, serve, connect, tmp_path, picture):
        path = tmp_path / "a.png"
        path.write_bytes(picture)
        request = validate(path)
        path.write_bytes(picture[:-5])
        client = connect(serve(answer(200, picture)).url)
        with pytest.raises(errors.ValidationError, match="changed") as caught:
            client.remove(request)
        assert (caught.value.sent, caught.value.final) == ("nothing", True)

    def test_one_that_shrinks_while_it_is_sent_cancels_the_upload(
        self, serve, connect, tmp_path, picture
    ):
        path = tmp_path / "a.bmp"
        Image.new("RGB", (2000, 1000)).save(path)
        request = validate(path)

        def shrink(event):
            os.truncate(path, 1_000_000)

        client = connect(serve(answer(200, picture)).url)
        with pytest.raises(errors.ValidationError, match="changed") as caught:
            client.remove(request, on_progress=shrink)
        error = caught.value
        assert (error.sent, error.billed, error.final) == ("part", None, True)

    def test_each_attempt_reads_it_anew(self, serve, connect, picture):
        server = serve(answer(503))
        client = connect(server.url)
        request = validate(io.BytesIO(picture))
        for _ in range(2):
            with pytest.raises(errors.InternalServerError):
                client.remove(request)
        assert [parse_multipart(each)[-1][1] for each in server.requests] == [picture] * 2
