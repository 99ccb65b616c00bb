from __future__ import annotations

import io

import pytest
from core.pictures import (
    FOREIGN,
    SAMPLES,
    SIZE,
    CountingFile,
    HollowFile,
    bmp_of,
    chunk,
    encoded,
    jpeg_of,
    png_of,
    png_start,
    segment,
    webp_of,
)
from hypothesis import given
from hypothesis import strategies as st

from rembg_plugins.core.header import EXTENSIONS, READ_LIMIT, Header, read_header, scan_offset

SIDES = st.integers(1, 16_384)


def header_of(content):
    return read_header(io.BytesIO(content))


@pytest.mark.parametrize("name", SAMPLES)
def test_header_of_each_kind_tells_format_and_size(name):
    header = header_of(SAMPLES[name])
    assert header is not None
    assert header.format == name.split()[0]
    assert header.size == SIZE


@pytest.mark.parametrize(
    ("name", "bits", "channels"),
    [
        ("PNG", 8, 3),
        ("PNG gray", 8, 1),
        ("PNG gray and alpha", 8, 2),
        ("PNG palette", 8, 1),
        ("PNG 1 bit", 1, 1),
        ("PNG 16 bit", 16, 1),
        ("PNG RGBA", 8, 4),
        ("JPEG", 8, 3),
        ("JPEG gray", 8, 1),
        ("JPEG CMYK", 8, 4),
        ("WEBP", 8, 3),
        ("WEBP lossless", 8, 3),
        ("WEBP lossless RGBA", 8, 4),
        ("WEBP RGBA", 8, 4),
        ("BMP", 8, 3),
        ("BMP palette", 8, 1),
        ("BMP RGBA", 8, 4),
    ],
)
def test_header_tells_bits_and_channels(name, bits, channels):
    header = header_of(SAMPLES[name])
    assert (header.bits, header.channels) == (bits, channels)


def test_only_a_jpeg_of_four_inks_is_cmyk():
    assert [name for name, content in SAMPLES.items() if header_of(content).cmyk] == ["JPEG CMYK"]


@given(width=st.integers(0, 2**32 - 1), height=st.integers(0, 2**32 - 1))
def test_png_may_claim_any_size(width, height):
    assert header_of(png_of(width, height)).size == (width, height)


@given(width=st.integers(0, 65_535), height=st.integers(0, 65_535), junk=st.binary(max_size=40))
def test_jpeg_size_is_found_behind_other_segments(width, height, junk):
    before = segment(0xE1, junk) + segment(0xFE, b"") + b"\xff\xff" + segment(0xC4, junk)
    assert header_of(jpeg_of(width, height, before=before)).size == (width, height)


@pytest.mark.parametrize("kind", [b"VP8X", b"VP8L", b"VP8 "])
@given(width=st.integers(1, 16_383), height=st.integers(1, 16_383))
def test_webp_size_is_read_of_all_three_kinds(kind, width, height):
    assert header_of(webp_of(width, height, kind)).size == (width, height)


@pytest.mark.parametrize("length", [12, 40, 52, 56, 64, 108, 124])
@given(width=st.integers(1, 32_767), height=st.integers(1, 32_767))
def test_bmp_size_is_read_of_every_header_length(length, width, height):
    assert header_of(bmp_of(width, height, header=length)).size == (width, height)


def test_rows_of_a_bmp_may_begin_at_the_top():
    assert header_of(bmp_of(7, -5)).size == (7, 5)


@pytest.mark.parametrize("name", FOREIGN)
def test_other_formats_are_recognised_without_a_size(name):
    assert header_of(FOREIGN[name]) == Header(format=name)


