from __future__ import annotations

import io

import pytest
from core.pictures import SAMPLES, encoded

from rembg_plugins.core.ending import is_complete
from rembg_plugins.core.header import read_header

EIGHT_BIT_RUNS = (  # a run-length encoded 4 x 1 BMP: its length stands in the header
    b"BM"
    + (14 + 40 + 1024 + 6).to_bytes(4, "little")
    + bytes(4)
    + (1078).to_bytes(4, "little")
    + (40).to_bytes(4, "little")
    + (4).to_bytes(4, "little")
    + (1).to_bytes(4, "little")
    + b"\1\0\x08\0"
    + (1).to_bytes(4, "little")
    + (6).to_bytes(4, "little")
    + bytes(16)
    + bytes(1024)
    + b"\4\0\0\0\0\1"
)
WHOLE = {
    **SAMPLES,
    "PNG of many chunks": encoded("PNG", size=(700, 500)),
    "BMP of runs": EIGHT_BIT_RUNS,
    "BMP of OS/2": b"BM\x1e\0\0\0\0\0\0\0\x1a\0\0\0\x0c\0\0\0\1\0\1\0\1\0\x18\0" + bytes(4),
}


def complete(content):
    header = read_header(io.BytesIO(content))
    return header is not None and is_complete(content, header)


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_file_is_complete_even_with_bytes_behind_its_end(name):
    assert complete(WHOLE[name])
    assert complete(WHOLE[name] + b"\0\r\n")
    assert complete(WHOLE[name] + bytes(1000))


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_cut_short_anywhere_is_not_complete(name):
    content = WHOLE[name]
    step = max(1, len(content) // 300)
    for length in [*range(0, len(content), step), *range(len(content) - 40, len(content))]:
        assert not complete(content[:length]), length


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_picture():
    thumbnail = encoded("JPEG", size=(8, 8))
    content = encoded("JPEG", exif=b"Exif\0\0" + thumbnail)
    assert thumbnail in content
    assert complete(content)
    assert not complete(content[:-2])
