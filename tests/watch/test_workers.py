from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from watch.feeding import photo
from watch.rows import place
from watch.station import PATIENCE_S, Door, place_of, refuse_writing, until

from rembg_plugins.core.errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    ResponseInfo,
    ValidationError,
)
from rembg_plugins.watch.decisions import resolve, retry
from rembg_plugins.watch.ledger import Ledger
from rembg_plugins.watch.states import ContentState, PathState

QUEUED, SENDING, IN_DOUBT, PARKED, CUT, FAILED = ContentState
WAITING, READY, FAILING, PUBLISHED, DONE, PATH_FAILED = PathState
LONG = 400 * 86_400.0  # s


def status(number, error=None, **members):
    return {"kind": "status", "status": number, "error": error, **members}


# Each row: what goes wrong with the first call; then where its content stands, what is told of
# it, what it has cost by the ledger (credits, calls in doubt) and by the sandbox; whether the gate
# is open, paused or closed, and the exit code of a run that ends there.
FIRST_CALLS = {
    "429": (status(429, "rate_limit"), QUEUED, "again", (0, 0), 0, "paused", 75),
    "429, Retry-After": (
        status(429, "rate_limit", headers={"Retry-After": "7"}),
        *(QUEUED, "again", (0, 0), 0, "paused", 75),
    ),
    "daily limit": (status(429, "daily_limit"), QUEUED, "again", (0, 0), 0, "paused", 75),
    "monthly limit": (status(429, "monthly_limit"), QUEUED, "again", (0, 0), 0, "paused", 75),
    "401": (status(401, "invalid_key"), QUEUED, "again", (0, 0), 0, "closed", 77),
    "403": (status(403, "email_not_verified"), QUEUED, "again", (0, 0), 0, "closed", 77),
    "402": (status(402), QUEUED, "again", (0, 0), 0, "closed", 75),
    "404": (status(404), QUEUED, "again", (0, 0), 0, "closed", 78),
    "redirect": ({"kind": "redirect"}, QUEUED, "again", (0, 0), 0, "closed", 78),
    "460": (
        {"kind": "answer", "content": "size", "width": 460, "height": 300},
        *(PARKED, "parked", (1, 0), 1, "closed", 75),
    ),
    "another size": (
        {"kind": "answer", "content": "size", "width": 500, "height": 500},
        *(FAILED, "failed", (1, 0), 1, "open", None),
    ),
    "HTML": ({"kind": "answer", "content": "html"}, FAILED, "failed", (1, 0), 1, "open", None),
    "JSON": ({"kind": "answer", "content": "json"}, FAILED, "failed", (1, 0), 1, "open", None),
    "empty": ({"kind": "answer", "content": "empty"}, FAILED, "failed", (1, 0), 1, "open", None),
    "base64": ({"kind": "answer", "content": "base64"}, CUT, "published", (1, 0), 1, "open", None),
    "cut": ({"kind": "cut"}, FAILED, "failed", (1, 0), 1, "open", None),
    "cut at once": ({"kind": "cut", "after": 0}, FAILED, "failed", (1, 0), 1, "open", None),
    "too short": ({"kind": "length"}, FAILED, "failed", (1, 0), 1, "open", None),
    "reset before": (
        {"kind": "reset", "when": "before"},
        *(IN_DOUBT, "again", (0, 1), 0, "open", None),
    ),
    "reset after": ({"kind": "reset"}, IN_DOUBT, "again", (0, 1), 1, "open", None),
    "time-out": ({"kind": "never"}, IN_DOUBT, "again", (0, 1), None, "open", None),
    "500": (status(500, billed=True), IN_DOUBT, "again", (0, 1), 1, "open", None),
    "503": (status(503), QUEUED, "again", (0, 0), 0, "paused", 69),
    "504": (status(504, billed=True), IN_DOUBT, "again", (0, 1), 1, "open", None),
    "400": (status(400, "bad_signature"), FAILED, "failed", (0, 0), 0, "open", None),
    "413": (status(413), FAILED, "failed", (0, 0), 0, "open", None),
    "418": (status(418), FAILED, "failed", (0, 0), 0, "open", None),
}


def patience_s(name):
    """Only what never answers is waited for in vain; a busy machine may be slow with all else."""
    return 0.2 if name == "time-out" else 60


PATHS = {CUT: DONE, FAILED: PATH_FAILED}


