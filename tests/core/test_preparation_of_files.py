from __future__ import annotations

import io
import random
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rembg_plugins.core.errors import ValidationError
from rembg_plugins.core.preparation import decode, open_picture, prepare
from rembg_plugins.core.source import Source

FORMATS = {"PNG": "RGBA", "JPEG": "RGB", "WEBP": "RGBA", "BMP": "RGB"}


def file_of(image, format, **encoding):
    file = io.BytesIO()
    image.save(file, format, **encoding)
    return file.getvalue()


@pytest.mark.parametrize(("format", "mode"), FORMATS.items())
def test_files_are_decoded_as_pillow_does(make_image, tmp_path, format, mode):
    content = file_of(make_image(mode), format)
    (tmp_path / "file").write_bytes(content)
    expected = Image.open(io.BytesIO(content)).convert("RGB")
    for source in (content, tmp_path / "file", io.BytesIO(content)):
        assert prepare(Source.of(source)).pixels.tobytes() == expected.tobytes()


@pytest.mark.parametrize("format", ["TIFF", "GIF", "AVIF", "JPEG2000", "ICO"])
def test_what_else_is_read_is_read_by_its_own_class(make_image, format):
    image = make_image("RGB", (32, 32))
    opened = open_picture(io.BytesIO(file_of(image, format)), format)
    assert (opened.format, opened.size) == (format, (32, 32))


@pytest.mark.parametrize("format", ["EPS", "PDF", "PSD", "", "HTML"])
def test_nothing_else_is_opened(format):
    with pytest.raises(ValidationError, match="no reader") as caught:
        open_picture(io.BytesIO(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), format)
    assert caught.value.errors[0].field == "image"


def test_a_source_of_an_unknown_kind_is_refused():
    with pytest.raises(ValidationError):
        prepare(Source.of(b"no picture at all"))


@pytest.mark.parametrize(("format", "mode"), FORMATS.items())
def test_a_file_that_is_cut_short_is_refused(make_image, format, mode):
    content = file_of(make_image(mode, (200, 100)), format)
    with pytest.raises(ValidationError, match="Cannot read the picture") as caught:
        prepare(Source.of(content[: len(content) // 2]))
    assert caught.value.__cause__ is not None
    assert caught.value.errors[0].code == "unreadable"


@pytest.mark.parametrize(("format", "mode"), FORMATS.items())
@settings(deadline=None)  # Pillow's first use of a format takes longer than the others
@given(seed=st.integers(0, 2**32))
def test_a_damaged_file_is_decoded_or_refused_and_nothing_else(format, mode, seed):
    damage = random.Random(seed)
    image = Image.effect_noise((24, 24), 90).convert(mode)
    content = bytearray(file_of(image, format))
    for _ in range(damage.randrange(1, 6)):
        content[damage.randrange(len(content))] = damage.randrange(256)
    del content[damage.choice([len(content), damage.randrange(1, len(content))]) :]
    try:
        picture = decode(io.BytesIO(bytes(content)), format)
    except ValidationError:
        return
    assert picture.tobytes()


def test_running_out_of_memory_is_not_taken_for_a_broken_file(make_image, monkeypatch):
    from PIL import PngImagePlugin

    content = file_of(make_image("RGB"), "PNG")

    def fail(self):
        raise MemoryError

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", fail)
    with pytest.raises(MemoryError):
        decode(io.BytesIO(content), "PNG")
    monkeypatch.setattr(PngImagePlugin, "PngImageFile", lambda file: fail(None))
    with pytest.raises(MemoryError):
        decode(io.BytesIO(content), "PNG")


def test_a_size_that_no_picture_has_is_refused_before_memory_is_taken():
    with pytest.raises(ValidationError, match="claims to have 60000 x 60000 px"):
        decode(io.BytesIO(black_png(60_000, 60_000, rows=1)), "PNG")


# Large pictures; that a warning is an error, the configuration of the tests says


def black_png(width, height, rows=None):
    def chunk(name, body):
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 7) // 8 + 1) * (rows or height))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def test_10000_x_10000_px_are_decoded_without_a_warning():
    image = decode(io.BytesIO(black_png(10_000, 10_000)), "PNG")
    assert image.size == (10_000, 10_000)


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "BMP"])
def test_10000_x_10000_px_are_opened_without_a_warning(format):
    small = file_of(
        Image.new("RGB", (16, 16)), format, **({"lossless": True} if format == "WEBP" else {})
    )
    content = bytearray(small)
    if format == "JPEG":
        at = content.index(b"\xff\xc0") + 5
        content[at : at + 4] = struct.pack(">HH", 10_000, 10_000)
    elif format == "BMP":
        content[18:26] = struct.pack("<ii", 10_000, 10_000)
    else:
        at = content.index(b"VP8L") + 9
        content[at : at + 4] = struct.pack("<I", 9_999 | 9_999 << 14)
    assert open_picture(io.BytesIO(bytes(content)), format).size == (10_000, 10_000)
