from __future__ import annotations

import json
import signal

import pytest
from watch.station import PATIENCE_S, Door, refuse_writing, until
from watch.watching import REFUSED, answered

from rembg_plugins.core.errors import AuthenticationError
from rembg_plugins.watch.decisions import retry
from rembg_plugins.watch.health import read_status
from rembg_plugins.watch.ledger import Ledger
from rembg_plugins.watch.lock import AlreadyWatchedError, path_of_lock
from rembg_plugins.watch.states import ContentState, PathState

QUEUED, SENDING, IN_DOUBT, PARKED, CUT, FAILED = ContentState


def status_of(watcher):
    return read_status(watcher.parts.settings.folders.state)


def state_after(station, name="cat.jpg"):
    """Where the content of a name stands in the ledger of a run that has ended."""
    parts = station.open()
    return parts.ledger.contents.get(station.row(name).sha256)


# Signals.


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_first_signal_drains(station, make_watcher, scripted, run_beside, number, exit_code):
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        station.feed(name)
    door = Door()
    scripted.script["each"] = door
    watcher = make_watcher(once=False, jobs="2")
    future = run_beside(watcher)
    door.until_reached(2)
    watcher.signals.put(number)
    station.ears.until(lambda: any("2 under way" in text for text, _ in station.ears.notes))
    make_watcher.put_forward(6)
    until(lambda: status_of(watcher)["state"] == "draining")
    door.open()
    summary = future.result(PATIENCE_S)
    assert (summary.exit_code, summary.published, summary.left) == (exit_code, 2, 1)
    assert summary.in_doubt == 0
    assert len(scripted.calls) == 2
    assert status_of(watcher)["state"] == "stopped"


@pytest.mark.parametrize(("paid", "cost"), [(True, "a credit a picture"), (False, "no credits")])
def test_a_watcher_says_what_it_watches_and_what_that_costs(
    station, make_watcher, scripted, run_beside, paid, cost
):
    scripted.paid = paid
    watcher = make_watcher(once=False)
    future = run_beside(watcher)
    text, _ = station.ears.until(lambda: station.ears.notes)[0]
    assert text.startswith(f"Watching {station.inbox} for {station.outbox}")
    assert cost in text
    watcher.signals.put(signal.SIGTERM)
    future.result(PATIENCE_S)


def test_a_signal_ends_an_idle_run_at_once(make_watcher, run_beside):
    watcher = make_watcher(once=False)
    future = run_beside(watcher)
    watcher.signals.put(signal.SIGTERM)
    assert future.result(PATIENCE_S).exit_code == 143


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_wait_for_another_machine_s_watcher(
    station, make_watcher, scripted, number, exit_code
):
    station.feed("cat.jpg")
    watcher = make_watcher(once=False)
    lock = path_of_lock(station.outbox)
    lock.parent.mkdir()
    facts = json.dumps({"machine": "elsewhere", "host": "elsewhere", "inbox": "/x"})
    lock.write_text(facts)
    watcher.signals.put(number)
    summary = watcher.run()
    assert summary.exit_code == exit_code
    assert station.ears.summaries == [summary]
    assert lock.read_text() == facts  # it may live
    assert scripted.calls == []


def test_a_signal_ends_a_run_that_has_not_begun(station, make_watcher):
    station.feed("cat.jpg")
    watcher = make_watcher(once=False, confirm=lambda _: True)
    watcher.signals.put(signal.SIGINT)
    assert watcher.run().exit_code == 130


def test_the_second_signal_ends_it_at_once_and_names_what_is_in_doubt(
    station, make_watcher, scripted, run_beside
):
    for name in ("a.jpg", "b.jpg"):
        station.feed(name)
    door = Door()
    scripted.script["each"] = door
    watcher = make_watcher(once=False, jobs="2")
    future = run_beside(watcher)
    door.until_reached(2)
    watcher.signals.put(signal.SIGTERM)
    watcher.signals.put(signal.SIGTERM)
    summary = future.result(PATIENCE_S)
    door.open()
    until(lambda: not watcher.parts.workers.are_alive)
    assert (summary.exit_code, summary.published, summary.credits) == (143, 0, 0)
    assert summary.in_doubt == 2
    doubtful = [facts["source"] for text, facts in station.ears.notes if "nobody can know" in text]
    assert sorted(doubtful) == [b"a.jpg", b"b.jpg"]
    scripted.script.clear()
    summary = make_watcher().run()
    assert (summary.exit_code, summary.published) == (0, 2)


