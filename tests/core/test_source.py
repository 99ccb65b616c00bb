from __future__ import annotations

import array
import base64
import gzip
import hashlib
import io
import mmap
import os
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from core.pictures import SAMPLES, SIZE, CountingFile, HollowFile
from PIL import Image

from rembg_plugins.core.errors import ValidationError
from rembg_plugins.core.limits import MAX_BYTES
from rembg_plugins.core.source import Source

PNG = SAMPLES["PNG"]
BASE64 = base64.b64encode(PNG).decode()


class Pipe(io.RawIOBase):
    """A stream in which nobody can seek; counts what is taken from it."""

    def __init__(self, content):
        self.rest = io.BytesIO(content)
        self.taken = 0

    def readable(self):
        return True

    def read(self, size=-1):
        data = self.rest.read(size)
        self.taken += len(data)
        return data


def problems_of(value, **settings):
    with pytest.raises(ValidationError) as caught:
        Source.of(value, **settings)
    return [error.code for error in caught.value.errors]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "A picture.png"
    path.write_bytes(PNG)
    return path


KINDS = {
    "path": lambda path: path,
    "text path": str,
    "folder entry": lambda path: max(os.scandir(path.parent), key=str),
    "bytes": lambda _: PNG,
    "bytearray": lambda _: bytearray(PNG),
    "memoryview": lambda _: memoryview(PNG),
    "array": lambda _: array.array("B", PNG),
    "base64": lambda _: {"base64": BASE64},
    "base64 bytes": lambda _: {"base64": BASE64.encode()},
    "base64 without padding": lambda _: {"base64": BASE64.rstrip("=")},
    "base64 in lines": lambda _: {"base64": base64.encodebytes(PNG).decode()},
    "base64 of URLs": lambda _: {"base64": base64.urlsafe_b64encode(PNG).decode()},
    "base64 data URL": lambda _: {"base64": f"data:image/png;base64,{BASE64}"},
    "data URL": lambda _: f"data:image/png;base64,{BASE64}",
    "data URL without type": lambda _: f"DATA:;base64,{BASE64}",
    "escaped data URL": lambda _: "data:image/png;base64," + BASE64.replace("+", "%2B"),
    "plain data URL": lambda _: "data:image/png," + "".join(f"%{byte:02x}" for byte in PNG),
    "BytesIO": lambda _: io.BytesIO(PNG),
    "pipe": lambda _: Pipe(PNG),
    "gzip": lambda _: gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(PNG))),
    "source": Source.of,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_same_bytes(kind, path):
    source = Source.of(KINDS[kind](path))
    with source.open() as file:
        assert file.read() == PNG
    assert source.length == len(PNG)
    assert source.size == SIZE
    assert source.media_type == "image/png"
    assert source.digest() == hashlib.sha256(PNG).hexdigest()


def test_open_files_and_maps_are_sources(path):
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        for value in (file, mapped):
            assert Source.of(value).digest() == hashlib.sha256(PNG).hexdigest()
        assert Source.of(file).name == "A picture.png"


def test_a_named_temporary_file_is_a_source():
    with tempfile.NamedTemporaryFile(suffix=".dat") as file:
        file.write(PNG)
        source = Source.of(file)
        assert source.open().read() == PNG
        assert source.name.endswith(".png")


@pytest.mark.parametrize("value", [3, 3.5, object(), ["a.png"], {"url": "x"}, {"base64": 3}, True])
def test_other_values_are_refused(value):
    assert problems_of(value) == ["not_a_source"]


def test_an_array_of_pixels_is_no_encoded_picture():
    assert problems_of(array.array("H", [1, 2, 3])) == ["not_a_source"]
    assert problems_of(memoryview(bytes(6)).cast("B", (2, 3))) == ["not_a_source"]


def test_nothing_at_all_is_a_missing_picture():
    assert problems_of(None) == ["missing"]


def test_an_empty_path_is_no_selected_file():
    assert problems_of("") == ["no_file"]


@pytest.mark.parametrize(
    "url", ["data:image/png;base64", "data:;base64,@@@@", "data:;base64,A", "data:;base64,é"]
)
def test_a_bad_data_url_is_refused(url):
    assert problems_of(url) == ["bad_base64"]


@pytest.mark.parametrize("text", ["@", "AAAAA", "ä" * 8, "AAAA=AAAA"])
def test_bad_base64_is_refused(text):
    assert problems_of({"base64": text}) == ["bad_base64"]


@pytest.mark.parametrize("name", ["missing.png", "a\0b.png", "x" * 5000])
def test_a_path_that_leads_nowhere_is_refused(tmp_path, name):
    assert problems_of(str(tmp_path / name)) == ["unreadable"]