@pytest.mark.parametrize("name", FIRST_CALLS)
def test_how_a_call_ends_decides_what_is_told_and_whether_more_are_made(api, name):
    fault, state, told, (credits_, in_doubt), billed, kind, exit_code = FIRST_CALLS[name]
    parts = api.open(configuration={"read_timeout_s": patience_s(name)})
    sha256 = api.fed("cat.jpg", photo(name, size=(920, 600)))
    api.sandbox.fault(**fault)
    api.work()
    content = api.content(sha256)
    assert content.state is state
    assert (content.billed, content.in_doubt) == (credits_, in_doubt)
    assert api.row("cat.jpg").state is PATHS.get(state, WAITING)
    (news,) = api.ears.pictures
    assert (news.status, news.credits, news.in_doubt) == (told, credits_, in_doubt)
    assert news.sha256 == sha256
    assert (news.error is None) == (told == "published")
    gate = parts.gate.state
    assert (gate.kind, gate.exit_code) == (kind, exit_code)
    if billed is not None:
        assert api.bills.get(sha256, 0) == billed
    assert len(api.sent) == 1


@pytest.mark.parametrize("name", FIRST_CALLS)
def test_whatever_goes_wrong_every_time_no_content_is_billed_three_times(api, name):
    fault, state, _, (credits_, _), *_ = FIRST_CALLS[name]
    parts = api.open(configuration={"read_timeout_s": patience_s(name)})
    sha256 = api.fed("cat.jpg", photo(name, size=(920, 600)))
    api.sandbox.fault(**fault, times=1000)
    for _ in range(6):
        api.work()
        api.clock.now += 40 * 86_400
        parts.gate.reopen()
    content = api.content(sha256)
    assert content.attempts == (2 if state is IN_DOUBT else credits_)
    assert content.sends == (6 if state is QUEUED else max(1, content.attempts))
    assert len(api.sent) == content.sends
    assert api.bills.get(sha256, 0) <= content.attempts


def test_a_name_is_sent_only_once_however_many_have_its_bytes(api):
    api.open()
    content = photo("twin")
    names = [f"{number:02}.jpg" for number in range(20)]
    for name in names:
        api.fed(name, content)
    api.work()
    sha256 = hashlib.sha256(content).digest()
    assert api.bills == {sha256: 1}
    outputs = api.outputs()
    assert len(outputs) == 20
    assert len(set(outputs.values())) == 1
    credits_ = [news.credits for news in api.ears.pictures]
    assert (len(credits_), sum(credits_)) == (20, 1)
    shared = [news.same_as for news in api.ears.pictures if not news.credits]
    assert len(shared) == 19
    assert None not in shared


def test_many_threads_send_each_content_once_and_publish_each_name_once(api):
    parts = api.open(jobs="8")
    names = [f"{number:02}.jpg" for number in range(40)]
    for number, name in enumerate(names):
        api.feed(name, seed=number % 10)
    parts.workers.start()
    for name in names:
        api.find(name)
    until(lambda: len(api.outputs()) == 40)
    until(lambda: parts.workers.are_idle)
    parts.workers.stop()
    assert sorted(api.bills.values()) == [1] * 10
    assert api.ears.statuses == {"published": 40}


@pytest.mark.parametrize(
    ("answer", "word", "cost"),
    [
        (None, "its cut-out is kept", (1, 0)),
        (APITimeoutError("No answer.", sent="all", billed=None), "no cut-out: No answer.", (0, 1)),
    ],
)
def test_a_picture_that_is_removed_during_its_call_is_named_with_its_cost(
    station, scripted, answer, word, cost
):
    parts = station.open()
    sha256 = station.fed("cat.jpg")
    door = Door()

    def call(_):
        door()
        if answer is not None:
            raise answer

    scripted.script[1] = call
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(parts.workers.step)
        door.until_reached()
        parts.ledger.paths.forget([place_of("cat.jpg")])
        door.open()
        assert working.result(PATIENCE_S)
    [(text, facts)] = [note for note in station.ears.notes if "removed" in note[0]]
    assert word in text
    assert facts["source"] == b"cat.jpg"
    assert (facts["credits"], facts["in_doubt"]) == cost
    assert (station.ears.pictures, station.outputs()) == ([], {})
    assert station.content(sha256).state is (IN_DOUBT if answer else CUT)


def test_what_is_paid_for_is_published_before_more_is_sent(station, scripted):
    station.open()
    for number in range(3):
        station.fed(f"{number}.jpg")
    outputs = []
    scripted.script["each"] = lambda _: outputs.append(len(station.outputs()))
    station.work()
    assert outputs == [0, 1, 2]


