from __future__ import annotations

import base64
import gc
import gzip
import io
import json
import random
import threading
import warnings

import pytest
from api.server import answer, head, raw_answer
from PIL import Image

from rembg_plugins.core import errors


def test_a_large_answer_arrives_whole(serve, connect, request_):
    file = io.BytesIO()
    image = Image.frombytes("RGB", (1500, 1000), random.Random(2).randbytes(4_500_000))
    image.save(file, "BMP")
    server = serve(answer(200, file.getvalue()))
    sink = io.BytesIO()
    result = connect(server.url).remove(request_, sink=sink)
    assert result.content == sink.getvalue() == file.getvalue()


def test_a_chunked_answer_leaves_its_connection_usable(serve, connect, request_, picture):
    def script(exchange):
        exchange.read_body()
        size = f"{len(picture):x}".encode()
        chunk = size + b"\r\n" + picture + b"\r\n0\r\n\r\n"
        exchange.send(head(200, {"Transfer-Encoding": "chunked"}) + chunk)

    server = serve(script)
    client = connect(server.url)
    assert [client.remove(request_).content for _ in range(3)] == [picture] * 3
    assert server.connections == 1


@pytest.mark.parametrize("stray", ["chunked", "length"])
def test_a_gzip_answer_is_unpacked(serve, connect, request_, picture, stray):
    packed = gzip.compress(picture)
    if stray == "length":
        script = answer(200, packed, {"Content-Encoding": "gzip"})
    else:
        top = head(200, {"Content-Encoding": "gzip", "Transfer-Encoding": "chunked"})
        chunks = b"".join(
            b"%x\r\n%b\r\n" % (len(packed[i : i + 7]), packed[i : i + 7])
            for i in range(0, len(packed), 7)
        )
        script = raw_answer(top + chunks + b"0\r\n\r\n")
    sink = io.BytesIO()
    result = connect(serve(script).url).remove(request_, sink=sink)
    assert result.content == sink.getvalue() == picture


def test_a_broken_gzip_answer_is_paid_and_kept(serve, connect, request_):
    server = serve(answer(200, b"no gzip at all", {"Content-Encoding": "gzip"}))
    with pytest.raises(errors.APIResponseError) as caught:
        connect(server.url).remove(request_)
    assert (caught.value.status, caught.value.billed) == (200, True)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda packed: packed,
        lambda packed: b"\n" + packed[:9] + b"\r\n" + packed[9:] + b"\n",
        lambda packed: packed.rstrip(b"="),
        lambda packed: packed.replace(b"+", b"-").replace(b"/", b"_"),
        lambda packed: b"data:image/png;base64," + packed,
        lambda packed: b"data:image/webp;charset=utf-8;base64," + packed,
        lambda packed: b'"' + packed + b'"',
        lambda packed: b'{"image": "' + packed + b'", "status": 200}',
        lambda packed: b'{"data": {"result": ["data:image/png;base64,' + packed + b'"]}}',
        lambda packed: b'\xef\xbb\xbf{"error": null, "b": "x", "c": "' + packed + b'"}',
    ],
    ids=[
        "base64", "lines", "unpadded", "url alphabet", "data URL", "data URL with parameters",
        "JSON string", "JSON", "nested JSON", "JSON with a byte order mark",
    ],
)  # fmt: skip
def test_a_picture_in_text_is_taken_out(serve, connect, request_, picture, wrap):
    text = wrap(base64.b64encode(picture))
    sink = io.BytesIO()
    server = serve(answer(200, text, {"Content-Type": "text/plain"}))
    assert connect(server.url).remove(request_, sink=sink).content == picture
    assert sink.getvalue() == text


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (b"<html><title>Please log in</title></html>", "text/html", "Please log in"),
        (b"Out of order", "text/plain", "Out of order"),
        (b"", "image/png", "nothing at all"),
        (b'{"error": "Try later", "status": 200}', "application/json", "Try later"),
        (b'{"image": "aGVsbG8="}', "application/json", "application/json"),
        (b"%PDF-1.7 ...", "image/png", "image/png"),
        (b"[" * 5000, "application/json", "application/json"),
        (b"data:image/png;base64,####", "text/plain", "data:"),
    ],
    ids=["HTML", "text", "empty", "JSON", "JSON without picture", "PDF", "deep JSON", "data URL"],
)
def test_a_200_without_a_picture_is_refused_and_kept(serve, connect, request_, body, kind, said):
    sink = io.BytesIO()
    server = serve(answer(200, body, {"Content-Type": kind}))
    with pytest.raises(errors.NotAnImageError, match=said) as caught:
        connect(server.url).remove(request_, sink=sink)
    error = caught.value
    assert (error.sent, error.billed, error.final) == ("all", True, False)
    assert error.result.content == sink.getvalue() == body
    assert (error.response.status, error.response.content_type) == (200, kind)
    assert error.response.body == body.decode()[:2048]


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize("framing", ["length", "chunked", "bad chunk size"])
def test_a_200_that_breaks_off_is_paid_and_kept(serve, connect, request_, picture, framing, then):
    part = picture[:50]
    if framing == "length":
        data = head(200, {"Content-Length": str(len(picture))}) + part
    else:
        data = head(200, {"Transfer-Encoding": "chunked"}) + b"32\r\n" + part + b"\r\n"
        data += b"zz\r\n" if framing == "bad chunk size" else b"40\r\nabc"
    received = threading.Event()

    def script(exchange):
        exchange.read_body()
        exchange.send(data)
        received.wait(10)  # a reset may throw away what was not read yet
        getattr(exchange, then)()

    class Sink(io.BytesIO):
        def write(self, piece):
            written = super().write(piece)
            if self.tell() >= len(part):
                received.set()
            return written

    sink = Sink()
    with pytest.raises(errors.NotAnImageError) as caught:
        connect(serve(script).url).remove(request_, sink=sink)
    error = caught.value
    assert (error.sent, error.billed, error.status, error.final) == ("all", True, 200, False)
    assert error.result.content.startswith(part)
    assert error.result.content == sink.getvalue()
    assert error.__cause__ is not None


