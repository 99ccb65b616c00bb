from __future__ import annotations

import os
import signal
from itertools import pairwise

import pytest

from rembg_plugins.watch import settle
from rembg_plugins.watch.filesystem import prepare_leases
from rembg_plugins.watch.records import Place, Stamp
from rembg_plugins.watch.settle import CAPACITY, CLOSED_S, LOCAL_S, NETWORK_S, Settling


@pytest.fixture
def leases():
    before = signal.getsignal(signal.SIGIO)
    prepare_leases()
    yield
    signal.signal(signal.SIGIO, before)


@pytest.fixture
def no_leases():
    before = signal.signal(signal.SIGIO, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGIO, before)


def put(inbox, name="a.jpg", content=b"abc"):
    (inbox / name).write_bytes(content)
    return Place(b"", name.encode()), Stamp.of((inbox / name).stat())


def rested(settling, now):
    return [file.place.name for file in settling.rested(now)]


def added(inbox, name="a.jpg", *, now=0.0, is_network=False, settle_s=None):
    settling = Settling(inbox, is_network=is_network, settle_s=settle_s)
    settling.add(*put(inbox, name), now)
    return settling


def test_a_file_that_nobody_has_open_rests_soon(tmp_path, leases):
    settling = added(tmp_path)
    assert settling.next_due == CLOSED_S
    assert rested(settling, CLOSED_S - 0.01) == []
    assert rested(settling, CLOSED_S) == [b"a.jpg"]


def test_where_that_is_not_known_it_takes_longer(tmp_path, no_leases):
    settling = added(tmp_path)
    assert rested(settling, CLOSED_S) == []
    assert rested(settling, LOCAL_S - 0.01) == []
    assert rested(settling, LOCAL_S) == [b"a.jpg"]


def test_on_a_network_a_lease_says_nothing(tmp_path, leases):
    """Some refuse every lease with the very error that means a writer elsewhere."""
    settling = added(tmp_path, is_network=True)
    with (tmp_path / "a.jpg").open("ab"):
        assert rested(settling, NETWORK_S - 0.01) == []
        assert rested(settling, NETWORK_S) == [b"a.jpg"]


@pytest.mark.parametrize("is_network", [False, True])
def test_what_is_asked_for_wins(tmp_path, leases, is_network):
    settling = added(tmp_path, is_network=is_network, settle_s=5.0)
    assert rested(settling, 4.9) == []
    assert rested(settling, 5.0) == [b"a.jpg"]


def test_one_that_is_open_never_rests_however_still_it_is(tmp_path, leases):
    settling = added(tmp_path)
    with (tmp_path / "a.jpg").open("ab"):
        for tenth in range(600):
            assert rested(settling, tenth / 10) == []
        assert not settling.is_resting()
    assert rested(settling, 61.1) == [b"a.jpg"]


def test_one_that_grows_rests_from_its_last_change_on(tmp_path, no_leases):
    settling = added(tmp_path)
    for second in range(1, 9):
        with (tmp_path / "a.jpg").open("ab") as file:
            file.write(b"more")
        assert rested(settling, second) == []
    assert rested(settling, 8 + LOCAL_S - 0.01) == []
    assert rested(settling, 8 + LOCAL_S) == [b"a.jpg"]


def test_new_bytes_of_the_same_length_are_a_change(tmp_path, no_leases):
    settling = added(tmp_path)
    (tmp_path / "a.jpg").write_bytes(b"xyz")
    os.utime(tmp_path / "a.jpg", ns=(5, 5))
    assert rested(settling, LOCAL_S) == []
    assert rested(settling, 2 * LOCAL_S) == [b"a.jpg"]