def test_nothing_is_in_doubt_where_calls_cost_nothing(station, make_watcher, scripted, run_beside):
    station.feed("cat.jpg")
    door = Door()
    scripted.paid, scripted.script["each"] = False, door
    watcher = make_watcher(once=False)
    future = run_beside(watcher)
    door.until_reached()
    watcher.signals.put(signal.SIGTERM)
    watcher.signals.put(signal.SIGTERM)
    assert future.result(PATIENCE_S).in_doubt == 0
    assert not any("nobody can know" in text for text, _ in station.ears.notes)
    door.open()
    until(lambda: not watcher.parts.workers.are_alive)


def test_a_drain_does_not_wait_for_ever(station, make_watcher, scripted, run_beside):
    station.feed("cat.jpg")
    door = Door()
    scripted.script["each"] = door
    watcher = make_watcher(once=False)
    future = run_beside(watcher)
    door.until_reached()
    watcher.signals.put(signal.SIGTERM)
    until(lambda: watcher._signal is not None)
    make_watcher.put_forward(61)
    summary = future.result(PATIENCE_S)
    assert (summary.exit_code, summary.in_doubt) == (143, 1)
    assert any("nobody can know" in text for text, _ in station.ears.notes)
    door.open()
    until(lambda: not watcher.parts.workers.are_alive)


# What no picture is to blame for.


@pytest.mark.parametrize("bug", [RuntimeError("a bug"), MemoryError("none left")])
def test_a_bug_ends_the_run_and_loses_nothing(station, make_watcher, scripted, bug):
    station.feed("cat.jpg")
    scripted.script["each"] = bug
    for calls, state in ((1, IN_DOUBT), (2, FAILED)):
        summary = make_watcher(jobs="1").run()
        assert (summary.exit_code, summary.stopped) == (70, str(bug))
        content = state_after(station)
        assert (content.state, content.attempts, len(scripted.calls)) == (state, calls, calls)
        station.close()
        make_watcher.put_forward(60)
    assert make_watcher().run().exit_code == 1
    assert len(scripted.calls) == 2
    assert (station.inbox / "cat.jpg").exists()
    assert (station.inbox / "failed" / "cat.jpg.error.json").exists()


def test_calls_under_way_are_brought_to_their_end_where_another_ended_in_a_bug(
    station, make_watcher, scripted, run_beside
):
    for name in ("a.jpg", "b.jpg"):
        station.feed(name)
    door, bug = Door(), Door()

    def fail(_):
        bug()
        raise RuntimeError

    scripted.script |= {1: door, 2: fail}
    watcher = make_watcher(once=False, jobs="2")
    future = run_beside(watcher)
    door.until_reached()
    bug.until_reached()
    bug.open()
    until(lambda: watcher.parts.workers.problem is not None)
    for _ in range(2):  # the main thread has looked, and goes on
        before = status_of(watcher)["written"]
        make_watcher.put_forward(6)
        until(lambda before=before: future.done() or status_of(watcher)["written"] > before)
    assert not future.done()
    door.open()
    assert future.result(PATIENCE_S).exit_code == 70
    station.open()
    assert station.parts.ledger.contents.states() == {CUT: 1, IN_DOUBT: 1}


def test_a_ledger_that_cannot_be_written_ends_the_run_with_73(
    station, make_watcher, scripted, run_beside
):
    station.feed("cat.jpg")
    watcher = make_watcher(once=False)
    future = run_beside(watcher)
    until(station.outputs)
    until(lambda: watcher.parts.workers.are_idle)
    refuse_writing(watcher.parts.ledger)
    station.feed("other.jpg")
    watcher.parts.finder.wake()
    summary = future.result(PATIENCE_S)
    assert summary.exit_code == 73
    assert "ledger" in summary.stopped
    assert len(scripted.calls) == 1
    assert make_watcher().run().exit_code == 0
    assert len(scripted.calls) == 2
    assert sorted(station.outputs()) == ["cat.png", "other.png"]


