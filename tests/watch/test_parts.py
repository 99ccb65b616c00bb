from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3

import pytest
from watch.feeding import photo
from watch.station import Station

from rembg_plugins.core.adapter import Adapter
from rembg_plugins.core.errors import ConfigurationError, DailyQuotaError, ResponseInfo
from rembg_plugins.sandbox.keys import GOOD_KEY
from rembg_plugins.testing.offline import OfflineEngine
from rembg_plugins.watch.ledger import FILE
from rembg_plugins.watch.lock import AlreadyWatchedError
from rembg_plugins.watch.parts import engine_id
from rembg_plugins.watch.states import ContentState, PathState

OTHER_KEY = "sandbox-another"


def test_contents_belong_to_an_engine_by_name_and_version():
    assert engine_id(OfflineEngine()) == "offline 1"


def test_the_limits_are_those_of_a_key_and_tell_none(api):
    owners = {
        api.open(configuration={"api_key": key})._owner() for key in (GOOD_KEY, OTHER_KEY, GOOD_KEY)
    }
    assert len(owners) == 2
    assert not any(key in owner for owner in owners for key in (GOOD_KEY, OTHER_KEY))


@pytest.mark.parametrize("paid", [True, False])
def test_what_is_free_is_done_by_one_at_a_time(station, scripted, paid):
    scripted.paid = paid
    parts = station.open()
    assert parts.is_paid is paid
    assert parts.workers.jobs == (4 if paid else 1)
    assert station.open(jobs="9").workers.jobs == 9


def test_a_second_owner_of_inbox_is_refused_until_the_first_has_ended(station):
    station.open()
    other = station.unopened()
    with contextlib.ExitStack() as stack, pytest.raises(AlreadyWatchedError, match="INBOX"):
        other.open(stack)
    station.close()
    with contextlib.ExitStack() as stack:
        other.open(stack)


def test_a_second_owner_of_outbox_is_refused(station, tmp_path_factory):
    station.open()
    other = Station(tmp_path_factory.mktemp("other"), engine="scripted")
    other.outbox = station.outbox
    with pytest.raises(AlreadyWatchedError, match="OUTBOX"):
        other.open()
    other.close()
    station.close()
    other.open()
    other.close()


def test_what_cannot_be_opened_leaves_nothing_locked(station):
    with pytest.raises(ConfigurationError):
        station.open(configuration={"engine": "none-such"})
    station.open()
    path = station.parts.settings.folders.state / FILE
    station.close()
    with contextlib.closing(sqlite3.connect(path)) as ledger:
        ledger.execute("PRAGMA user_version = 999")
    with pytest.raises(ConfigurationError, match="later version"):
        station.open()
    with contextlib.closing(sqlite3.connect(path)) as ledger:
        ledger.execute("PRAGMA user_version = 1")
    station.open()


def crash_in_a_call(station, *, answer):
    """End a run while its first picture is being sent."""
    station.open()
    sha256 = station.fed("cat.jpg")
    contents = station.parts.ledger.contents
    contents.begin(sha256, limit=None, window=None, day="2026-11-22")
    if answer is not None:
        with station.parts.spool.receiving(sha256) as sink:
            sink.write(answer)
            sink.flush()
    station.close()
    return sha256


def test_a_crash_in_a_call_is_told_of_and_sent_once_more(station, scripted):
    sha256 = crash_in_a_call(station, answer=None)
    station.open()
    ((text, facts),) = station.ears.notes
    assert "may have been paid for" in text
    assert facts == {"source": b"cat.jpg"}
    assert station.content(sha256).state is ContentState.IN_DOUBT
    station.clock.now += 6
    station.work()
    assert len(scripted.calls) == 1
    assert list(station.outputs()) == ["cat.png"]


def test_under_park_a_crash_in_a_call_waits_for_a_person(station, scripted):
    sha256 = crash_in_a_call(station, answer=None)
    station.open(in_doubt="park")
    assert station.content(sha256).state is ContentState.PARKED
    station.clock.now += 86_400
    station.work()
    assert scripted.calls == []


def test_an_answer_that_a_crash_left_is_published_without_a_call(station, scripted):
    answer = Adapter(OfflineEngine()).remove(photo("cat.jpg"), format="PNG").content
    sha256 = crash_in_a_call(station, answer=answer)
    station.open()
    assert station.ears.notes == []
    assert station.content(sha256).state is ContentState.CUT
    station.work()
    assert scripted.calls == []
    assert station.outputs() == {"cat.png": answer}


@pytest.mark.parametrize(
    ("paid", "bounds", "told"),
    [
        (False, {"budget": "5", "min_credits": "9"}, ["--budget and --min-credits bound nothing"]),
        (False, {"budget": "5"}, ["--budget bound nothing"]),
        (False, {}, []),
        (True, {"budget": "5"}, []),
    ],
)
def test_bounds_that_mean_nothing_are_told(station, scripted, paid, bounds, told):
    scripted.paid = paid
    station.open(**bounds).greet()
    notes = [text for text, _ in station.ears.notes if "bound nothing" in text]
    assert [text.partition(":")[0] for text in notes] == told


