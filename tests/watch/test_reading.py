from __future__ import annotations

import hashlib
import os
import socket
import struct
from pathlib import Path

import pytest
from watch.feeding import photo
from watch.nobody import Nobody

from rembg_plugins.core import limits
from rembg_plugins.watch import reading
from rembg_plugins.watch.reading import (
    NO_END_S,
    UNFINISHED_S,
    NotYet,
    Refused,
    open_below,
    read_whole,
    take,
)
from rembg_plugins.watch.records import Place, Stamp, Taken

ZEROS = bytes(5000)
BITMAP = photo(1, format_="BMP")
OPEN_FILES = Path("/proc/self/fd")
FORMATS = ["JPEG", "PNG", "WEBP", "BMP"]


@pytest.fixture
def nobody():
    somebody = Nobody()
    yield somebody
    somebody.remove()


def put(inbox, relative, content):
    """A file in INBOX, with its place and stamp."""
    place = place_of(relative)
    path = inbox / os.fsdecode(place.relative)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return place, Stamp.of(path.stat())


def place_of(relative):
    folder, _, name = os.fsencode(relative).rpartition(b"/")
    return Place(folder, name)


def verdict(inbox, content, *, name="a.jpg", rested_s=1.0, transcode=False):
    place, stamp = put(inbox, name, content)
    return take(inbox, place, stamp, rested_s=rested_s, transcode=transcode)


@pytest.mark.parametrize("format_", FORMATS)
def test_a_picture_at_rest_is_hashed(tmp_path, format_):
    content = photo(1, format_=format_)
    place, stamp = put(tmp_path, b"b/c/caf\xe9.jpg", content)
    sha256 = hashlib.sha256(content).digest()
    expected = Taken(place=place, stamp=stamp, sha256=sha256, size_px=(48, 32))
    assert take(tmp_path, place, stamp, rested_s=0) == expected


def test_a_stamp_without_an_inode_is_enough(tmp_path):
    place, stamp = put(tmp_path, "a.jpg", photo(1))
    taken = take(tmp_path, place, Stamp(stamp.size, stamp.mtime_ns), rested_s=0)
    assert isinstance(taken, Taken)


@pytest.mark.parametrize("mtime_ns", [0, -(10**18), 4 * 10**18])
def test_whatever_time_it_has_is_fine(tmp_path, mtime_ns):
    place, _ = put(tmp_path, "a.jpg", photo(1))
    os.utime(tmp_path / "a.jpg", ns=(mtime_ns, mtime_ns))
    stamp = Stamp.of((tmp_path / "a.jpg").stat())
    assert isinstance(take(tmp_path, place, stamp, rested_s=0), Taken)


@pytest.mark.parametrize(
    "change", [{"size": 1}, {"mtime_ns": 1}, {"ino": 1}], ids=["length", "time", "inode"]
)
def test_one_that_was_changed_is_not_taken(tmp_path, change):
    place, stamp = put(tmp_path, "a.jpg", photo(1))
    facts = {"size": stamp.size, "mtime_ns": stamp.mtime_ns, "ino": stamp.ino} | change
    assert take(tmp_path, place, Stamp(**facts), rested_s=99).why == "changed"


def test_one_that_is_changed_while_it_is_read_is_not_taken(tmp_path, monkeypatch):
    place, stamp = put(tmp_path, "a.jpg", photo(1))
    read = reading._read

    def read_slowly(descriptor, length):
        content = read(descriptor, length)
        os.utime(tmp_path / "a.jpg", ns=(1, 1))
        return content

    monkeypatch.setattr(reading, "_read", read_slowly)
    assert take(tmp_path, place, stamp, rested_s=99).why == "changed"


def test_one_that_grows_while_it_is_read_is_not_taken(tmp_path, monkeypatch):
    place, stamp = put(tmp_path, "a.jpg", photo(1))
    read = reading._read

    def read_late(descriptor, length):
        with (tmp_path / "a.jpg").open("ab") as file:
            file.write(b"more")
        os.utime(tmp_path / "a.jpg", ns=(stamp.mtime_ns, stamp.mtime_ns))
        return read(descriptor, length)

    monkeypatch.setattr(reading, "_read", read_late)
    assert take(tmp_path, place, stamp, rested_s=99).why == "changed"


