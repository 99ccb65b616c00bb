from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from rembg_plugins.watch.records import Known, Output, Place, Stamp, Taken
from rembg_plugins.watch.states import PathState


def test_a_place_in_inbox_itself_is_its_name():
    assert Place(b"", b"a.jpg").relative == b"a.jpg"


def test_a_place_in_a_folder_is_joined_with_a_slash():
    assert Place(b"2026/spring", b"a.jpg").relative == b"2026/spring/a.jpg"


@pytest.mark.parametrize("name", [b"a.jpg", b"caf\xe9.jpg", b"\xff\xfe", b"-rf", "ö.png".encode()])
def test_the_path_below_a_root_leads_to_the_very_name(tmp_path, name):
    path = Place(b"f\xfclder", name).below(tmp_path)
    os.makedirs(os.path.dirname(path))  # noqa: PTH103, PTH120 - a name that is no text
    with open(path, "wb"):  # noqa: PTH123 - likewise
        pass
    folder = os.path.join(os.fsencode(tmp_path), b"f\xfclder")  # noqa: PTH118 - bytes
    assert os.listdir(folder) == [name]  # noqa: PTH208 - likewise


def test_a_stamp_is_what_the_system_says_of_a_file(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"12345")
    stat = path.stat()
    assert Stamp.of(stat) == Stamp(5, stat.st_mtime_ns, stat.st_ino)


def test_a_stamp_without_the_inode_is_the_same_for_a_copy(tmp_path):
    stats = []
    for name in ("a.jpg", "b.jpg"):
        path = tmp_path / name
        path.write_bytes(b"12345")
        os.utime(path, ns=(0, 123))
        stats.append(path.stat())
    first, second = (Stamp.of(stat, with_inode=False) for stat in stats)
    assert first == second == Stamp(5, 123, 0)
    assert Stamp.of(stats[0]) != Stamp.of(stats[1])


def test_an_inode_of_64_bits_fits_into_the_ledger():
    stat = SimpleNamespace(st_size=1, st_mtime_ns=-5, st_ino=2**64 - 1)
    assert Stamp.of(stat).ino == 2**63 - 1


@pytest.mark.parametrize(
    "fact",
    [
        Place(b"", b"a"),
        Stamp(1, 2, 3),
        Known(Stamp(1, 2), PathState.DONE),
        Taken(place=Place(b"", b"a"), stamp=Stamp(1, 2), sha256=b"", size_px=(1, 1)),
        Output(relative=b"a", stamp=Stamp(1, 2), sha256=b""),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_a_fact_can_be_a_key_and_cannot_be_changed(fact):
    assert {fact: 1}[fact] == 1
    with pytest.raises((AttributeError, TypeError)):
        fact.anything = 1