def test_of_two_names_only_the_second_is_said_to_be_the_same_as_the_first(station):
    answer = Adapter(OfflineEngine()).remove(photo("cat.jpg"), format="PNG").content
    crash_in_a_call(station, answer=answer)
    station.open()
    station.fed("twin.jpg", seed="cat.jpg")
    station.work()
    first, second = station.ears.pictures
    assert (first.same_as, second.same_as) == (None, first.source)


def test_an_original_that_a_crash_left_out_of_its_place_is_put_back(station):
    station.open(originals="move")
    content = station.feed("a/cat.jpg")
    station.find("a/cat.jpg")
    originals = station.parts.workers.publisher.originals
    originals._put_aside(station.row("a/cat.jpg").place)
    assert not (station.inbox / "a" / "cat.jpg").exists()
    station.open(originals="move")
    assert (station.inbox / "a" / "cat.jpg").read_bytes() == content
    ((text, facts),) = station.ears.notes
    assert "put back" in text
    assert facts == {"source": b"a/cat.jpg"}


def test_an_outbox_without_a_trace_of_the_last_run_is_told_of(station):
    station.open()
    station.fed("cat.jpg")
    station.work()
    station.close()
    station.outbox.rename(station.root / "not mounted")
    station.outbox.mkdir()
    station.open()
    ((text, _),) = station.ears.notes
    assert "mounted" in text


def test_a_first_run_has_nothing_to_tell(station):
    station.open()
    assert station.ears.notes == []


def test_a_limit_outlives_the_run_but_not_the_key(api):
    parts = api.open()
    api.fed("cat.jpg")
    api.sandbox.fault("status", status=429, error="daily_limit")
    api.work()
    assert parts.gate.state.kind == "paused"
    until = parts.gate.state.until
    assert api.open().gate.state.until == pytest.approx(until)
    api.work()
    assert len(api.sent) == 1
    assert api.open(configuration={"api_key": OTHER_KEY}).gate.state.kind == "open"


def test_another_engine_cuts_out_what_waits(station, scripted):
    station.open()
    station.fed("cat.jpg")
    scripted.script[1] = DailyQuotaError(
        "enough", response=ResponseInfo(status=429), sent="all", billed=False
    )
    station.work()
    assert station.row("cat.jpg").state is PathState.WAITING
    station.open(configuration={"engine": "offline"})
    station.work()
    assert list(station.outputs()) == ["cat.png"]
    assert len(scripted.calls) == 1


def test_so_many_credits_are_left_in_the_account(api):
    api.sandbox.control("accounts", {"key": GOOD_KEY, "included": 5, "prepaid": 0})
    parts = api.open(min_credits="3", jobs="4")
    for number in range(6):
        api.fed(f"{number}.jpg")
    for _ in range(8):
        parts.gate.refresh()
        api.work()
        api.clock.now += 61
    assert sum(api.bills.values()) == 2
    assert parts.gate.state.kind != "open"


def test_a_report_hears_of_each_change_of_the_gate(station, scripted):
    station.open()
    station.fed("cat.jpg")
    scripted.script[1] = DailyQuotaError(
        "enough", response=ResponseInfo(status=429), sent="all", billed=False
    )
    station.work()
    (state,) = station.ears.gates
    assert (state.kind, state.reason) == ("paused", "enough")
    assert station.parts.report.last_error.message == "enough"


def test_names_that_are_no_text_are_handled_to_their_end(api):
    name = os.fsdecode(b"caf\xe9.jpg")
    api.open(originals="move")
    api.fed(name, photo(1))
    api.work()
    assert (api.inbox / "done" / name).exists()
    assert list(api.outputs()) == ["caf%E9.png"]
    (news,) = api.ears.pictures
    assert news.source == b"caf\xe9.jpg"


def test_the_same_service_by_another_address_is_paid_for_once(api):
    sha256 = hashlib.sha256(api.feed("cat.jpg")).digest()
    api.open()
    api.find("cat.jpg")
    api.parts.workers.sender.send(api.parts.workers._take_content())
    assert api.content(sha256).state is ContentState.CUT
    elsewhere = api.sandbox.url.replace("127.0.0.1", "localhost")
    parts = api.open(configuration={"api_url": f"{elsewhere}/rmbg"})
    api.fed("twin.jpg", seed="cat.jpg")
    api.work()
    assert sorted(api.outputs()) == ["cat.png", "twin.png"]
    assert api.bills == {sha256: 1}
    assert parts.spool.cutout(sha256)
    api.open()  # and back again
    api.fed("third.jpg", seed="cat.jpg")
    api.work()
    assert len(api.outputs()) == 3
    assert api.bills == {sha256: 1}
