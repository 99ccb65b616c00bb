from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from sandbox.running import NOON
from watch.answers import PICTURE
from watch.station import place_of

from rembg_plugins.core.errors import AuthenticationError, ResponseInfo, ValidationError
from rembg_plugins.watch.contents import Contents
from rembg_plugins.watch.health import check, read_status
from rembg_plugins.watch.ledger import Ledger
from rembg_plugins.watch.lock import LostLockError
from rembg_plugins.watch.systemd import Service
from rembg_plugins.watch.vitals import Vitals


@pytest.fixture
def heard(tmp_path):
    """A service manager: gives what it has heard so far."""
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    channel.bind(str(tmp_path / "notify"))
    channel.settimeout(0)

    def heard():
        found = []
        while True:
            try:
                found.append(channel.recv(4096).decode())
            except BlockingIOError:
                return found

    yield heard
    channel.close()


@pytest.fixture
def begin(station, tmp_path):
    """Opens the parts, and gives their vitals."""

    def begin(**arguments):
        parts = station.open(**arguments)
        return Vitals(parts=parts, service=Service({"NOTIFY_SOCKET": str(tmp_path / "notify")}))

    return begin


def status_of(station):
    return read_status(station.parts.settings.folders.state)


def test_the_status_is_replaced_every_5_s(station, begin):
    vitals = begin()
    written = []
    for _ in range(12):
        vitals.tick(is_draining=False)
        written.append(status_of(station)["written"] - NOON)
        station.clock.now += 1
    assert written == [0] * 5 + [5] * 5 + [10] * 2


def test_the_status_tells_of_the_three_phases(station, begin):
    vitals = begin()
    states = []
    for is_draining in (False, True):
        vitals.tick(is_draining=is_draining)
        states.append(status_of(station)["state"])
        station.clock.now += 5
    vitals.end()
    states.append(status_of(station)["state"])
    assert states == ["running", "draining", "stopped"]


def test_the_status_counts_what_was_done_and_paid(station, begin, scripted):
    vitals = begin()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        station.fed(name)
    scripted.script[2] = ValidationError("It is no good.", sent="nothing", billed=False)
    scripted.script[3] = AuthenticationError(
        "no such key", response=ResponseInfo(status=401), sent="all", billed=False
    )
    vitals.tick(is_draining=False)
    assert status_of(station)["queue"] == {"contents.queued": 3, "paths.waiting": 3}
    station.work()
    station.clock.now += 5
    vitals.tick(is_draining=False)
    found = status_of(station)
    assert found["queue"] == {
        "contents.queued": 1,
        "contents.cut": 1,
        "contents.failed": 1,
        "paths.waiting": 1,
        "paths.done": 1,
        "paths.failed": 1,
    }
    assert found["spent"]["run"] == {"credits": 1, "in_doubt": 0}
    assert (found["gate"]["kind"], found["gate"]["reason"]) == ("closed", "no such key")
    assert found["last_error"]["message"] == "no such key"
    assert any("no such key" in problem for problem in check(found, station.clock.now))


def test_what_was_spent_is_told_by_day_and_month(station, begin):
    vitals = begin()
    station.fed("a.jpg")
    station.work()
    for days, today, month in ((0, 1, 1), (1, 0, 1), (10, 0, 0)):
        station.clock.now += days * 86_400 + 5
        vitals.tick(is_draining=False)
        spent = status_of(station)["spent"]
        assert (spent["today"]["credits"], spent["month"]["credits"]) == (today, month)
        assert spent["run"]["credits"] == 1


def test_a_watchdog_hears_of_it_at_each_status(station, begin, heard):
    vitals = begin()
    for _ in range(11):
        vitals.tick(is_draining=False)
        station.clock.now += 1
    vitals.end()
    *alive, last = heard()
    assert alive == ["WATCHDOG=1\nSTATUS=open: 0 published, 0 failed"] * 3
    assert last == "STOPPING=1"


def test_the_lock_of_outbox_beats(station, begin):
    vitals = begin()
    lock = station.outbox / ".rembg-plugins" / "lock"
    vitals.tick(is_draining=False)
    first = json.loads(lock.read_bytes())["beats"]
    station.clock.now += 5
    vitals.tick(is_draining=False)
    assert json.loads(lock.read_bytes())["beats"] == first + 1


