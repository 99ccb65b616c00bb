from __future__ import annotations

import subprocess
import sys

import pytest
from core.pictures import (
    FOREIGN,
    SAMPLES,
    SIZE,
    CountingFile,
    HollowFile,
    bmp_of,
    chunk,
    jpeg_of,
    png_of,
    png_start,
    segment,
    webp_of,
)
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, ImageFile

from rembg_plugins.core.errors import ValidationError
from rembg_plugins.core.options import OPTIONS
from rembg_plugins.core.validation import validate


@given(content=st.binary(max_size=400))
@example(content=b"")
@example(content=b"BM")
def test_arbitrary_bytes_give_a_request_or_a_validation_error(content):
    judged(content)


@pytest.mark.parametrize("name", [*SAMPLES, *FOREIGN])
def test_every_truncation_gives_a_request_or_a_validation_error(name):
    content = {**SAMPLES, **FOREIGN}[name]
    for length in range(min(200, len(content)) + 1):
        judged(content[:length])


@given(
    content=st.sampled_from([*SAMPLES.values(), *FOREIGN.values()]),
    changes=st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.integers(0, 400),
    options=st.dictionaries(
        st.sampled_from([*OPTIONS, "other"]),
        st.one_of(st.none(), st.text(max_size=9), st.integers(), st.floats(), st.booleans()),
    ),
)
def test_mutated_pictures_with_any_options_give_a_request_or_a_validation_error(
    content, changes, cut, options
):
    mutated = bytearray(content)
    for position, byte in changes:
        if position < len(mutated):
            mutated[position] = byte
    judged(bytes(mutated), options)
    judged(bytes(mutated[: len(mutated) - cut]), options)


def judged(content, options=None):
    try:
        request = validate(content, options)
    except ValidationError as error:
        assert error.errors
        assert str(error)
    else:
        assert 1 <= request.source.size[0] <= 10_000
        assert 1 <= request.source.size[1] <= 10_000
        assert request.source.media_type in {"image/png", "image/jpeg", "image/webp", "image/bmp"}


LONG = {
    "JPEG with its frame 500 kB in": jpeg_of(
        64, 48, before=b"".join(segment(0xE2, bytes(62_500)) for _ in range(8))
    ),
    "WebP of 5 MB": webp_of(64, 48, b"VP8L") + bytes(5_000_000),
    "PNG with a huge eXIf chunk": png_start(64, 48) + chunk(b"eXIf", bytes(8_000_000)),
    "JPEG of tiny segments": jpeg_of(64, 48, before=segment(0xE9, b"") * 3000),
    "BMP of 5 MB": bmp_of(64, 48) + bytes(5_000_000),
}


@pytest.mark.parametrize("name", LONG)
def test_at_most_64_kib_are_read_and_nothing_is_decoded(name, monkeypatch):
    for used in ((Image, "open"), (ImageFile.ImageFile, "load"), (Image.Image, "load")):
        monkeypatch.setattr(*used, None)
    file = CountingFile(LONG[name])
    assert validate(file).source.size == (64, 48)
    assert file.bytes_read <= 64 * 1024


@pytest.mark.parametrize("make", [png_of, jpeg_of, webp_of, bmp_of])
def test_the_work_does_not_grow_with_the_file(make):
    work = []
    for length in (1000, 1_000_000, 50_000_000):
        file = HollowFile(length, at_0=make(640, 480))
        validate(file)
        work.append(file.bytes_read)
    assert work[0] == work[1] == work[2] <= 1024


def test_validating_a_file_loads_no_pillow_at_all(tmp_path):
    path = tmp_path / "a.webp"
    path.write_bytes(SAMPLES["WEBP"])
    program = (
        "import sys\n"
        "from rembg_plugins.core.validation import validate\n"
        f"assert validate({str(path)!r}, w=10).source.size == {SIZE}\n"
        "assert not [name for name in sys.modules if name.startswith('PIL')]\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@given(
    name=st.sampled_from(sorted(FOREIGN)),
    changes=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), min_size=1, max_size=4),
    cut=st.integers(0, 200),
)
def test_transcoding_mutated_files_gives_a_request_or_a_validation_error(name, changes, cut):
    mutated = bytearray(FOREIGN[name])
    for position, byte in changes:
        mutated[position % len(mutated)] = byte
    try:
        validate(bytes(mutated[: len(mutated) - cut]), transcode=True)
    except ValidationError as error:
        assert error.errors
