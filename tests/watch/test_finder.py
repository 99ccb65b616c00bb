from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from watch import rows
from watch.feeding import photo

from rembg_plugins.watch import finder as module
from rembg_plugins.watch import scan, settle
from rembg_plugins.watch.filesystem import Filesystem, prepare_leases
from rembg_plugins.watch.finder import HINTED_S, ONCE_PATIENCE_S, POLLED_S, Finder
from rembg_plugins.watch.reading import UNFINISHED_S
from rembg_plugins.watch.selection import Selection
from rembg_plugins.watch.states import PathState

PATIENCE_S = 30.0
LOCAL = Filesystem(name="ext4", is_network=False)
NETWORK = Filesystem(name="nfs4", is_network=True)


class Finding:
    """A finder with its INBOX and ledger."""

    def __init__(self, folder, *, clock=None, filesystem=LOCAL, **settings):
        self.inbox = folder / "inbox"
        self.inbox.mkdir(exist_ok=True)
        (folder / "state").mkdir(exist_ok=True)
        self.ledger = rows.opened(folder / "state", rows.Clock())
        self.clock = clock or rows.Clock(1000.0)
        self.told = []
        self.finder = Finder(
            inbox=self.inbox,
            selection=Selection(),
            paths=self.ledger.paths,
            filesystem=filesystem,
            tell=lambda text, source: self.told.append((text, source)),
            clock=self.clock,
            now=lambda: rows.NOON,
            **settings,
        )

    def put(self, name, content=None):
        path = self.inbox / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo(str(name)) if content is None else content)
        return path

    def pass_(self, seconds):
        """Let time pass, and the finder do what is due when it is."""
        end = self.clock.now + seconds
        while True:
            self.finder.step()
            due = self.finder.next_due
            if due > end:
                self.clock.now = end
                return
            # A clock that stands still would never come to what is due "now".
            self.clock.now = max(due, self.clock.now + 0.001)

    def waiting(self):
        return self.ledger.paths.states().get(PathState.WAITING, 0)

    def until(self, is_so):
        """Wait for something that other threads do, however long it takes them."""
        end = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < end, self.told
            self.finder._wanted.wait(0.02)


@pytest.fixture(autouse=True)
def _leases():
    before = signal.getsignal(signal.SIGIO)
    prepare_leases()
    yield
    signal.signal(signal.SIGIO, before)


@pytest.fixture
def make(tmp_path):
    made = []

    def make(**settings):
        made.append(Finding(tmp_path, **settings))
        return made[-1]

    yield make
    for finding in made:
        finding.finder.stop()
        finding.finder._hints.stop()
        finding.ledger.close()


@pytest.fixture
def finding(make):
    """One that looks by itself, on a clock of its own."""
    return make(poll_s=2.0)


@pytest.fixture
def running(make):
    """One in a thread, as the watcher has it."""
    started = []

    def start(**settings):
        finding = make(clock=time.monotonic, **settings)
        thread = threading.Thread(target=finding.finder.run, daemon=True)
        thread.start()
        started.append((finding, thread))
        return finding

    yield start
    for finding, thread in started:
        finding.finder.stop()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def test_what_lies_there_is_found(finding):
    for name in ("a.jpg", "b/c/d.png", b"caf\xe9.jpg"):
        finding.put(name)
    finding.pass_(1.0)
    assert finding.waiting() == 3


def test_what_comes_later_is_found_by_the_next_scan(finding):
    finding.pass_(1.0)
    finding.put("a.jpg")
    finding.pass_(0.5)
    assert finding.waiting() == 0
    finding.pass_(2.0)
    assert finding.waiting() == 1


def test_the_same_file_is_found_once(finding):
    finding.put("a.jpg")
    finding.pass_(60.0)
    assert finding.ledger.contents.states()
    with finding.ledger.paths._database.transaction() as ledger:
        ledger.execute("UPDATE path SET state = 6")
    finding.pass_(60.0)
    assert finding.ledger.paths.states() == {PathState.DONE: 1}


def test_new_bytes_under_an_old_name_are_found(finding):
    finding.put("a.jpg")
    finding.pass_(5.0)
    first = finding.ledger.paths.get(rows.place("a.jpg")).sha256
    finding.put("a.jpg", photo("other", grain=True))
    finding.pass_(5.0)
    assert finding.ledger.paths.get(rows.place("a.jpg")).sha256 != first


def test_one_that_is_being_written_is_not_taken_before_it_is_closed(finding):
    content = photo(1, grain=True)
    with (finding.inbox / "a.jpg").open("wb", buffering=0) as file:
        for start in range(0, len(content), 500):
            file.write(content[start : start + 500])
            finding.pass_(3.0)
        finding.pass_(30.0)
        assert finding.waiting() == 0
    finding.pass_(3.0)
    assert finding.waiting() == 1