def test_an_output_that_cannot_be_written_stops_sending_and_is_tried_again(station, scripted):
    parts = station.open()
    for name in ("a.jpg", "b.jpg"):
        station.fed(name)
    ours = station.outbox / ".rembg-plugins" / "temporary"

    def spoil(_):
        ours.rmdir()
        ours.write_bytes(b"in the way")

    scripted.script[1] = spoil
    station.work()
    assert len(scripted.calls) == 1
    assert (parts.gate.state.kind, parts.gate.state.exit_code) == ("paused", 73)
    assert station.content(scripted.calls[0]).state is CUT
    ours.unlink()
    station.clock.now += 29
    station.work()
    assert station.outputs() == {}
    station.clock.now += 2
    station.work()
    assert len(station.outputs()) == 2
    assert len(scripted.calls) == 2
    assert parts.gate.state.kind == "open"
    assert parts.workers.troubles == {}


def test_of_many_outputs_that_cannot_be_written_one_is_tried_at_a_time(station):
    station.open()
    for number in range(9):
        station.fed(f"{number}.jpg")
    station.work()
    parts = station.open(w="5")
    ours = station.outbox / ".rembg-plugins" / "temporary"
    ours.rmdir()
    ours.write_bytes(b"in the way")
    station.work()
    assert len(parts.workers.put_off) == 1
    station.clock.now += 31
    ours.unlink()
    station.work()
    assert station.ears.statuses == {"published": 18}


def test_an_original_that_cannot_be_put_away_does_not_stop_sending(station, scripted):
    parts = station.open(originals="move")
    station.fed("a.jpg")
    station.fed("b.jpg")
    (station.inbox / "done").write_bytes(b"in the way")
    station.work()
    assert len(scripted.calls) == 2
    assert sorted(station.outputs()) == ["a.png", "b.png"]
    assert parts.gate.state.kind == "open"
    assert {row.state for row in map(station.row, ("a.jpg", "b.jpg"))} == {PUBLISHED}
    assert set(station.originals()) == {"a.jpg", "b.jpg", "done"}
    assert len(station.ears.notes) == 2
    station.clock.now += 31
    station.work()
    assert len(station.ears.notes) == 2  # told once each
    (station.inbox / "done").unlink()
    station.clock.now += 31
    station.work()
    assert set(station.originals()) == {"done/a.jpg", "done/b.jpg"}
    assert parts.workers.troubles == {}


def test_a_note_that_cannot_be_written_is_tried_again(station, scripted):
    parts = station.open(failed=str(station.root / "failed"))
    station.fed("cat.jpg")
    scripted.script[1] = ValidationError("no good", sent="nothing", billed=False)
    (station.root / "failed").write_bytes(b"in the way")
    station.work()
    assert station.row("cat.jpg").state is FAILING
    assert parts.gate.state.kind == "open"
    (station.root / "failed").unlink()
    station.clock.now += 31
    station.work()
    assert station.row("cat.jpg").state is PATH_FAILED
    assert station.ears.statuses == {"failed": 1}


def test_draining_ends_what_is_under_way_and_publishes_it(station, scripted):
    parts = station.open(jobs="2")
    for number in range(6):
        station.fed(f"{number}.jpg")
    door = Door()
    scripted.script["each"] = door
    parts.workers.start()
    door.until_reached(2)
    parts.workers.drain()
    assert parts.workers.are_busy
    door.open()
    until(lambda: not parts.workers.are_alive)
    assert (len(scripted.calls), len(station.outputs())) == (2, 2)
    assert not parts.workers.are_busy
    assert parts.workers.problem is None
    assert parts.ledger.contents.count_to_send() == 4


def test_stopping_leaves_what_was_paid_for_to_the_next_run(station, scripted):
    parts = station.open(jobs="2")
    for number in range(3):
        station.fed(f"{number}.jpg")
    door = Door()
    scripted.script["each"] = door
    parts.workers.start()
    door.until_reached(2)
    parts.workers.stop()
    door.open()
    until(lambda: not parts.workers.are_alive)
    assert station.outputs() == {}
    assert parts.ledger.contents.states() == {CUT: 2, QUEUED: 1}
    scripted.script.clear()
    station.open()
    station.work()
    assert (len(scripted.calls), len(station.outputs())) == (3, 3)


def test_a_bug_stops_all_threads_and_is_kept(station, scripted):
    parts = station.open(jobs="4")
    for number in range(8):
        station.fed(f"{number}.jpg")
    bug = RuntimeError("a bug")
    scripted.script[1] = bug
    parts.workers.start()
    until(lambda: not parts.workers.are_alive)
    assert parts.workers.problem is bug
    assert not parts.workers.are_busy
    assert parts.ledger.contents.in_state(SENDING) == []