def test_another_file_of_the_same_length_and_time_is_a_change(tmp_path, no_leases):
    settling = added(tmp_path)
    stat = (tmp_path / "a.jpg").stat()
    (tmp_path / "b.jpg").write_bytes(b"xyz")
    os.utime(tmp_path / "b.jpg", ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    (tmp_path / "b.jpg").rename(tmp_path / "a.jpg")
    assert rested(settling, LOCAL_S) == []


@pytest.mark.parametrize("mtime_ns", [0, 10**18, 4 * 10**18])
def test_its_own_time_is_never_compared_with_a_clock(tmp_path, no_leases, mtime_ns):
    place, _ = put(tmp_path)
    os.utime(tmp_path / "a.jpg", ns=(mtime_ns, mtime_ns))
    settling = Settling(tmp_path, is_network=False)
    settling.add(place, Stamp.of((tmp_path / "a.jpg").stat()), 0.0)
    assert rested(settling, LOCAL_S) == [b"a.jpg"]


def test_one_that_is_seen_again_does_not_begin_anew_unless_it_was_changed(tmp_path, no_leases):
    settling = Settling(tmp_path, is_network=False)
    place, stamp = put(tmp_path)
    settling.add(place, stamp, 0.0)
    settling.add(place, stamp, 1.5)
    assert rested(settling, LOCAL_S) == [b"a.jpg"]
    settling.add(place, Stamp(stamp.size + 1, stamp.mtime_ns, stamp.ino), LOCAL_S + 1)
    assert rested(settling, LOCAL_S + 1) == []


def remove(path):
    path.unlink()


def make_a_folder(path):
    path.unlink()
    path.mkdir()


def make_a_link(path):
    path.rename(path.with_name("target"))
    path.symlink_to("target")


@pytest.mark.parametrize("change", [remove, make_a_folder, make_a_link])
def test_what_is_no_file_any_more_is_dropped(tmp_path, leases, change):
    settling = added(tmp_path)
    change(tmp_path / "a.jpg")
    assert rested(settling, 9.0) == []
    assert len(settling) == 0


def test_one_without_an_end_is_looked_at_until_it_must_have_one(tmp_path, leases):
    settling = added(tmp_path)
    looks = []
    now = CLOSED_S
    while now < 60.0:
        for file in settling.rested(now):
            looks.append(now)
            settling.postpone(file, now, until_s=60.0)
        assert not settling.is_resting()
        now = settling.next_due
    assert now == pytest.approx(60.0)
    assert 20 < len(looks) < 40
    assert rested(settling, now) == [b"a.jpg"]


def test_one_without_an_end_that_is_written_on_begins_anew(tmp_path, leases):
    settling = added(tmp_path)
    file = next(iter(settling.rested(CLOSED_S)))
    settling.postpone(file, CLOSED_S, until_s=60.0)
    (tmp_path / "a.jpg").write_bytes(b"abcdef")
    assert rested(settling, 50.0) == []
    assert [file.since for file in settling.rested(60.0)] == [50.0]


def test_one_that_is_being_written_is_looked_at_less_and_less_often_but_every_second(
    tmp_path, leases
):
    settling = added(tmp_path)
    times = [0.0]
    with (tmp_path / "a.jpg").open("ab"):
        while len(times) < 12:
            times.append(settling.next_due)
            rested(settling, times[-1])
    steps = [after - before for before, after in pairwise(times)]
    assert steps == sorted(steps)
    assert steps[-1] == pytest.approx(1.0)


def test_no_more_are_waited_for_than_there_is_room_for(tmp_path, monkeypatch):
    monkeypatch.setattr(settle, "CAPACITY", 3)
    settling = Settling(tmp_path, is_network=False)
    stamp = Stamp(1, 1, 1)
    taken = [settling.add(Place(b"", b"%d" % number), stamp, 0.0) for number in range(5)]
    assert taken == [True, True, True, False, False]
    assert settling.room == 0
    assert settling.add(Place(b"", b"0"), stamp, 0.0)
    settling.remove(Place(b"", b"0"))
    assert settling.room == 1


def test_those_that_are_written_for_long_make_room_for_others(tmp_path, leases, monkeypatch):
    monkeypatch.setattr(settle, "CAPACITY", 1)
    settling = added(tmp_path)
    other = put(tmp_path, "b.jpg")
    with (tmp_path / "a.jpg").open("ab"):
        assert not settling.add(*other, 0.0)
        for second in range(1, 9):
            rested(settling, second)
        assert settling.add(*other, 9.0)
    assert other[0] in settling
    assert len(settling) == 1


def test_the_memory_of_all_that_are_waited_for_is_small():
    assert CAPACITY <= 5_000