@pytest.mark.parametrize(
    ("start", "extension"),
    [
        (b"\0\0\0\x1cftypheic\0\0\0\0mif1heic", ".heic"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0avifmiaf", ".avif"),
        (b"\0\0\0\x1cftypisom\0\0\0\0mp41", ".mp4"),
        (b"%PDF-1.7", ".pdf"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", ".eps"),
        (b"\n <svg xmlns='http://www.w3.org/2000/svg'>", ".svg"),
        (b"<?xml version='1.0'?>\n<svg>", ".svg"),
        (b"\xef\xbb\xbf<!DOCTYPE html>", ".html"),
        (b"MZ\x90\0", ".exe"),
        (b"PK\3\4", ".zip"),
        (b"8BPS\0\1", ".psd"),
        (b"MM\0*\0\0\0\x08", ".tiff"),
        (b"\xff\x4f\xff\x51\0", ".jp2"),
    ],
)
def test_what_people_upload_by_mistake_is_recognised(start, extension):
    assert header_of(start).extension == extension


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello, world",
        b"<?xml version='1.0'?><feed>",
        b"\x89PNG\r\n\x1a\n",
        png_start(3, 3, bits=7),
        png_start(3, 3, color_type=5),
        png_start(3, 3)[:-1] + b"!",  # the checksum is wrong
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xe0\0\1",  # a segment shorter than its own length
        b"RIFF\0\0\0\0WEBPVP8?" + b"\0" * 20,
        b"RIFF\0\0\0\0WEBPVP8 ",
        bmp_of(3, 3, depth=5),
        bmp_of(3, 3)[:28],
        b"BM" + b"not a bitmap, though it begins like one",
    ],
)
def test_broken_and_unknown_bytes_have_no_header(content):
    assert header_of(content) is None


def test_every_format_has_an_extension_and_a_media_type():
    assert all(Header(format=name).extension.startswith(".") for name in EXTENSIONS)
    assert Header(format="JPEG").media_type == "image/jpeg"


@given(
    start=st.sampled_from([b"", *(content[:40] for content in SAMPLES.values()), b"\xff\xd8\xff"]),
    rest=st.binary(max_size=300),
)
def test_no_bytes_whatever_raise(start, rest):
    header_of(start + rest)
    scan_offset(io.BytesIO(start + rest))


def test_frame_header_half_a_megabyte_behind_profiles_is_found():
    before = b"".join(segment(0xE2, bytes(65_000)) for _ in range(8))
    file = CountingFile(jpeg_of(640, 480, before=before))
    assert read_header(file).size == (640, 480)
    assert file.bytes_read < 1024


def test_frame_header_at_the_end_of_fifty_megabytes_is_found():
    app = b"\xff\xe5\xff\xff"
    pieces = {f"at_{2 + index * 65_537}": app for index in range(799)}
    end = 2 + 799 * 65_537
    frame = jpeg_of(64, 48)[2:]
    file = HollowFile(end + len(frame), at_0=b"\xff\xd8", **pieces, **{f"at_{end}": frame})
    assert read_header(file).size == (64, 48)
    assert file.bytes_read <= READ_LIMIT


@pytest.mark.parametrize(
    "filling",
    [segment(0xFE, b""), segment(0xFE, b"12"), b"\xff", b"\0", b"\xff\0", b"\xff\xd0", b"\xff\x01"],
)
def test_reading_stops_at_64_kib_of_an_endless_jpeg(filling):
    file = CountingFile(jpeg_of(640, 480, before=filling * (2**20 // len(filling))))
    assert read_header(file) is None
    assert file.bytes_read <= READ_LIMIT


def test_an_enormous_exif_chunk_is_not_read():
    content = png_start(9, 9) + chunk(b"eXIf", bytes(4_000_000)) + chunk(b"IEND")
    file = CountingFile(content)
    assert read_header(file).size == (9, 9)
    assert file.bytes_read <= 1024


@pytest.mark.parametrize("start", [png_of(9, 9), webp_of(9, 9), bmp_of(9, 9), jpeg_of(9, 9)])
def test_as_much_is_read_of_fifty_megabytes_as_of_one_kilobyte(start):
    small, large = (HollowFile(length, at_0=start) for length in (1024, 50_000_000))
    assert read_header(small) == read_header(large)
    assert small.bytes_read == large.bytes_read <= 1024


def test_a_file_that_gives_a_byte_at_a_time_is_read_all_the_same():
    class Drip(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 1))

    for content in SAMPLES.values():
        assert read_header(Drip(content)) == header_of(content)


@pytest.mark.parametrize("width", [1, 16_383])
def test_real_webp_of_extreme_sides_is_read(width):
    for settings in ({}, {"lossless": True}):
        content = encoded("WEBP", size=(width, 2), **settings)
        assert header_of(content).size == (width, 2)


def test_scan_lies_behind_the_thumbnail():
    content = SAMPLES["JPEG EXIF"]
    offset = scan_offset(io.BytesIO(content))
    assert content[offset : offset + 2] == b"\xff\xda"
    assert offset > 70_000