def test_a_timeout_within_a_200_is_paid(serve, connect, request_, picture):
    def script(exchange):
        exchange.read_body()
        exchange.send(head(200, {"Content-Length": str(len(picture))}) + picture[:50])
        exchange.server.released.wait(10)

    client = connect(serve(script).url, read_timeout_s=0.1)
    with pytest.raises(errors.APITimeoutError) as caught:
        client.remove(request_)
    error = caught.value
    assert (error.status, error.billed, error.sent) == (200, True, "all")
    assert error.result.content == picture[:50]


def test_an_answer_without_end_is_given_up(serve, connect, request_, picture):
    server = serve(answer(200, picture + bytes(5000)))
    sink = io.BytesIO()
    client = connect(server.url, longest_answer=1000)
    with pytest.raises(errors.APIResponseError, match="1000 bytes") as caught:
        client.remove(request_, sink=sink)
    assert caught.value.billed is True
    assert caught.value.result.content[:1000] == (picture + bytes(5000))[:1000]


def test_a_gzip_bomb_is_given_up(serve, connect, request_):
    server = serve(answer(200, gzip.compress(bytes(50_000_000)), {"Content-Encoding": "gzip"}))
    with pytest.raises(errors.APIResponseError, match="longer than") as caught:
        connect(server.url, longest_answer=1_000_000).remove(request_)
    assert len(caught.value.result.content) < 2_000_000


def test_a_content_length_below_the_truth_gives_the_short_part(serve, connect, request_, picture):
    data = head(200, {"Content-Length": str(len(picture) - 20)}) + picture
    client = connect(serve(raw_answer(data)).url)
    assert client.remove(request_).content == picture[:-20]  # check_result sees that it has no end


def test_contradicting_lengths_are_an_error(serve, connect, request_, picture):
    data = head(200, {"Content-Length": "5, 7"}) + picture
    with pytest.raises(errors.APIError) as caught:
        connect(serve(raw_answer(data)).url).remove(request_)
    assert (caught.value.sent, caught.value.billed) == ("all", None)
    del caught
    with warnings.catch_warnings():
        # urllib3 2.8 leaves this one socket to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_no_http_at_all_is_an_error(serve, connect, request_):
    with pytest.raises(errors.APIConnectionError) as caught:
        connect(serve(raw_answer(b"SSH-2.0-OpenSSH_9\r\n")).url).remove(request_)
    assert (caught.value.sent, caught.value.billed) == ("all", None)


class TestSink:
    @pytest.mark.parametrize("status", [302, 400, 500])
    def test_it_gets_nothing_of_an_error(self, serve, connect, request_, status):
        sink = io.BytesIO()
        with pytest.raises(errors.APIStatusError):
            connect(serve(answer(status, b"body")).url).remove(request_, sink=sink)
        assert sink.getvalue() == b""

    def test_its_failure_does_not_lose_the_answer(self, serve, connect, request_, picture):
        class Full(io.BytesIO):
            def write(self, piece):
                raise OSError(28, "No space left on device")

        client = connect(serve(answer(200, picture)).url)
        with pytest.raises(errors.APIResponseError, match="No space left") as caught:
            client.remove(request_, sink=Full())
        assert caught.value.result.content == picture
        assert (caught.value.billed, caught.value.status) == (True, 200)

    def test_a_raw_file_that_takes_little_gets_all(self, serve, connect, request_, picture):
        class Narrow(io.BytesIO):
            def write(self, piece):
                return super().write(piece[:7])

        sink = Narrow()
        connect(serve(answer(200, picture)).url).remove(request_, sink=sink)
        assert sink.getvalue() == picture

    def test_one_that_takes_nothing_does_not_hang(self, serve, connect, request_, picture):
        class Stuck(io.BytesIO):
            def write(self, piece):
                return 0

        client = connect(serve(answer(200, picture)).url)
        with pytest.raises(errors.APIResponseError, match="takes no more"):
            client.remove(request_, sink=Stuck())


def test_a_report_that_breaks_off_still_has_its_status(serve, connect, request_):
    body = json.dumps({"error": "invalid api key", "status": 401}).encode()
    data = head(401, {"Content-Length": str(len(body) + 10)}) + body
    with pytest.raises(errors.AuthenticationError, match="invalid api key"):
        connect(serve(raw_answer(data)).url).remove(request_)


def test_a_report_without_end_is_not_read_to_its_end(serve, connect, request_):
    sent = []

    def script(exchange):
        exchange.read_body()
        exchange.send(head(500))
        while not exchange.closed:
            try:
                exchange.send(b"x" * 65536)
                sent.append(1)
            except OSError:
                exchange.close()

    with pytest.raises(errors.InternalServerError):
        connect(serve(script).url).remove(request_)
    assert len(sent) < 1000
