from __future__ import annotations

import io
import tracemalloc

import pytest
import requests

from rembg_plugins.api.body import BLOCK, Cancelled, MultipartBody
from rembg_plugins.api.progress import Meter
from rembg_plugins.core.errors import ValidationError
from rembg_plugins.core.source import Source

BYTES = bytes(range(256)) * 4000


def body_of(content=BYTES, fields=None):
    return MultipartBody(Source.of(content, name="a.png"), fields=fields or {})


def read_all(body, size):
    pieces = []
    while piece := body.read(size):
        pieces.append(bytes(piece))
    return pieces


@pytest.mark.parametrize("size", [1000, 4096, BLOCK, 10 * BLOCK, -1])
def test_any_size_of_block_gives_the_same_bytes(size):
    body = body_of(fields={"w": "40"})
    pieces = read_all(body, size)
    whole = b"".join(pieces)
    assert len(whole) == len(body)
    assert BYTES in whole
    limit = BLOCK if size < 0 else min(size, BLOCK)
    assert max(map(len, pieces)) == limit
    assert {len(piece) for piece in pieces[:-1]} == {limit}


def test_it_tells_how_much_was_handed_over():
    body = body_of()
    assert body.sent == "nothing"
    body.read(10)
    assert body.sent == "part"
    read_all(body, BLOCK)
    assert body.sent == "all"


def test_requests_sends_it_with_a_length_and_not_in_chunks():
    body = body_of()
    prepared = requests.Request("POST", "https://api.example/", data=body).prepare()
    assert prepared.headers["Content-Length"] == str(len(body))
    assert "Transfer-Encoding" not in prepared.headers
    assert prepared.body is body


def test_each_has_a_boundary_of_its_own():
    assert len({body_of().content_type for _ in range(20)}) == 20


def test_memory_does_not_grow_with_the_picture(tmp_path):
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(20_000_000)
    source = Source.of(path)
    tracemalloc.start()
    body = MultipartBody(source, fields={})
    while body.read(1 << 20):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    body.close()
    assert peak < 2 * BLOCK


def test_the_source_is_opened_with_the_first_byte_and_closed(monkeypatch):
    files = []

    def open_(self):
        files.append(io.BytesIO(BYTES))
        return files[-1]

    source = Source.of(BYTES, name="a.png")
    monkeypatch.setattr(Source, "open", open_)
    body = MultipartBody(source, fields={})
    assert files == []
    body.read(2000)
    body.close()
    assert [file.closed for file in files] == [True]
    unread = MultipartBody(source, fields={})
    unread.close()
    assert len(files) == 1


@pytest.mark.parametrize("problem", [BrokenPipeError(), KeyboardInterrupt(), ValueError()])
def test_what_a_listener_raises_is_kept_where_no_library_renames_it(problem):
    def stop(event):
        raise problem

    body = body_of()
    body.meter = Meter("upload", len(body), stop)
    body.read(100)
    with pytest.raises(Cancelled):
        body.read(100)
    assert body.problem is problem


@pytest.mark.parametrize("problem", [OSError(5, "Input/output error"), None])
def test_a_source_that_fails_is_a_validation_error(monkeypatch, problem):
    class Failing(io.BytesIO):
        def readinto(self, buffer):
            if self.tell() < 1000:
                return super().readinto(buffer[:1000])
            if problem is None:
                return 0
            raise problem

    monkeypatch.setattr(Source, "open", lambda self: Failing(BYTES))
    body = body_of()
    with pytest.raises(Cancelled):
        body.read(BLOCK)
    assert isinstance(body.problem, ValidationError)
    assert body.problem.errors[0].code == "unreadable"
    assert "a" in str(body.problem)
    assert (body.problem.sent, body.problem.final) == ("nothing", True)
    body.close()


def test_a_quote_in_a_name_does_not_end_it():
    class Odd:
        name = 'a".png\r\nx: y'
        media_type = "image/png"
        length = 3

        def open(self):
            return io.BytesIO(b"abc")

    (whole,) = read_all(MultipartBody(Odd(), fields={}), 5000)
    assert b'filename="a%22.png%0D%0Ax: y"\r\n' in whole
