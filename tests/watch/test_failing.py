from __future__ import annotations

import json
from pathlib import Path

import pytest
from watch.feeding import photo
from watch.rows import place

from rembg_plugins.core.errors import APITimeoutError, ValidationError
from rembg_plugins.watch.records import Stamp
from rembg_plugins.watch.states import ContentState, PathState

REFUSED = ValidationError("It is no good.", sent="nothing", billed=False)
HTML = b"<html>Bad gateway</html>"


def note_on(station, name, folder="in/failed"):
    return json.loads((station.root / folder / f"{name}.error.json").read_text())


def test_a_note_says_what_why_and_whether_it_was_paid_for(station, scripted):
    station.open()
    sha256 = station.fed("shop/cat.jpg")
    scripted.script[1] = HTML
    station.work()
    note = note_on(station, "shop/cat.jpg")
    assert (note["source"], note["code"], note["sha256"]) == (
        *("shop/cat.jpg", "bad_answer"),
        sha256.hex(),
    )
    assert (note["calls"], note["attempts"], note["billed"], note["in_doubt"]) == (1, 1, 1, 0)
    assert note["original"] == str(station.inbox / "shop/cat.jpg")
    assert note["class"] == "NotAnImageError"
    assert note["message"]
    assert note["remedy"]
    assert len(note["tried"]) == 1
    assert Path(note["kept"]).read_bytes() == HTML
    (news,) = station.ears.pictures
    assert (news.status, news.credits, news.code) == ("failed", 1, "bad_answer")
    assert news.reason == note["message"]
    assert news.note == str(station.inbox / "failed" / "shop" / "cat.jpg.error.json")


MOVES = {
    "keep": ({}, "in/failed", False),
    "keep, a folder given": ({"failed": "elsewhere"}, "elsewhere", True),
    "move": ({"originals": "move"}, "in/failed", True),
    "delete": ({"originals": "delete"}, "in/failed", True),
}


@pytest.mark.parametrize("name", MOVES)
def test_whether_an_original_that_failed_is_moved(station, scripted, name):
    arguments, folder, is_moved = MOVES[name]
    if "failed" in arguments:
        arguments = arguments | {"failed": str(station.root / "elsewhere")}
    station.open(**arguments)
    content = station.feed("cat.jpg")
    station.find("cat.jpg")
    scripted.script[1] = REFUSED
    station.work()
    note = note_on(station, "cat.jpg", folder)
    where = station.root / folder / "cat.jpg" if is_moved else station.inbox / "cat.jpg"
    assert note["original"] == str(where)
    assert where.read_bytes() == content
    assert (station.inbox / "cat.jpg").exists() == (not is_moved)
    row = station.row("cat.jpg")
    assert (row.state, row.is_away, row.note) == (
        *(PathState.FAILED, is_moved),
        str(station.root / folder / "cat.jpg.error.json"),
    )


def test_every_name_of_a_picture_that_failed_gets_a_note_for_one_call(station, scripted):
    station.open()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        station.fed(name, photo("twin"))
    scripted.script[1] = HTML
    station.work()
    assert len(scripted.calls) == 1
    assert [news.credits for news in station.ears.pictures] == [1, 0, 0]
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        assert note_on(station, name)["billed"] == 1
    assert station.parts.ledger.tally.run["failed"] == 3


def test_a_name_that_comes_later_fails_without_a_call(station, scripted):
    station.open()
    sha256 = station.fed("a.jpg", seed="twin")
    scripted.script[1] = HTML
    station.work()
    station.open()
    station.fed("b.jpg", seed="twin")
    station.work()
    assert len(scripted.calls) == 1
    assert station.content(sha256).state is ContentState.FAILED
    news = station.ears.pictures[-1]
    assert (news.source, news.status, news.credits) == (b"b.jpg", "failed", 0)
    assert news.reason == note_on(station, "b.jpg")["message"]


def test_a_file_that_was_never_sent_fails_with_its_own_reason(station, scripted):
    station.open()
    station.feed("text.jpg", b"no picture")
    refused = station.taken("text.jpg")
    stamp = (station.inbox / "text.jpg").stat()
    station.parts.ledger.paths.fail_path(
        place("text.jpg"), Stamp.of(stamp), refused.reason, refused.code
    )
    station.work()
    assert scripted.calls == []
    note = note_on(station, "text.jpg")
    assert (note["code"], note["message"]) == (refused.code, refused.reason)
    assert "sha256" not in note
    (news,) = station.ears.pictures
    assert (news.status, news.sha256, news.credits) == ("failed", None, 0)


def test_two_calls_in_doubt_fail_with_both_told(station, scripted):
    station.open()
    station.fed("cat.jpg")
    scripted.script["each"] = APITimeoutError("no answer", sent="all", billed=None)
    station.work()
    station.clock.now += 6
    station.work()
    note = note_on(station, "cat.jpg")
    assert (note["attempts"], note["in_doubt"], note["billed"]) == (2, 2, 0)
    assert len(note["tried"]) == 2
    assert station.ears.statuses == {"again": 1, "failed": 1}


def test_a_file_that_was_replaced_before_its_note_is_not_moved(station, scripted):
    parts = station.open(originals="move")
    station.fed("cat.jpg", seed="old")
    scripted.script[1] = REFUSED
    workers = parts.workers
    workers.sender.send(workers._take_content())
    workers.sending.clear()
    assert station.row("cat.jpg").state is PathState.FAILING
    new = station.feed("cat.jpg", photo("new", size=(90, 90)))
    station.work()
    assert (station.inbox / "cat.jpg").read_bytes() == new
    assert note_on(station, "cat.jpg")["original"] is None
    station.find("cat.jpg")
    station.work()
    assert list(station.outputs()) == ["cat.png"]
