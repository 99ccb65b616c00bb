from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest

from rembg_plugins.watch import hints
from rembg_plugins.watch.hints import AGAIN_S, RETRY_S, Hints
from rembg_plugins.watch.records import Place

PATIENCE_S = 30.0


class Clock:
    """Goes on only when it is told to."""

    now = 1000.0

    def __call__(self):
        return self.now


class Listening:
    """Hints on a folder, and what they told."""

    def __init__(self, inbox, **settings):
        self.inbox = inbox
        self.clock = Clock()
        self.woken = threading.Event()
        self.told = []
        self.hints = Hints(
            inbox,
            clock=self.clock,
            wake=self.woken.set,
            tell=lambda text, source: self.told.append(text),
            **settings,
        )
        self.places, self.trees, self.everything = set(), set(), 0

    def check(self):
        stat = self.inbox.stat()
        self.hints.check((stat.st_dev, stat.st_ino))

    def hear(self, paths):
        """As if the library had told of these, of each whether it is new."""
        self.hints._hear([(str(self.inbox / path), is_new) for path, is_new in paths])

    def until(self, is_so):
        """Take in the news until something is so."""
        end = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < end, (self.told, self.places, self.trees, self.hints.why)
            self.woken.wait(0.5)
            self.woken.clear()
            news = self.hints.take()
            self.places |= news.places
            self.trees |= news.trees
            self.everything += news.everything

    def begin(self):
        self.check()
        self.until(lambda: self.hints.is_on and self.everything)
        return self


@pytest.fixture
def listening(tmp_path):
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    listening = Listening(inbox)
    yield listening
    listening.hints.stop()


def test_a_new_file_is_told_of(listening):
    listening.begin()
    (listening.inbox / "a.jpg").write_bytes(b"abc")
    listening.until(lambda: Place(b"", b"a.jpg") in listening.places)
    assert listening.hints.why is None
    assert listening.told == []


def test_so_are_changes_moves_and_removals_in_folders(listening):
    (listening.inbox / "b").mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (listening.inbox / "b" / name).write_bytes(b"abc")
    listening.begin()
    (listening.inbox / "b" / "a.jpg").unlink()
    (listening.inbox / "b" / "b.jpg").rename(listening.inbox / "b" / "d.jpg")
    with (listening.inbox / "b" / "c.jpg").open("ab") as file:
        file.write(b"more")
    names = {b"a.jpg", b"b.jpg", b"c.jpg", b"d.jpg"}
    listening.until(lambda: {Place(b"b", name) for name in names} <= listening.places)


def test_what_we_read_ourselves_is_no_news(listening):
    (listening.inbox / "a.jpg").write_bytes(b"abc")
    listening.begin()
    for _ in range(50):
        (listening.inbox / "a.jpg").read_bytes()
        list(listening.inbox.iterdir())
    (listening.inbox / "b.jpg").write_bytes(b"abc")
    listening.until(lambda: Place(b"", b"b.jpg") in listening.places)
    assert listening.places == {Place(b"", b"b.jpg")}


def test_a_tree_that_is_moved_in_is_looked_at_now_and_again_later(listening, tmp_path):
    (tmp_path / "tree" / "b").mkdir(parents=True)
    (tmp_path / "tree" / "b" / "a.jpg").write_bytes(b"abc")
    listening.begin()
    (tmp_path / "tree").rename(listening.inbox / "tree")
    listening.until(lambda: b"tree" in listening.trees)
    assert listening.hints.next_due == listening.clock.now + AGAIN_S[1]


def test_a_new_folder_is_looked_at_three_times(listening):
    (listening.inbox / "b").mkdir()
    listening.hear([("b", True)])
    assert listening.hints.next_due == listening.clock.now
    seen = []
    for _ in range(100):
        if b"b" in listening.hints.take().trees:
            seen.append(listening.clock.now - 1000)
        listening.clock.now += 0.1
    assert seen == pytest.approx([0.0, 1.0, 5.0], abs=0.11)
    assert listening.hints.next_due is None


def test_a_folder_that_was_changed_is_looked_at_once(listening):
    (listening.inbox / "b").mkdir()
    listening.hear([("b", False)])
    assert listening.hints.take().trees == {b"b"}
    assert listening.hints.next_due is None


def test_what_is_told_between_is_kept_until_it_is_taken(listening):
    listening.hear([("a.jpg", True), ("b/c.jpg", False)])
    assert listening.woken.is_set()
    assert listening.hints.next_due == listening.clock.now
    assert listening.hints.take().places == {Place(b"", b"a.jpg"), Place(b"b", b"c.jpg")}
    assert not listening.hints.take().places