@pytest.mark.parametrize("state", [READY, FAILING, PUBLISHED])
def test_a_ledger_that_cannot_be_written_loses_nothing_in_any_step(station, scripted, state):
    parts = station.open(originals="move")
    if state is FAILING:
        scripted.script[1] = ValidationError("no good", sent="nothing", billed=False)
    sha256 = station.fed("cat.jpg")
    _leave_in(station, state, sha256)
    refuse_writing(parts.ledger)
    with pytest.raises(OSError, match="ledger"):
        station.work()
    station.open(originals="move")
    station.work()
    assert len(scripted.calls) == 1
    if state is FAILING:
        assert sorted(station.originals()) == ["failed/cat.jpg", "failed/cat.jpg.error.json"]
    else:
        assert list(station.outputs()) == ["cat.png"]
        assert list(station.originals()) == ["done/cat.jpg"]


def _leave_in(station, state, sha256):
    """Bring a name so far, and no further."""
    workers = station.parts.workers
    content = workers._take_content()
    call = workers.sender.send(content)
    workers.publisher.calls[sha256] = call
    workers.sending.clear()
    if state is PUBLISHED:
        workers.publisher.publish(station.row("cat.jpg"))
    assert station.row("cat.jpg").state is state


@pytest.mark.parametrize("decision", ["retry", "resolve"])
def test_a_person_who_decides_in_another_process_has_it_sent_again(station, scripted, decision):
    in_doubt = "park" if decision == "resolve" else "retry-once"
    parts = station.open(in_doubt=in_doubt)
    sha256 = station.fed("cat.jpg")
    if decision == "retry":
        scripted.script[1] = ValidationError("no good", sent="nothing", billed=False)
    else:
        scripted.script[1] = APITimeoutError("no answer", sent="all", billed=None)
    station.work()
    assert station.content(sha256).state is (FAILED if decision == "retry" else PARKED)
    other = Ledger(
        parts.settings.folders.state, engine=parts.ledger.contents.engine, now=station.clock
    )
    if decision == "retry":
        decided = retry(other, station.inbox, [place("cat.jpg")], force=False)
    else:
        decided = resolve(other, [], again=True, force=False)
    other.close()
    assert decided.changed == [b"cat.jpg"]
    assert parts.ledger.has_changed()
    station.work()
    assert len(scripted.calls) == 2
    assert list(station.outputs()) == ["cat.png"]
    assert not (station.inbox / "failed" / "cat.jpg.error.json").exists()


def test_a_gate_that_is_closed_lets_nothing_through_but_what_is_paid_for(station, scripted):
    parts = station.open()
    station.fed("a.jpg", seed="twin")
    station.work()
    station.fed("b.jpg")
    scripted.script[2] = AuthenticationError(
        "no such key", response=ResponseInfo(status=401), sent="all", billed=False
    )
    station.work()
    assert parts.gate.state.kind == "closed"
    station.fed("c.jpg", seed="twin")
    station.fed("d.jpg")
    station.clock.now += LONG
    station.work()
    assert len(scripted.calls) == 2
    assert sorted(station.outputs()) == ["a.png", "c.png"]
    assert parts.workers.are_idle
    parts.gate.reopen()
    station.work()
    assert len(station.outputs()) == 4


def test_the_threads_wake_when_something_comes(station, scripted):
    parts = station.open(jobs="3")
    parts.workers.start()
    for number in range(3):
        station.fed(f"{number}.jpg")
        station.ears.until(lambda number=number: len(station.ears.pictures) == number + 1)
    parts.workers.drain()
    until(lambda: not parts.workers.are_alive)
    assert not any(thread.name == "rembg-plugins worker" for thread in threading.enumerate())


def test_a_connection_that_is_refused_holds_all_and_then_lets_one_try(station, scripted):
    parts = station.open()
    for number in range(3):
        station.fed(f"{number}.jpg")
    for number in (1, 2):
        scripted.script[number] = APIConnectionError("refused", sent="nothing", billed=False)
    station.work()
    assert (len(scripted.calls), parts.gate.state.kind) == (1, "paused")
    station.clock.now += 1.1
    station.work()
    assert len(scripted.calls) == 2
    station.clock.now += 2.1
    station.work()
    assert parts.gate.state.kind == "open"
    station.clock.now += 10
    station.work()
    assert len(station.outputs()) == 3
