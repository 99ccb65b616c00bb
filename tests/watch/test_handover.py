from __future__ import annotations

from rembg_plugins.watch.handover import Handover


def test_what_is_given_is_taken_once():
    handover = Handover()
    handover.give(b"one", b"content")
    assert handover.take(b"two") is None
    assert handover.take(b"one") == b"content"
    assert handover.take(b"one") is None


def test_what_was_given_first_goes_first_where_there_is_no_room():
    handover = Handover(10)
    for name in (b"1", b"2", b"3"):
        handover.give(name, name * 4)
    assert [handover.take(name) for name in (b"1", b"2", b"3")] == [None, b"2222", b"3333"]


def test_what_is_given_again_takes_its_own_place():
    handover = Handover(10)
    handover.give(b"1", b"old")
    handover.give(b"2", b"other")
    handover.give(b"1", b"newer")
    assert [handover.take(b"1"), handover.take(b"2")] == [b"newer", b"other"]


def test_what_is_larger_than_the_room_is_not_held_and_drives_nothing_out():
    handover = Handover(10)
    handover.give(b"1", b"small")
    handover.give(b"2", bytes(11))
    assert [handover.take(b"1"), handover.take(b"2")] == [b"small", None]