def test_files_beyond_the_room_are_found_all_the_same(finding, monkeypatch):
    monkeypatch.setattr(settle, "CAPACITY", 5)
    monkeypatch.setattr(module, "AT_ONCE", 1)
    for number in range(23):
        finding.put(f"{number}.jpg", photo(1))
    finding.pass_(10.0)
    assert finding.waiting() == 23


def test_news_of_more_files_than_there_is_room_for_lose_none(make, monkeypatch):
    monkeypatch.setattr(settle, "CAPACITY", 2)
    monkeypatch.setattr(module, "AT_ONCE", 1)
    finding = make(poll_s=3_000.0)
    finding.pass_(1.0)
    names = [f"{number}.jpg" for number in range(9)]
    finding.finder._hints._hear([(str(finding.put(name)), True) for name in names])
    finding.pass_(10.0)
    assert finding.waiting() == 9


@pytest.mark.parametrize(
    ("settings", "every_s", "why"),
    [
        ({"poll_s": 7.0}, 7.0, "polling was asked for"),
        ({"filesystem": NETWORK}, POLLED_S, "INBOX lies on a network file system (nfs4)"),
    ],
    ids=["polling", "network"],
)
def test_the_last_scan_is_told_of(make, settings, every_s, why):
    finding = make(**settings)
    assert finding.finder.last_scan is None
    finding.put("a.jpg")
    finding.pass_(0.0)
    scan = finding.finder.last_scan
    assert (scan.at, scan.files, scan.every_s, scan.hints, scan.why) == (
        rows.NOON,
        1,
        every_s,
        False,
        why,
    )


@pytest.mark.parametrize(
    ("filesystem", "every_s"),
    [(LOCAL, 25 * 0.5), (NETWORK, 25 * 3.0)],
    ids=["the time that it kept a core busy", "all of its time"],
)
def test_a_scan_that_costs_much_is_not_made_often(make, filesystem, every_s):
    work = rows.Clock(0.0)
    finding = make(poll_s=2.0, filesystem=filesystem, work=work)
    finding.put("a.jpg")
    scan = finding.finder._scanner.scan

    def scan_slowly():
        finding.clock.now += 3.0
        work.now += 0.5
        yield from scan()

    finding.finder._scanner.scan = scan_slowly
    finding.finder.step()
    finding.finder.step()
    assert finding.finder.last_scan.elapsed_s == pytest.approx(3.0)
    assert finding.finder.last_scan.every_s == pytest.approx(every_s)


def test_the_start_is_settled_once_all_is_decided_on(finding):
    finding.put("a.jpg")
    finding.finder.step()
    assert not finding.finder.has_settled
    finding.pass_(1.0)
    assert finding.finder.has_settled


def test_what_is_being_written_or_has_no_end_does_not_hold_up_the_start(finding):
    finding.put("short.jpg", photo(1, grain=True)[:-200])
    with finding.put("open.jpg").open("ab"):
        finding.pass_(3.0)
    assert finding.finder.has_settled


def test_what_lands_later_does_not_hold_up_the_start(make):
    finding = make(settle_s=5.0)
    finding.put("a.jpg")
    for number in range(6):
        finding.pass_(1.0)
        finding.put(f"{number}.jpg", photo(number))
    assert finding.finder.has_settled
    assert finding.finder.undecided_at_start == 0 < finding.finder.undecided


def test_what_lay_there_without_an_end_may_be_a_picture_yet(finding):
    finding.put("short.jpg", photo(1, grain=True)[:-200])
    finding.pass_(1.0)
    finding.put("later.jpg", photo(2, grain=True)[:-200])
    finding.pass_(POLLED_S + 1)
    assert (finding.finder.undecided, finding.finder.undecided_at_start) == (2, 1)


def test_an_inbox_that_is_away_is_looked_for_and_nothing_is_forgotten(finding):
    finding.put("a.jpg")
    finding.pass_(3.0)
    finding.inbox.rename(finding.inbox.with_name("away"))
    finding.pass_(60.0)
    assert finding.waiting() == 1
    finding.inbox.mkdir()
    finding.put("b.jpg")
    finding.pass_(5.0)
    assert finding.ledger.paths.get(rows.place("b.jpg"))


def test_a_wake_looks_at_once(make):
    finding = make(poll_s=3_000.0)
    finding.pass_(1.0)
    finding.put("a.jpg")
    finding.finder.wake()
    finding.pass_(1.0)
    assert finding.waiting() == 1