def test_a_folder_is_refused(tmp_path):
    assert problems_of(tmp_path) == ["unreadable"]


def test_text_files_are_refused(path):
    with path.open(encoding="latin-1") as file:
        assert problems_of(file) == ["unreadable"]


def test_a_stream_of_text_is_refused():
    class Text:
        def read(self, _=-1):
            return "text"

    assert problems_of(Text()) == ["unreadable"]


def test_a_closed_file_is_refused():
    file = io.BytesIO(PNG)
    file.close()
    assert problems_of(file) == ["unreadable"]


def test_a_file_closed_after_the_check_fails_as_unreadable():
    file = io.BytesIO(PNG)
    source = Source.of(file)
    file.close()
    with pytest.raises(ValidationError, match="closed file"):
        source.open().read()


@pytest.mark.parametrize("change", ["removed", "longer"])
def test_a_path_that_changed_after_the_check_is_refused(path, change):
    source = Source.of(path)
    if change == "removed":
        path.unlink()
    else:
        path.write_bytes(PNG + b"more")
    with pytest.raises(ValidationError) as caught:
        source.open()
    assert [error.code for error in caught.value.errors] == ["unreadable"]


def test_a_path_is_not_held_open(path):
    Source.of(path)
    opened = [str(link.readlink()) for link in Path("/proc/self/fd").glob("*") if link.is_symlink()]
    assert str(path) not in opened


@pytest.mark.parametrize("position", [0, 5, len(PNG), len(PNG) + 9])
def test_the_whole_file_is_used_and_its_position_kept(position):
    file = io.BytesIO(PNG)
    file.seek(position)
    source = Source.of(file)
    assert file.tell() == position
    assert source.open().read() == PNG
    assert source.digest() == hashlib.sha256(PNG).hexdigest()
    assert file.tell() == position


def test_a_file_that_can_only_go_back_is_copied_from_where_it_stands():
    pipe = Pipe(b"before" + PNG)
    pipe.read(6)
    assert Source.of(pipe).open().read() == PNG


def test_copying_an_endless_stream_stops_just_past_the_limit():
    pipe = HollowFile(10**12)
    pipe.tell = pipe.seek = None
    assert problems_of(pipe) == ["too_large"]
    assert MAX_BYTES < pipe.bytes_read <= MAX_BYTES + 2**20


def test_a_device_without_an_end_is_refused():
    assert problems_of("/dev/zero") == ["too_large"]


def test_a_long_stream_is_read_from_its_copy_again_and_again():
    content = PNG + bytes(3_000_000)
    source = Source.of(Pipe(content))
    assert source.open().read() == source.open().read() == content


def test_a_buffer_or_base64_over_the_limit_is_refused_before_it_is_copied():
    assert problems_of(memoryview(bytearray(MAX_BYTES + 1))) == ["too_large"]
    assert problems_of({"base64": "A" * (MAX_BYTES // 3 * 4 + 8)}) == ["too_large"]


def test_only_the_header_of_a_file_is_read():
    file = CountingFile(PNG + bytes(5_000_000))
    source = Source.of(file)
    assert source.length == len(PNG) + 5_000_000
    assert file.bytes_read <= 65_536


def test_readers_do_not_get_in_each_others_way():
    content = os.urandom(300_000)
    file = io.BytesIO(content)
    file.seek(17)
    sources = [Source.of(file) for _ in range(4)]
    start = threading.Barrier(8)

    def read(index):
        start.wait()
        pieces = []
        with sources[index % 4].open() as reader:
            while piece := reader.read(1009):
                pieces.append(piece)
        return b"".join(pieces)

    with ThreadPoolExecutor(8) as pool:
        assert all(read == content for read in pool.map(read, range(8)))
    assert file.tell() == 17


def test_files_that_cannot_be_told_apart_share_a_lock():
    class Unhashable(io.BytesIO):
        __hash__ = None

    assert Source.of(Unhashable(PNG)).open().read() == PNG


def test_a_reader_seeks_like_any_file():
    reader = Source.of(io.BytesIO(PNG)).open()
    assert reader.seek(-4, os.SEEK_END) == len(PNG) - 4
    assert reader.read() == PNG[-4:]
    assert reader.seek(1) == 1
    assert reader.seek(2, os.SEEK_CUR) == 3
    assert reader.read(2) == PNG[3:5]
    assert Image.open(reader).size == SIZE


def test_closing_a_reader_leaves_the_file_open():
    file = io.BytesIO(PNG)
    Source.of(file).open().close()
    assert not file.closed