def cut(format_):
    content = photo(1, format_=format_, grain=True)
    return content[: len(content) * 2 // 3]


def preallocated(format_):
    content = photo(1, format_=format_, grain=True, size=(128, 96))
    return content[: len(content) // 3] + bytes(len(content) - len(content) // 3)


@pytest.mark.parametrize("format_", FORMATS)
def test_one_that_is_cut_short_is_waited_for_and_then_refused(tmp_path, format_):
    assert verdict(tmp_path, cut(format_), rested_s=UNFINISHED_S - 1).why == "unfinished"
    refused = verdict(tmp_path, cut(format_), rested_s=UNFINISHED_S)
    assert refused.code == "incomplete"
    assert format_ in refused.reason
    assert "costs nothing" in refused.reason


@pytest.mark.parametrize("format_", FORMATS)
def test_one_that_was_given_its_length_at_once_is_waited_for(tmp_path, format_):
    assert verdict(tmp_path, preallocated(format_), rested_s=UNFINISHED_S - 1).why == "unfinished"


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_and_then_refused(tmp_path, format_):
    assert verdict(tmp_path, preallocated(format_), rested_s=UNFINISHED_S).code == "incomplete"


def test_a_bitmap_may_be_black_at_its_end(tmp_path):
    assert isinstance(verdict(tmp_path, preallocated("BMP"), rested_s=UNFINISHED_S), Taken)


@pytest.mark.parametrize("format_", ["JPEG", "PNG"])
def test_zeros_behind_the_end_are_waited_for_and_then_are_no_fault(tmp_path, format_):
    content = photo(1, format_=format_) + ZEROS
    assert verdict(tmp_path, content).why == "unfinished"
    assert isinstance(verdict(tmp_path, content, rested_s=UNFINISHED_S), Taken)


def test_a_beginning_that_is_not_written_yet_is_waited_for(tmp_path):
    for content in (b"", b"\x89PNG", photo(1)[:20], ZEROS, b"RIFF\0\0", b"ab"):
        assert verdict(tmp_path, content).why == "unfinished", content[:9]


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "empty"), (ZEROS, "bad_signature"), (photo(1)[:20], "bad_signature")],
    ids=["empty", "zeros", "a beginning"],
)
def test_what_never_becomes_a_picture_is_refused_in_the_end(tmp_path, content, code):
    assert verdict(tmp_path, content, rested_s=UNFINISHED_S).code == code


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"This is no picture at all.", "a.jpg", "bad_signature"),
        (b"<!doctype html><title>Not found</title>", "a.png", "unsupported_type"),
        (photo(1, format_="TIFF"), "a.jpg", "needs_transcode"),
        (photo(1, format_="GIF"), "a.gif", "needs_transcode"),
        (
            BITMAP[:18] + struct.pack("<ii", 10_001, 1) + BITMAP[26:],
            "a.bmp",
            "too_wide",
        ),
    ],
    ids=["text", "html", "renamed tiff", "gif", "wide"],
)
def test_what_surely_is_none_that_the_api_takes_is_refused_at_once(tmp_path, content, name, code):
    refused = verdict(tmp_path, content, name=name)
    assert isinstance(refused, Refused)
    assert refused.code == code


def test_a_kind_that_is_transcoded_is_taken_if_that_is_wished(tmp_path):
    content = photo(1, format_="TIFF")
    assert isinstance(verdict(tmp_path, content, rested_s=NO_END_S, transcode=True), Taken)
    assert verdict(tmp_path, content, rested_s=NO_END_S - 1, transcode=True).why == "unfinished"


def test_one_that_is_too_long_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "_read", None)
    path = tmp_path / "a.jpg"
    path.touch()
    os.truncate(path, limits.MAX_BYTES + 1)
    refused = take(tmp_path, Place(b"", b"a.jpg"), Stamp.of(path.stat()), rested_s=0)
    assert refused.code == "too_large"


