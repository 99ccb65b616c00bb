from __future__ import annotations

import hashlib
import os
import shutil
from types import SimpleNamespace

import pytest
from watch.feeding import photo
from watch.rows import place
from watch.station import Door, refuse_writing, until

from rembg_plugins.core.errors import (
    APIConnectionError,
    APITimeoutError,
    RateLimitError,
    ResponseInfo,
)
from rembg_plugins.watch import sending
from rembg_plugins.watch.states import ContentState, PathState

QUEUED, SENDING, IN_DOUBT, PARKED, CUT, FAILED = ContentState
WAITING, READY, FAILING, PUBLISHED, DONE, PATH_FAILED = PathState
GIB = 1 << 30


def sha(content):
    return hashlib.sha256(content).digest()


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "BMP"])
def test_the_bytes_that_are_sent_are_those_that_were_hashed(api, format_):
    api.open()
    sha256 = api.fed(f"cat.{format_.lower()}", photo(1, format_=format_))
    api.work()
    assert api.sent == [sha256.hex()]
    assert api.bills == {sha256: 1}
    assert (api.content(sha256).state, api.content(sha256).billed) == (CUT, 1)
    assert list(api.outputs()) == ["cat.png"]


def test_a_file_that_was_replaced_since_it_was_hashed_is_not_sent(api):
    api.open()
    old = api.fed("cat.jpg", seed="old")
    new = sha(api.feed("cat.jpg", seed="new"))
    api.work()
    assert api.sent == []
    assert api.row("cat.jpg").sha256 is None
    assert api.parts.look_again.is_set()
    assert api.content(old) is None
    api.find("cat.jpg")
    api.work()
    assert api.bills == {new: 1}