def test_an_outbox_that_is_away_closes_the_gate_and_is_no_end(station, begin):
    vitals = begin()
    station.outbox.rename(station.root / "away")
    station.outbox.write_bytes(b"in the way")
    vitals.tick(is_draining=False)
    assert station.parts.gate.state.exit_code == 73
    assert status_of(station)["gate"]["kind"] == "paused"
    station.outbox.unlink()
    (station.root / "away").rename(station.outbox)


def test_an_outbox_that_another_has_taken_is_an_end(station, begin):
    vitals = begin()
    lock = station.outbox / ".rembg-plugins" / "lock"
    lock.write_text(json.dumps(json.loads(lock.read_bytes()) | {"token": "another's"}))
    with pytest.raises(LostLockError):
        vitals.tick(is_draining=False)


def test_a_status_that_cannot_be_written_is_no_reason_to_stop(station, begin, heard):
    vitals = begin()
    (station.parts.settings.folders.state / "status.json").mkdir()
    vitals.tick(is_draining=False)
    assert len(heard()) == 1


def test_what_a_person_decides_in_another_process_reopens_the_gate(station, begin, scripted):
    vitals = begin()
    sha256 = station.fed("a.jpg")
    scripted.script[1] = AuthenticationError(
        "no such key", response=ResponseInfo(status=401), sent="all", billed=False
    )
    station.work()
    vitals.tick(is_draining=False)
    assert station.parts.gate.state.kind == "closed"
    other = Ledger(station.parts.settings.folders.state, engine="another")
    other.meta["a person"] = "was here"
    other.close()
    vitals.tick(is_draining=False)
    assert station.parts.gate.state.kind == "closed"  # it looks every second
    station.clock.now += 1
    vitals.tick(is_draining=False)
    assert station.parts.gate.state.kind == "paused"  # until one call has succeeded
    station.work()
    assert scripted.calls == [sha256] * 2
    assert station.parts.gate.state.kind == "open"


def test_its_own_changes_reopen_no_gate(station, begin, scripted):
    vitals = begin()
    station.fed("a.jpg")
    station.fed("b.jpg")
    scripted.script["each"] = AuthenticationError(
        "no such key", response=ResponseInfo(status=401), sent="all", billed=False
    )
    for _ in range(10):
        station.work()
        vitals.tick(is_draining=False)
        station.clock.now += 60
    assert len(scripted.calls) == 1


def test_the_oldest_cutouts_go_once_they_take_too_much_room(station, begin):
    vitals = begin(keep_cutouts="0")
    sha256 = station.fed("a.jpg")
    station.work()
    assert station.content(sha256).kept
    vitals.tick(is_draining=False)
    assert not station.content(sha256).kept
    assert station.parts.spool.cutout(sha256) is None
    station.fed("b.jpg", seed="a.jpg")  # whose output is that of a.jpg
    station.work()
    assert sorted(station.outputs()) == ["a.png", "b.png"]


@pytest.mark.parametrize("when", ["it is to be published", "it has just come"])
def test_no_cutout_goes_that_is_still_needed(station, begin, when):
    vitals = begin(keep_cutouts="0")
    sha256 = station.fed("a.jpg")
    contents = station.parts.ledger.contents
    assert isinstance(contents, Contents)
    contents.begin(sha256, limit=None, window=None, day="2026-11-22")
    station.parts.spool.keep(sha256, PICTURE)
    if when == "it is to be published":
        contents.cut(sha256, billed=True)
    vitals.tick(is_draining=False)
    assert station.parts.spool.cutout(sha256) == PICTURE


def test_the_status_counts_and_lists_outputs_that_look_wrong(station, begin):
    vitals = begin()
    vitals.tick(is_draining=False)
    assert status_of(station)["to_look_at"] == {"count": 0, "outputs": []}
    notes = station.parts.workers.publisher.notes
    for number in range(25):
        note = notes.warn(place_of("x.jpg"), b"%02d.png" % number, ["It is empty."], b"")
    station.clock.now += 5
    vitals.tick(is_draining=False)
    found = status_of(station)["to_look_at"]
    assert (found["count"], len(found["outputs"])) == (25, 20)
    assert found["outputs"][0]["output"] == "00.png"
    Path(note).unlink()  # a person has looked
    for count in (25, 24):
        assert status_of(station)["to_look_at"]["count"] == count
        station.clock.now += 60
        vitals.tick(is_draining=False)