def test_a_long_one_that_is_transcoded_is_taken(tmp_path):
    place, _ = put(tmp_path, "a.tif", photo(1, format_="TIFF"))
    os.truncate(tmp_path / "a.tif", limits.MAX_BYTES + 1)
    stamp = Stamp.of((tmp_path / "a.tif").stat())
    taken = take(tmp_path, place, stamp, rested_s=UNFINISHED_S, transcode=True)
    assert isinstance(taken, Taken)
    assert take(tmp_path, place, stamp, rested_s=UNFINISHED_S).code == "too_large"


def make_fifo(path, target):
    os.mkfifo(path)


def make_socket(path, target):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def make_link(path, target):
    path.symlink_to(target)


def make_folder(path, target):
    path.mkdir()


@pytest.mark.parametrize("make", [make_fifo, make_socket, make_link, make_folder])
def test_what_is_no_file_is_gone(tmp_path, make):
    (tmp_path / "target.jpg").write_bytes(photo(1))
    (tmp_path / "inbox").mkdir()
    make(tmp_path / "inbox" / "a.jpg", tmp_path / "target.jpg")
    found = take(
        tmp_path / "inbox",
        Place(b"", b"a.jpg"),
        Stamp.of((tmp_path / "target.jpg").stat()),
        rested_s=99,
    )
    assert isinstance(found, NotYet)
    assert found.why == "gone"
    with pytest.raises(OSError, match=r".+"):
        read_whole(tmp_path / "inbox", Place(b"", b"a.jpg"))


def test_a_link_on_the_way_is_not_followed(tmp_path):
    _, stamp = put(tmp_path / "elsewhere", "a.jpg", photo(1))
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "b").symlink_to(tmp_path / "elsewhere")
    linked = Place(b"b", b"a.jpg")
    assert take(tmp_path / "inbox", linked, stamp, rested_s=99).why == "gone"
    with pytest.raises(OSError, match=r".+"):
        read_whole(tmp_path / "inbox", linked)


def test_inbox_itself_may_be_a_link(tmp_path):
    place, _ = put(tmp_path / "elsewhere", "a.jpg", photo(1))
    (tmp_path / "inbox").symlink_to(tmp_path / "elsewhere")
    assert read_whole(tmp_path / "inbox", place) == photo(1)


def test_no_descriptor_is_left_open(tmp_path):
    place, stamp = put(tmp_path, "b/c/a.jpg", photo(1))
    (tmp_path / "b" / "link").symlink_to(tmp_path)
    before = len(list(OPEN_FILES.iterdir()))
    take(tmp_path, place, stamp, rested_s=0)
    take(tmp_path, Place(b"b/link", b"a.jpg"), stamp, rested_s=0)
    take(tmp_path, Place(b"b/c", b"gone.jpg"), stamp, rested_s=0)
    read_whole(tmp_path, place)
    assert len(list(OPEN_FILES.iterdir())) == before


def test_a_file_that_may_not_be_read_is_unreadable(tmp_path, nobody):
    place, stamp = put(nobody.folder, "a.jpg", photo(1))
    (nobody.folder / "a.jpg").chmod(0)
    with nobody:
        found = take(nobody.folder, place, stamp, rested_s=99)
    assert (found.why, found.reason) == ("unreadable", "Permission denied")


def test_a_file_is_opened_for_reading_only(tmp_path):
    place, _ = put(tmp_path, "a.jpg", photo(1))
    descriptor = open_below(tmp_path, place)
    try:
        with pytest.raises(OSError, match="Bad file"):
            os.write(descriptor, b"x")
    finally:
        os.close(descriptor)


def test_read_whole_gives_all_bytes_or_says_why_not(tmp_path):
    place, _ = put(tmp_path, "b/a.jpg", photo(1))
    assert read_whole(tmp_path, place) == photo(1)
    with pytest.raises(FileNotFoundError):
        read_whole(tmp_path, Place(b"b", b"other.jpg"))
    with pytest.raises(FileNotFoundError):
        read_whole(tmp_path / "other", place)


def test_read_whole_does_not_read_what_is_far_too_long(tmp_path):
    (tmp_path / "a.jpg").touch()
    os.truncate(tmp_path / "a.jpg", 9 * limits.MAX_BYTES)
    with pytest.raises(OSError, match="no picture any more"):
        read_whole(tmp_path, Place(b"", b"a.jpg"))