@pytest.mark.parametrize("twice", [False, True])
def test_an_answer_that_the_ledger_cannot_take_is_held_and_not_bought_again(
    station, make_watcher, scripted, run_beside, twice
):
    station.feed("cat.jpg")
    watcher = make_watcher(once=False)
    scripted.script[1] = lambda _: refuse_writing(watcher.parts.ledger)
    future = run_beside(watcher)
    until(lambda: watcher.parts.gate.state.exit_code == 73)
    watcher.signals.put(signal.SIGTERM)
    if twice:
        watcher.signals.put(signal.SIGTERM)
    else:
        until(lambda: watcher._signal is not None)
        make_watcher.put_forward(61)
    assert future.result(PATIENCE_S).exit_code in {73, 143}
    until(lambda: not watcher.parts.workers.are_alive)
    make_watcher.put_forward(60)
    summary = make_watcher().run()
    assert (summary.exit_code, summary.published) == (0, 1)
    assert len(scripted.calls) == 1


def test_a_run_that_has_lost_outbox_ends_what_is_under_way_and_keeps_it(
    station, make_watcher, scripted, run_beside
):
    for name in ("a.jpg", "b.jpg"):
        station.feed(name)
    door = Door()
    scripted.script[1] = door
    watcher = make_watcher(once=False, jobs="1")
    future = run_beside(watcher)
    door.until_reached()
    lock = station.outbox / ".rembg-plugins" / "lock"
    facts = json.loads(lock.read_bytes())
    lock.write_text(json.dumps(facts | {"token": "another's", "host": "elsewhere"}))
    make_watcher.put_forward(6)
    until(lambda: watcher.parts.workers.problem is not None)
    door.open()
    summary = future.result(PATIENCE_S)
    assert summary.exit_code == 75
    assert "taken over" in summary.stopped
    assert station.outputs() == {}  # OUTBOX is another's
    lock.unlink()
    summary = make_watcher().run()
    assert (summary.exit_code, summary.published) == (0, 2)
    assert len(scripted.calls) == 2


def test_a_second_watcher_is_refused(station, make_watcher, run_beside):
    watcher = make_watcher(once=False)
    future = run_beside(watcher)
    other = make_watcher()
    with pytest.raises(AlreadyWatchedError):
        other.run()
    watcher.signals.put(signal.SIGTERM)
    assert future.result(PATIENCE_S).exit_code == 143


# What goes on beside.


def test_a_person_who_decides_meanwhile_reopens_the_gate(
    station, make_watcher, scripted, run_beside
):
    station.feed("a.jpg")
    station.feed("b.jpg")
    scripted.script[1] = REFUSED
    scripted.script[2] = answered(AuthenticationError, 401)
    watcher = make_watcher(once=False, jobs="1")
    future = run_beside(watcher)
    until(lambda: watcher.parts.gate.state.kind == "closed")
    until(lambda: watcher.parts.ledger.paths.in_state(PathState.FAILED))
    other = Ledger(
        watcher.parts.settings.folders.state, engine=watcher.parts.ledger.contents.engine
    )
    assert retry(other, station.inbox, [], force=False).changed
    other.close()
    make_watcher.put_forward(2)
    until(lambda: len(station.outputs()) == 2)
    assert watcher.parts.gate.state.kind == "open"
    watcher.signals.put(signal.SIGTERM)
    future.result(PATIENCE_S)


def test_the_status_says_how_it_goes(station, make_watcher, run_beside):
    station.feed("cat.jpg")
    watcher = make_watcher(once=False)
    future = run_beside(watcher)
    until(station.outputs)
    until(lambda: watcher.parts.ledger.paths.states().get(PathState.DONE))
    make_watcher.put_forward(6)
    # One that was written before may still have the path as ready.
    until(lambda: (found := status_of(watcher)) and found["queue"].get("paths.done"))
    found = status_of(watcher)
    assert (found["state"], found["is_paid"], found["gate"]["kind"]) == ("running", True, "open")
    assert found["queue"] == {"contents.cut": 1, "paths.done": 1}
    assert found["spent"]["run"]["credits"] == 1
    assert found["spent"]["today"] == found["spent"]["month"] == {"credits": 1, "in_doubt": 0}
    assert found["scan"]["files"] == 1
    assert found["last_error"] is None
    watcher.signals.put(signal.SIGTERM)
    future.result(PATIENCE_S)
    assert status_of(watcher)["state"] == "stopped"
