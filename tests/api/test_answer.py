from __future__ import annotations

import base64
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3 import HTTPResponse

from rembg_plugins.api.answer import picture_in, read_report_body, receive
from rembg_plugins.api.progress import Meter


def raw_of(content, **headers):
    return HTTPResponse(io.BytesIO(content), headers=headers, status=200, preload_content=False)


@given(st.binary(max_size=200))
def test_no_bytes_break_it(content):
    assert picture_in(content) in {None, content}


@given(st.text(alphabet='{}[]":,ab0=+/-_ \n', max_size=60))
def test_no_text_breaks_it(text):
    assert picture_in(text.encode()) is None


@given(st.text(alphabet="data:;base64,%=AZ", max_size=40))
def test_no_data_url_breaks_it(text):
    assert picture_in(b"data:" + text.encode()) is None


@pytest.mark.parametrize("number", ["1" * 5000, "-1e999999", "NaN"])
def test_no_number_in_json_breaks_it(number):
    assert picture_in(f'{{"a": {number}}}'.encode()) is None


def test_a_data_url_without_base64_is_read(picture):
    quoted = "".join(f"%{byte:02X}" for byte in picture)
    assert picture_in(f"data:image/png,{quoted}".encode()) == picture


def test_json_is_searched_to_a_bound(picture):
    text = base64.b64encode(picture).decode()
    assert picture_in(json.dumps(["x"] * 40 + [text]).encode()) == picture
    assert picture_in(json.dumps(["x"] * 400 + [text]).encode()) is None
    deep = text
    for _ in range(9):
        deep = [deep]
    assert picture_in(json.dumps(deep).encode()) is None


def test_all_four_formats_are_pictures(picture):
    from PIL import Image

    for format_ in ("PNG", "JPEG", "WEBP", "BMP"):
        file = io.BytesIO()
        Image.new("RGB", (9, 9)).save(file, format_)
        assert picture_in(file.getvalue()) == file.getvalue()
        assert picture_in(base64.b64encode(file.getvalue())) == file.getvalue()


def test_reading_stops_just_past_the_bound():
    answer = receive(raw_of(bytes(5_000_000)), meter=Meter("download", None), longest=1_000_000)
    assert answer.too_long
    assert not answer.whole
    assert 1_000_000 < len(answer.content) <= 1_000_000 + 256 * 1024


def test_an_answer_of_just_the_bound_is_whole():
    answer = receive(raw_of(bytes(1000)), meter=Meter("download", None), longest=1000)
    assert answer.whole
    assert len(answer.content) == 1000


class Sink(io.BytesIO):
    """Remembers how long it was whenever it was flushed."""

    def __init__(self, problem=None):
        super().__init__()
        self.flushed = []
        self.problem = problem

    def flush(self):
        self.flushed.append(self.tell())
        if self.problem is not None:
            raise self.problem


def received(raw, sink, longest=1_000_000):
    return receive(raw, meter=Meter("download", None), sink=sink, longest=longest)


@pytest.mark.parametrize("length", [0, 1, 700_000])
def test_the_sink_is_flushed_once_and_when_all_has_come(length):
    sink = Sink()
    assert received(raw_of(bytes(length)), sink).whole
    assert sink.flushed == [length]


class Broken(io.BytesIO):
    """A connection that is reset in the midst of an answer."""

    def read(self, *size):
        piece = super().read(*size)
        if not piece:
            raise ConnectionResetError
        return piece

    read1 = read


def test_the_sink_of_an_answer_that_breaks_off_is_not_flushed():
    sink = Sink()
    raw = HTTPResponse(Broken(b"half"), status=200, preload_content=False)
    answer = received(raw, sink)
    assert answer.content == sink.getvalue() == b"half"
    assert answer.failure is not None
    assert sink.flushed == []


def test_the_sink_of_an_answer_that_is_too_long_is_not_flushed():
    sink = Sink()
    assert received(raw_of(bytes(5_000_000)), sink).too_long
    assert sink.flushed == []


def test_a_sink_that_cannot_make_the_answer_last_is_a_failure_that_is_kept():
    problem = OSError(28, "No space left on device")
    answer = received(raw_of(b"paid"), Sink(problem))
    assert answer.sink_failure is problem
    assert not answer.whole
    assert answer.content == b"paid"


def test_a_sink_that_failed_is_not_flushed():
    sink = Sink()
    sink.write = lambda piece: 0
    assert isinstance(received(raw_of(b"paid"), sink).sink_failure, OSError)
    assert sink.flushed == []


def test_sixty_four_kilobytes_of_a_report_are_read():
    assert len(read_report_body(raw_of(bytes(1_000_000)))) == 64 * 1024


def test_a_report_that_cannot_be_decoded_is_empty():
    assert read_report_body(raw_of(b"no gzip", **{"Content-Encoding": "gzip"})) == b""