def test_too_many_files_are_everything(listening):
    listening.hear([(f"{number}.jpg", True) for number in range(hints.MANY + 1)])
    news = listening.hints.take()
    assert news.everything
    assert not news.places


def test_too_many_folders_are_everything_now_and_later(listening, monkeypatch):
    monkeypatch.setattr(hints, "MANY", 3)
    for name in "abcd":
        (listening.inbox / name).mkdir()
    listening.hear([(name, True) for name in "abcd"])
    times = []
    for _ in range(100):
        news = listening.hints.take()
        assert not news.trees
        times += [listening.clock.now - 1000] * news.everything
        listening.clock.now += 0.1
    assert times == pytest.approx([0.0, 1.0, 5.0], abs=0.11)


def test_inbox_itself_is_everything(listening):
    listening.hints._hear([(str(listening.inbox), False)])
    assert listening.hints.take().everything


def test_a_name_that_is_no_text_ends_it_with_one_line_until_it_is_tried_again(listening):
    listening.begin()
    name = os.path.join(os.fsencode(listening.inbox), b"caf\xe9.jpg")  # noqa: PTH118 - no text
    os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
    listening.until(lambda: not listening.hints.is_on)
    listening.check()
    listening.check()
    assert len(listening.told) == 1
    assert "INBOX is looked at again and again instead" in listening.told[0]
    assert listening.hints.why
    listening.clock.now += RETRY_S - 1
    listening.check()
    assert listening.hints._listener is None
    listening.clock.now += 1
    listening.everything = 0
    listening.begin()
    (listening.inbox / "a.jpg").write_bytes(b"abc")
    listening.until(lambda: Place(b"", b"a.jpg") in listening.places)


@pytest.mark.parametrize("way", ["deleted", "moved away"])
def test_an_inbox_that_is_made_anew_is_listened_to_anew(listening, way):
    listening.begin()
    listening.everything = 0
    if way == "deleted":  # the new one may have its inode
        listening.inbox.rmdir()
        listening.inbox.mkdir()
        listening.until(lambda: listening.everything)
    else:
        listening.inbox.rename(listening.inbox.with_name("away"))
        listening.inbox.mkdir()
    listening.everything = 0
    listening.begin()
    (listening.inbox / "a.jpg").write_bytes(b"abc")
    listening.until(lambda: Place(b"", b"a.jpg") in listening.places)


def test_an_inbox_that_is_away_is_listened_to_once_it_is_there_again(listening):
    listening.begin()
    listening.hints.check(None)
    assert not listening.hints.is_on
    listening.everything = 0
    listening.begin()
    assert listening.told == []


def test_a_thread_that_is_dead_is_noticed(listening):
    listening.begin()
    listening.hints._listener._stop.set()
    listening.hints._listener._thread.join(PATIENCE_S)
    listening.check()
    assert "its thread has ended" in listening.told[0]
    assert not listening.hints.is_on


@pytest.mark.parametrize("name", ["missing", os.fsdecode(b"caf\xe9")])
def test_an_inbox_that_cannot_be_listened_to_is_told_of_once(tmp_path, name):
    """Any error must be heard of: that of too many folders to listen to is one of them."""
    if name != "missing":
        (tmp_path / name).mkdir()
    listening = Listening(tmp_path / name)
    for _ in range(3):
        listening.hints.check((1, 1))
        listening.hints._listener._thread.join(PATIENCE_S)
        listening.hints.check((1, 1))
        listening.clock.now += RETRY_S
    assert len(listening.told) == 1
    assert not listening.hints.is_on


def test_where_it_is_turned_off_nothing_is_listened_to(tmp_path):
    listening = Listening(tmp_path, off="polling was asked for")
    listening.check()
    assert not listening.hints.is_on
    assert listening.hints.why == "polling was asked for"
    assert listening.hints._listener is None
    assert listening.told == []


def test_it_can_be_turned_off_later(listening):
    listening.begin()
    listening.hints.turn_off("why")
    listening.check()
    assert not listening.hints.is_on
    assert listening.hints.why == "why"


MISSING = """
import sys, threading
sys.modules["watchfiles"] = None
from rembg_plugins.watch.hints import Hints
ended = threading.Event()
clock = [0.0]
hints = Hints(sys.argv[1], clock=lambda: clock[0], wake=ended.set, tell=lambda text, _: print(text))
for _ in range(3):
    hints.check((1, 1))
    assert hints._listener is None or ended.wait(30)
    clock[0] += 10_000
print(hints.why)
"""


def test_without_the_library_that_is_told_once_and_not_tried_again(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", MISSING, tmp_path],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert "watchfiles is not installed" in lines[0]
    assert lines[1] == "watchfiles is not installed"