def test_a_file_that_was_replaced_behind_its_stamp_is_not_sent(api):
    api.open()
    old = api.fed("cat.bmp", photo("old", format_="BMP"))
    path = api.inbox / "cat.bmp"
    stat = path.stat()
    path.write_bytes(photo("new", format_="BMP"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_size == stat.st_size
    api.work()
    assert api.sent == []
    assert api.content(old) is None
    assert api.parts.gate.state.running == 0


def test_what_the_finder_has_just_read_is_not_read_again(api, monkeypatch):
    api.open()
    sha256 = api.found("cat.jpg")
    monkeypatch.setattr(sending, "read_whole", refuse)
    api.work()
    assert api.bills == {sha256: 1}


def refuse(*_):
    raise AssertionError


def test_a_file_that_was_replaced_since_the_finder_read_it_is_not_sent(api):
    api.open()
    old = api.found("cat.jpg", seed="old")
    new = sha(api.feed("cat.jpg", seed="new"))
    api.work()
    assert api.sent == []
    assert api.content(old) is None
    api.find("cat.jpg")
    api.work()
    assert api.bills == {new: 1}


def test_another_name_of_what_the_finder_has_just_read_is_enough(api):
    api.open()
    sha256 = api.found("a.jpg", seed="twin")
    api.fed("b.jpg", seed="twin")
    (api.inbox / "a.jpg").unlink()
    api.work()
    assert api.bills == {sha256: 1}
    assert "b.png" in api.outputs()


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("fate", ["gone", "a folder", "a link"])
def test_what_is_no_file_any_more_is_not_sent(api, fate, held):
    api.open()
    sha256 = api.found("cat.jpg") if held else api.fed("cat.jpg")
    (api.inbox / "cat.jpg").rename(api.root / "away.jpg")
    if fate == "a folder":
        (api.inbox / "cat.jpg").mkdir()
    elif fate == "a link":
        (api.inbox / "cat.jpg").symlink_to(api.root / "away.jpg")
    api.work()
    assert api.sent == []
    assert api.row("cat.jpg").sha256 == sha256  # whether it is gone is the scan's to say
    assert api.content(sha256).not_before > api.clock.now
    assert api.parts.look_again.is_set()
    assert api.parts.workers.troubles


def test_another_name_with_the_same_bytes_is_sent_where_one_was_replaced(api):
    api.open()
    sha256 = api.fed("a.jpg", seed="twin")
    api.fed("b.jpg", seed="twin")
    api.feed("a.jpg", seed="other")
    api.work()
    assert api.bills == {sha256: 1}
    assert list(api.outputs()) == ["b.png"]
    assert api.row("a.jpg").sha256 is None
    assert api.parts.look_again.is_set()


def test_that_it_is_sent_is_on_disk_before_the_engine_gets_it(station, scripted):
    station.open()
    sha256 = station.fed("cat.jpg")
    seen = []
    scripted.script[1] = lambda _: seen.append(station.content(sha256))
    station.work()
    (content,) = seen
    assert (content.state, content.sends) == (SENDING, 1)
    assert station.content(sha256).state is CUT


def test_the_answer_is_on_disk_before_it_is_judged(station, scripted):
    station.open()
    sha256 = station.fed("cat.jpg")
    scripted.script[1] = b"<html>no picture</html>"
    station.work()
    content = station.content(sha256)
    assert (content.state, content.billed) == (FAILED, 1)
    assert station.parts.spool.refused(sha256).read_bytes() == b"<html>no picture</html>"


def test_nothing_is_sent_while_outbox_cannot_be_written(station, scripted):
    station.open()
    sha256 = station.fed("cat.jpg")
    ours = station.outbox / ".rembg-plugins" / "temporary"
    ours.rmdir()
    ours.write_bytes(b"in the way")
    station.work()
    assert scripted.calls == []
    assert station.content(sha256).sends == 0
    state = station.parts.gate.state
    assert (state.kind, state.exit_code) == ("paused", 73)
    ours.unlink()
    station.work()
    assert scripted.calls == []
    station.clock.now += 31
    station.work()
    assert scripted.calls == [sha256]
    assert station.parts.gate.state.kind == "open"


@pytest.mark.parametrize("disk", ["out", "state"])
def test_nothing_is_sent_while_a_disk_has_no_space(station, scripted, monkeypatch, disk):
    station.open()
    sha256 = station.fed("cat.jpg")
    with monkeypatch.context() as patch:

        def usage_of(path):
            return SimpleNamespace(free=1000 if f"/{disk}" in str(path) else GIB)

        patch.setattr(shutil, "disk_usage", usage_of)
        station.work()
    assert scripted.calls == []
    assert station.content(sha256).state is QUEUED
    assert "free" in station.parts.gate.state.reason
    station.clock.now += 31
    station.work()
    assert list(station.outputs()) == ["cat.png"]


@pytest.mark.parametrize("limit", [0, 1, 7])
def test_sixteen_threads_never_pass_the_budget(api, limit):
    parts = api.open(jobs="16", budget=str(limit))
    for number in range(24):
        api.fed(f"{number}.jpg")
    parts.workers.start()
    until(lambda: parts.gate.state.kind == "closed")
    until(lambda: not parts.workers.are_busy)
    parts.workers.stop()
    assert sum(api.bills.values()) == len(api.sent) == limit
    assert parts.ledger.tally.run["billed"] == limit
    assert parts.gate.state.kind == "closed"
    assert parts.ledger.contents.count_to_send() == 24 - limit


def test_calls_under_way_count_in_the_budget(station, scripted):
    parts = station.open(jobs="16", budget="3")
    for number in range(20):
        station.fed(f"{number}.jpg")
    door = Door()
    scripted.script["each"] = door
    parts.workers.start()
    door.until_reached(3)
    assert len(parts.ledger.contents.in_state(SENDING)) == 3
    door.open()
    until(lambda: parts.gate.state.kind == "closed")
    until(lambda: not parts.workers.are_busy)
    assert len(scripted.calls) == 3


def test_a_call_that_came_to_nothing_gives_its_budget_back(station, scripted):
    station.open(budget="1")
    station.fed("a.jpg")
    station.fed("b.jpg")
    scripted.script[1] = RateLimitError(
        "slow down", response=ResponseInfo(status=429), sent="all", billed=False
    )
    station.work()
    station.clock.now += 10
    station.work()
    assert len(scripted.calls) == 2
    assert len(station.outputs()) == 1


def test_threads_that_the_budget_lets_wait_do_not_run_in_circles(station, scripted):
    parts = station.open(jobs="4", budget="1")
    for number in range(8):
        station.fed(f"{number}.jpg")
    door, changes = Door(), []
    scripted.script["each"] = door
    parts.workers.start()
    door.until_reached()
    for _ in range(20):
        parts.ledger.wait(parts.ledger.changes, 0.02)
        changes.append(parts.ledger.changes)
    assert changes[-1] - changes[0] < 5
    door.open()
    until(lambda: parts.gate.state.kind == "closed")


def test_a_call_in_doubt_is_made_once_more_and_never_again(station, scripted):
    station.open()
    sha256 = station.fed("cat.jpg")
    scripted.script["each"] = APITimeoutError("no answer", sent="all", billed=None)
    station.work()
    assert station.content(sha256).state is IN_DOUBT
    station.work()
    assert len(scripted.calls) == 1  # it waits a little first
    station.clock.now += 6
    station.work()
    content = station.content(sha256)
    assert (content.state, content.attempts, content.in_doubt) == (FAILED, 2, 2)
    for _ in range(5):
        station.clock.now += 7200
        station.work()
    station.open()
    station.clock.now += 7200
    station.work()
    assert len(scripted.calls) == 2
    assert station.row("cat.jpg").state is PATH_FAILED


def test_under_park_a_call_in_doubt_is_the_last_one(station, scripted):
    station.open(in_doubt="park")
    sha256 = station.fed("cat.jpg")
    scripted.script["each"] = APITimeoutError("no answer", sent="all", billed=None)
    for _ in range(5):
        station.work()
        station.clock.now += 7200
    content = station.content(sha256)
    assert (content.state, content.attempts, len(scripted.calls)) == (PARKED, 1, 1)
    assert station.row("cat.jpg").state is WAITING


def test_refused_connections_do_not_count_as_attempts(station, scripted):
    station.open()
    sha256 = station.fed("cat.jpg")
    for number in range(1, 6):
        scripted.script[number] = APIConnectionError("refused", sent="nothing", billed=False)
    for _ in range(40):
        station.work()
        station.clock.now += 60
    content = station.content(sha256)
    assert (content.state, content.sends, content.attempts) == (CUT, 6, 1)


@pytest.mark.parametrize("bug", [RuntimeError("a bug"), MemoryError(), KeyboardInterrupt()])
def test_what_is_a_bug_leaves_a_doubt_and_is_raised(station, scripted, bug):
    station.open()
    sha256 = station.fed("cat.jpg")
    scripted.script["each"] = bug
    with pytest.raises(type(bug)):
        station.work()
    content = station.content(sha256)
    assert (content.state, content.attempts) == (IN_DOUBT, 1)
    station.open()
    station.clock.now += 60
    with pytest.raises(type(bug)):
        station.work()
    assert station.content(sha256).state is FAILED
    station.open()
    station.clock.now += 60
    station.work()
    assert len(scripted.calls) == 2
    assert station.row("cat.jpg").state is PATH_FAILED


def test_an_answer_that_came_before_a_bug_is_not_bought_again(station, scripted, monkeypatch):
    parts = station.open()
    sha256 = station.fed("cat.jpg")

    def broken(*_):
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(type(parts.workers.sender.judge), "good", broken)
        patch.setattr(type(parts.workers.sender.recovery), "settle", lambda *_: None)
        with pytest.raises(RuntimeError):
            station.work()
    assert station.content(sha256).state is SENDING
    station.open()
    station.work()
    assert (len(scripted.calls), list(station.outputs())) == (1, ["cat.png"])


def test_a_bug_is_no_success_to_the_gate(station, scripted):
    parts = station.open()
    station.fed("a.jpg")
    station.fed("b.jpg")
    scripted.script[1] = APIConnectionError("refused", sent="nothing", billed=False)
    scripted.script[2] = RuntimeError("a bug")
    station.work()
    station.clock.now += 1.5
    with pytest.raises(RuntimeError):
        station.work()
    assert parts.gate.state.kind == "paused"


def test_an_answer_for_which_the_spool_has_no_room_leaves_a_doubt(station, scripted):
    parts = station.open()
    sha256 = station.fed("cat.jpg")
    folder = parts.spool._place_of(sha256).parent
    folder.write_bytes(b"in the way")  # the answer is whole, and cannot be kept
    parts.workers.sender.stopped.set()
    with pytest.raises(FileExistsError):
        station.work()
    folder.unlink()
    station.open()
    station.work()
    assert (len(scripted.calls), list(station.outputs())) == (1, ["cat.png"])


@pytest.mark.parametrize("when", ["begin", "end"])
def test_a_ledger_that_cannot_be_written_stops_sending_and_loses_nothing(station, scripted, when):
    parts = station.open()
    sha256 = station.fed("cat.jpg")
    if when == "begin":
        refuse_writing(parts.ledger)
    else:
        scripted.script[1] = lambda _: refuse_writing(parts.ledger)
    parts.workers.sender.stopped.set()
    with pytest.raises(OSError, match="ledger: .*readonly"):
        station.work()
    assert len(scripted.calls) == (when == "end")
    assert station.content(sha256).state is (SENDING if when == "end" else QUEUED)
    station.open()
    station.work()
    assert len(scripted.calls) == 1
    assert list(station.outputs()) == ["cat.png"]


def test_a_failed_call_is_told_with_what_it_may_have_cost(station, scripted):
    station.open()
    station.fed("cat.jpg")
    scripted.script[1] = APITimeoutError("no answer", sent="all", billed=None)
    station.work()
    (news,) = station.ears.pictures
    assert (news.status, news.credits, news.in_doubt) == ("again", 0, 1)
    assert (news.source, news.code) == (b"cat.jpg", "timeout")
    assert isinstance(news.error, APITimeoutError)


def test_the_names_place_is_no_secret_of_the_call(station, scripted):
    station.open()
    station.feed("shop/cat.jpg")
    station.find("shop/cat.jpg")
    names = []
    scripted.script[1] = lambda request: names.append(request.source.name)
    station.work()
    assert names == ["cat.jpg"]
    assert place("shop/cat.jpg").relative == b"shop/cat.jpg"
