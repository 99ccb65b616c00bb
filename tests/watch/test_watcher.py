from __future__ import annotations

import json
from pathlib import Path

import pytest
from watch.feeding import photo
from watch.station import until
from watch.watching import NO_ANSWER, REFUSED, answered

from rembg_plugins.core.errors import (
    APIConnectionError,
    AuthenticationError,
    DailyQuotaError,
    PaymentRequiredError,
    RateLimitError,
)
from rembg_plugins.watch.health import FILE
from rembg_plugins.watch.lock import path_of_lock
from rembg_plugins.watch.vitals import Vitals
from rembg_plugins.watch.watcher import ASK_ABOVE, Watcher

# How a run with --once ends: what the engine does, and what the run ends with.


def test_a_run_that_has_done_all_ends_with_0(station, make_watcher):
    for name in ("a.jpg", "b/c.jpg"):
        station.feed(name)
    watcher = make_watcher()
    summary = watcher.run()
    assert (summary.exit_code, summary.published, summary.credits) == (0, 2, 2)
    assert (summary.left, summary.parked, summary.failed, summary.stopped) == (0, 0, 0, None)
    assert station.ears.summaries == [summary]
    assert sorted(station.outputs()) == ["a.png", "b/c.png"]
    assert make_watcher().run().published == 0  # and the next one has nothing to do


def test_workers_begin_before_anything_is_counted(station, make_watcher, monkeypatch):
    began = []

    def tick(vitals, **_):
        began.append(vitals.parts.workers.are_alive)

    monkeypatch.setattr(Vitals, "tick", tick)
    station.feed("a.jpg")
    assert make_watcher().run().published == 1
    assert began[0]


def test_a_run_without_pictures_ends_with_0(make_watcher):
    assert make_watcher().run().exit_code == 0


def test_a_run_in_which_some_failed_ends_with_1(station, make_watcher, scripted):
    station.feed("a.jpg")
    station.feed("b.jpg")
    scripted.script[1] = REFUSED
    summary = make_watcher().run()
    assert (summary.exit_code, summary.published, summary.failed) == (1, 1, 1)
    assert make_watcher().run().exit_code == 0  # nothing has failed in that one


def test_a_run_that_was_not_confirmed_ends_with_2(station, make_watcher, scripted):
    for number in range(ASK_ABOVE + 1):
        station.feed(f"{number}.jpg", photo(number, size=(9, 9)))
    summary = make_watcher(confirm=lambda _: False).run()
    assert (summary.exit_code, summary.left) == (2, ASK_ABOVE + 1)
    assert "51" in summary.stopped
    assert scripted.calls == []


def test_a_run_that_leaves_something_to_a_person_ends_with_3(station, make_watcher, scripted):
    station.feed("a.jpg")
    scripted.script[1] = NO_ANSWER
    summary = make_watcher(in_doubt="park").run()
    assert (summary.exit_code, summary.parked, summary.in_doubt) == (3, 1, 1)
    assert make_watcher(in_doubt="park").run().exit_code == 3
    assert len(scripted.calls) == 1


CLOSED = {
    "401": (answered(AuthenticationError, 401), 77),
    "402": (answered(PaymentRequiredError, 402), 75),
    "daily limit": (answered(DailyQuotaError, 429), 75),
    "a long Retry-After": (answered(RateLimitError, 429, retry_after=4000.0), 75),
}


@pytest.mark.parametrize("name", CLOSED)
def test_a_run_does_not_wait_for_a_gate_that_will_not_open_soon(
    station, make_watcher, scripted, name
):
    error, exit_code = CLOSED[name]
    for number in range(5):
        station.feed(f"{number}.jpg")
    scripted.script["each"] = error
    summary = make_watcher(jobs="2").run()
    assert (summary.exit_code, summary.left, summary.published) == (exit_code, 5, 0)
    assert summary.stopped == str(error)
    assert len(scripted.calls) <= 2
    scripted.script.clear()
    scripted.calls.clear()
    summary = make_watcher().run()
    if summary.left:  # a limit is remembered, and not tried before its time
        assert (scripted.calls, summary.exit_code) == ([], 75)