def test_whether_news_come_is_told_as_it_is_when_somebody_asks(make):
    finding = make()
    finder = finding.finder
    finder.step()
    began = finder.last_scan
    assert (began.hints, began.why) == (False, "the watcher has just begun")
    finding.until(lambda: finder._hints.is_on)
    assert (finder.last_scan.hints, finder.last_scan.why) == (True, None)
    assert finder.last_scan.every_s == HINTED_S
    assert finder.last_scan.at == began.at


def test_nobody_listens_before_all_that_lies_there_is_decided_on(make, monkeypatch):
    monkeypatch.setattr(scan, "AT_ONCE", 1)
    finding = make()
    finder = finding.finder
    for number in range(5):
        finding.put(f"{number}.jpg")
    while not finder.has_settled:
        assert finder._hints._listener is None
        finder.step()
        finding.clock.now += 0.1
    assert finding.waiting() == 5
    finding.until(lambda: finder._hints.is_on)
    finding.put("late.jpg")  # whatever came before somebody listened is found by one more look
    finding.pass_(2.0)
    finding.until(lambda: finding.pass_(0.1) or finding.waiting() == 6)


def test_news_that_fail_are_replaced_by_looking_often(make):
    finding = make()
    finder = finding.finder
    finding.pass_(0.0)
    finding.until(lambda: finder._hints.is_on)
    finding.pass_(1.0)
    assert finder.every_s == HINTED_S
    assert finder.last_scan.hints
    finder._hints._listener._stop.set()
    finder._hints._listener._thread.join(PATIENCE_S)
    finding.pass_(0.1)
    assert not finder.last_scan.hints
    assert not finder._last_scan.hints
    assert finder.every_s == POLLED_S
    assert len(finding.told) == 1
    finding.put("a.jpg")
    finding.pass_(POLLED_S + 1)
    assert finding.waiting() == 1


def test_a_run_that_ends_decides_on_everything_and_ends(make):
    finding = make(clock=time.monotonic)
    for number in range(9):
        finding.put(f"{number}.jpg")
    finding.put("text.jpg", b"This is no picture at all.")
    finding.finder.run(once=True)
    assert finding.ledger.paths.states() == {PathState.WAITING: 9, PathState.FAILING: 1}
    assert finding.finder.given_up == 0
    assert finding.finder.has_settled
    assert finding.finder.last_scan.why == "the run ends by itself"


def test_a_run_that_ends_does_not_wait_for_ever_for_what_is_being_written(make):
    finding = make(poll_s=2.0)
    began = finding.clock.now
    with finding.put("open.jpg").open("ab"):
        while not finding.finder._is_through():
            finding.pass_(0.5)
    assert finding.clock.now - began == pytest.approx(ONCE_PATIENCE_S, abs=2)
    assert finding.finder.given_up == 1
    (waiting, given_up) = finding.told
    assert waiting == ("Waiting: it is being written, or has no end yet.", b"open.jpg")
    assert given_up[1] == b"open.jpg"


def test_a_run_that_ends_waits_for_the_verdict_on_what_has_no_end(make):
    finding = make(poll_s=2.0)
    finding.put("short.jpg", photo(1, grain=True)[:-200])
    began = finding.clock.now
    while not finding.finder._is_through():
        finding.pass_(0.5)
    assert finding.clock.now - began == pytest.approx(UNFINISHED_S, abs=2)
    assert len(finding.told) == 1  # what it waits for, once
    assert finding.finder.given_up == 0
    assert finding.ledger.paths.get(rows.place("short.jpg")).code == "incomplete"


def test_a_running_finder_hears_of_files_between_two_scans(running):
    finding = running()
    finding.until(lambda: finding.finder._last_scan and finding.finder._last_scan.hints)
    finding.put("a.jpg")
    finding.put("b/c/d.jpg")
    finding.until(lambda: finding.waiting() == 2)
    scan = finding.finder._last_scan
    (finding.inbox / "a.jpg").unlink()
    finding.until(lambda: finding.waiting() == 1)
    assert finding.finder._last_scan is scan


def test_a_running_finder_finds_trees_that_are_moved_in(running, tmp_path):
    finding = running()
    finding.until(lambda: finding.finder._last_scan and finding.finder._last_scan.hints)
    for number in range(30):
        tree = tmp_path / "elsewhere" / str(number)
        (tree / "b").mkdir(parents=True)
        (tree / "b" / "a.jpg").write_bytes(photo(number))
        tree.rename(finding.inbox / str(number))
    finding.until(lambda: finding.waiting() == 30)


def test_a_running_finder_ends_at_once_when_it_is_told_to(running):
    finding = running(poll_s=3_000.0)
    finding.until(lambda: finding.finder.last_scan)


def test_a_ledger_that_fails_ends_the_run_with_its_error(make):
    finding = make(clock=time.monotonic)
    finding.put("a.jpg")
    finding.ledger.close()
    with pytest.raises(Exception, match="closed"):
        finding.finder.run(once=True)
