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


def test_sixty_four_kilobytes_of_a_report_are_read():
    assert len(read_report_body(raw_of(bytes(1_000_000)))) == 64 * 1024


def test_a_report_that_cannot_be_decoded_is_empty():
    assert read_report_body(raw_of(b"no gzip", **{"Content-Encoding": "gzip"})) == b""