def test_a_run_ends_where_the_api_stays_down(station, make_watcher, scripted, run_beside):
    station.feed("cat.jpg")
    scripted.script["each"] = APIConnectionError("refused", sent="nothing", billed=False)
    summary = make_watcher.end_of_patience(make_watcher(), run_beside)
    assert (summary.exit_code, summary.left) == (69, 1)
    assert summary.stopped == "refused"
    assert 1 <= len(scripted.calls) <= 3


def test_a_run_waits_for_an_api_that_comes_back(station, make_watcher, scripted):
    station.feed("cat.jpg")
    watcher = make_watcher()
    make_watcher.let_time_pass_at("gate", "paused", 20)
    refused = APIConnectionError("refused", sent="nothing", billed=False)
    scripted.script |= {1: refused, 2: refused}
    assert watcher.run().exit_code == 0


def test_a_run_waits_until_a_call_in_doubt_may_be_made_again(station, make_watcher, scripted):
    station.feed("cat.jpg")
    watcher = make_watcher()
    make_watcher.let_time_pass_at("picture", "again", 6)
    scripted.script[1] = NO_ANSWER
    summary = watcher.run()
    assert (summary.exit_code, summary.credits, summary.in_doubt) == (0, 1, 1)


def test_a_run_ends_where_outbox_cannot_be_written(station, make_watcher, scripted, run_beside):
    station.feed("cat.jpg")
    watcher = make_watcher()
    ours = station.outbox / ".rembg-plugins" / "temporary"

    def spoil(_):
        ours.rmdir()
        ours.write_bytes(b"in the way")

    scripted.script[1] = spoil
    summary = make_watcher.end_of_patience(watcher, run_beside)
    assert (summary.exit_code, summary.published, summary.credits) == (73, 0, 1)
    assert "temporary" in summary.stopped
    ours.unlink()
    make_watcher.put_forward(60)
    summary = make_watcher().run()
    assert (summary.exit_code, summary.published) == (0, 1)
    assert len(scripted.calls) == 1


def test_a_run_ends_where_an_original_cannot_be_put_away(station, make_watcher, run_beside):
    station.feed("cat.jpg")
    watcher = make_watcher(originals="move", include="*.jpg")
    (station.inbox / "done").write_bytes(b"in the way")
    summary = make_watcher.end_of_patience(watcher, run_beside)
    assert (summary.exit_code, summary.published) == (73, 1)
    assert "done" in summary.stopped
    (station.inbox / "done").unlink()
    make_watcher.put_forward(60)
    assert make_watcher(originals="move").run().exit_code == 0
    assert list(station.originals()) == ["done/cat.jpg"]


def test_what_is_paid_for_is_published_before_a_run_ends_at_a_closed_gate(
    station, make_watcher, scripted
):
    for number in range(20):
        station.feed(f"{number}.jpg")
    assert make_watcher().run().published == 20
    station.feed("more.jpg")
    scripted.script["each"] = answered(AuthenticationError, 401)
    summary = make_watcher(w="5", jobs="2").run()
    assert (summary.exit_code, summary.published, summary.left) == (77, 20, 1)


def test_a_closed_gate_is_no_end_while_something_can_be_published(station, scripted):
    parts = station.open()
    station.fed("a.jpg", seed="twin")
    station.work()
    station.fed("b.jpg")
    scripted.script["each"] = answered(AuthenticationError, 401)
    station.work()
    station.fed("c.jpg", seed="twin")
    watcher = Watcher(parts=parts, once=True, clock=station.clock)
    assert not watcher._is_done()
    station.work()
    assert watcher._is_done()
    assert sorted(station.outputs()) == ["a.png", "c.png"]


# The question.


@pytest.mark.parametrize(("different", "asked"), [(ASK_ABOVE, []), (ASK_ABOVE + 3, [53])])
def test_it_asks_above_50_different_paid_pictures(
    station, make_watcher, scripted, different, asked
):
    for number in range(different):
        station.feed(f"{number}.jpg", photo(number, size=(9, 9)))
    for number in range(10):
        station.feed(f"twin-{number}.jpg", photo(0, size=(9, 9)))
    questions = []

    def confirm(number):
        assert scripted.calls == []
        questions.append(number)
        return True

    summary = make_watcher(confirm=confirm).run()
    assert questions == asked
    assert (summary.exit_code, summary.credits, summary.published) == (
        *(0, different),
        different + 10,
    )


@pytest.mark.parametrize("kind", ["TIFF", "zeros at the end"])
def test_it_asks_about_what_has_no_end_yet_too(station, make_watcher, scripted, kind):
    for number in range(ASK_ABOVE + 1):
        if kind == "TIFF":
            station.feed(f"{number}.tif", photo(number, size=(9, 9), format_="TIFF"))
        else:
            station.feed(f"{number}.jpg", photo(number, size=(9, 9)) + bytes(4096))
    summary = make_watcher(transcode="yes", confirm=lambda _: False).run()
    assert (summary.exit_code, scripted.calls) == (2, [])
    assert "51" in summary.stopped


def test_while_it_asks_it_gives_its_signs_of_life(station, make_watcher):
    for number in range(ASK_ABOVE + 1):
        station.feed(f"{number}.jpg", photo(number, size=(9, 9)))

    def confirm(_):
        status = watcher.parts.settings.folders.state / FILE
        lock = path_of_lock(station.outbox)
        for _ in range(2):
            before = json.loads(status.read_bytes())["written"], lock.read_bytes()
            make_watcher.put_forward(6)
            until(lambda before=before: json.loads(status.read_bytes())["written"] > before[0])
            until(lambda before=before: lock.read_bytes() != before[1])
        return False

    watcher = make_watcher(confirm=confirm)
    assert watcher.run().exit_code == 2


def test_it_does_not_ask_where_nothing_is_paid_for(station, make_watcher, scripted):
    scripted.paid = False
    for number in range(ASK_ABOVE + 1):
        station.feed(f"{number}.jpg", photo(number, size=(9, 9)))
    assert make_watcher(confirm=lambda _: pytest.fail("it asked")).run().exit_code == 0


def test_what_is_cut_out_already_is_not_asked_about(station, make_watcher):
    for number in range(ASK_ABOVE + 1):
        station.feed(f"{number}.jpg", photo(number, size=(9, 9)))
    assert make_watcher().run().exit_code == 0
    watcher = make_watcher(w="5", confirm=lambda _: pytest.fail("it asked"))
    assert watcher.run().published == ASK_ABOVE + 1


@pytest.mark.parametrize("failed", [{}, {"failed": "elsewhere"}])
def test_a_kind_that_was_refused_is_taken_by_a_run_that_transcodes(
    station, make_watcher, scripted, failed
):
    content = station.feed("scan.tif", photo("scan", format_="TIFF"))
    failed = {name: str(station.root / folder) for name, folder in failed.items()}
    settings = {"include": ("*.tif",), **failed}
    assert make_watcher(**settings).run().failed == 1
    note = Path(station.ears.pictures[-1].note)
    assert "--transcode" in json.loads(note.read_bytes())["remedy"]
    summary = make_watcher(transcode="yes", **settings).run()
    assert (summary.exit_code, summary.published, len(scripted.calls)) == (0, 1, 1)
    assert not note.exists()
    assert station.originals() == {"scan.tif": content}


def test_what_no_re_encoding_helps_does_not_fail_anew_at_each_start(station, make_watcher):
    station.feed("page.jpg", b"<!doctype html><title>Not found</title>")
    assert make_watcher(transcode="yes").run().failed == 1
    note = json.loads(Path(station.ears.pictures[-1].note).read_bytes())
    assert "--transcode" not in note["remedy"] + note["message"]
    assert make_watcher(transcode="yes").run().exit_code == 0


@pytest.mark.parametrize("paid", [True, False])
def test_a_ledger_that_does_not_know_what_was_paid_for_asks_before_it_pays_again(
    station, make_watcher, scripted, paid
):
    scripted.paid = paid
    station.feed("cat.jpg")
    assert make_watcher(confirm=lambda _: pytest.fail("it asked")).run().published == 1
    elsewhere = str(station.root / "elsewhere")
    summary = make_watcher(state=elsewhere, confirm=lambda _: False).run()
    assert summary.exit_code == (2 if paid else 0)
    told = [text for text, _ in station.ears.notes if "another ledger" in text]
    assert [str(station.root / "state") in text for text in told] == [True] * paid
    assert len(scripted.calls) == (1 if paid else 2)
