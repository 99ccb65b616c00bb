from __future__ import annotations

import os
from itertools import pairwise

import pytest
from watch import rows
from watch.feeding import photo
from watch.nobody import Nobody

from rembg_plugins.watch import intake as module
from rembg_plugins.watch.intake import Intake
from rembg_plugins.watch.records import Place, Stamp
from rembg_plugins.watch.settle import LOCAL_S, Settling
from rembg_plugins.watch.states import PathState


class Taking:
    """An intake with its INBOX and ledger, and a clock that stands still."""

    def __init__(self, folder, inbox=None):
        self.inbox = inbox or folder / "inbox"
        self.inbox.mkdir(exist_ok=True)
        (folder / "state").mkdir(exist_ok=True)
        self.ledger = rows.opened(folder / "state", rows.Clock())
        self.clock = rows.Clock(0.0)
        self.told = []
        self.settling = Settling(self.inbox, is_network=False, settle_s=LOCAL_S)
        self.intake = Intake(
            self.inbox,
            settling=self.settling,
            paths=self.ledger.paths,
            transcode=False,
            tell=lambda text, source: self.told.append((text, source)),
            clock=self.clock,
        )

    def put(self, name, content):
        (self.inbox / name).write_bytes(content)
        return self.see(name)

    def see(self, name):
        stamp = Stamp.of((self.inbox / name).stat())
        return self.intake.see([(Place(b"", os.fsencode(name)), stamp)])

    def after(self, seconds):
        self.clock.now += seconds
        self.intake.decide(lambda: False)

    def states(self):
        return dict(self.ledger.paths.states())

    def row(self, name):
        return self.ledger.paths.get(rows.place(name))


@pytest.fixture
def taking(tmp_path):
    taking = Taking(tmp_path)
    yield taking
    taking.ledger.close()


def test_a_picture_at_rest_comes_into_the_ledger(taking):
    taking.put("a.jpg", photo(1))
    taking.after(LOCAL_S - 0.1)
    assert taking.states() == {}
    taking.after(0.1)
    assert taking.states() == {PathState.WAITING: 1}
    assert len(taking.settling) == 0


def test_what_is_refused_fails_with_a_reason_and_is_not_sent(taking):
    taking.put("a.jpg", b"This is no picture at all.")
    taking.after(LOCAL_S)
    row = taking.row("a.jpg")
    assert (row.state, row.code, row.sha256) == (PathState.FAILING, "bad_signature", None)
    assert "invalid file signature" in row.reason
    assert taking.ledger.contents.states() == {}


def test_one_that_never_ends_fails_after_a_minute_and_costs_nothing(taking):
    taking.put("a.jpg", photo(1, grain=True)[:-200])
    for _ in range(60):
        assert taking.states() == {}
        taking.after(1.0)
    assert taking.row("a.jpg").code == "incomplete"
    assert taking.ledger.contents.states() == {}


def test_one_that_is_written_to_its_end_in_time_is_taken(taking):
    content = photo(1, grain=True)
    taking.put("a.jpg", content[:-200])
    taking.after(50.0)
    (taking.inbox / "a.jpg").write_bytes(content)
    taking.after(5.0)
    assert taking.states() == {}
    taking.after(LOCAL_S + 1)
    assert taking.states() == {PathState.WAITING: 1}


def test_all_that_rest_at_once_are_one_transaction(taking):
    for number in range(7):
        taking.put(f"{number}.jpg", photo(number))
    added = []
    add = taking.ledger.paths.add
    taking.intake._paths = type("Paths", (), {"add": lambda _, taken: added.append(add(taken))})()
    taking.after(LOCAL_S)
    assert len(added) == 1
    assert taking.states() == {PathState.WAITING: 7}


def test_the_first_does_not_wait_long_for_the_others(taking, monkeypatch):
    for number in range(3):
        taking.put(f"{number}.jpg", photo(number))
    seen = []
    take = module.take

    def take_slowly(*args, **settings):
        taking.clock.now += 0.015
        seen.append(taking.states().get(PathState.WAITING, 0))
        return take(*args, **settings)

    monkeypatch.setattr(module, "take", take_slowly)
    taking.after(LOCAL_S)
    assert seen == [0, 0, 0]
    assert taking.states() == {PathState.WAITING: 3}
    monkeypatch.setattr(module, "_TOGETHER_S", 0.01)
    for number in range(10, 13):
        taking.put(f"{number}.jpg", photo(number))
    taking.after(LOCAL_S)
    assert seen[3:] == [3, 3, 5]


def test_a_stop_leaves_the_rest_for_the_next_run_and_commits_what_was_read(taking):
    for number in range(5):
        taking.put(f"{number}.jpg", photo(number))
    taking.clock.now += LOCAL_S
    answers = iter([False, False, True])
    taking.intake.decide(lambda: next(answers))
    assert taking.states() == {PathState.WAITING: 2}


def test_what_cannot_be_read_is_told_once_and_tried_again_ever_more_seldom():
    nobody = Nobody()
    taking = Taking(nobody.folder)
    try:
        (taking.inbox / "a.jpg").write_bytes(photo(1))
        (taking.inbox / "a.jpg").chmod(0)
        tries = []
        with nobody:
            for second in range(100):
                taking.see("a.jpg")
                if len(taking.settling):
                    tries.append(second)
                taking.clock.now += LOCAL_S
                taking.intake.decide(lambda: False)
                taking.clock.now += 1 - LOCAL_S
        steps = [after - before for before, after in pairwise(tries)]
        assert steps == sorted(steps)
        assert len(tries) < 8
        assert [source for _, source in taking.told] == [b"a.jpg"]
        assert taking.states() == {}
        (taking.inbox / "a.jpg").chmod(0o644)
        taking.clock.now += 300
        taking.see("a.jpg")
        taking.after(LOCAL_S)
        assert taking.states() == {PathState.WAITING: 1}
    finally:
        taking.ledger.close()
        nobody.remove()


def test_many_that_cannot_be_read_are_not_told_of_one_by_one():
    nobody = Nobody()
    taking = Taking(nobody.folder)
    try:
        for number in range(50):
            (taking.inbox / f"{number}.jpg").write_bytes(b"abc")
            (taking.inbox / f"{number}.jpg").chmod(0)
        with nobody:
            for number in range(50):
                taking.see(f"{number}.jpg")
            taking.after(LOCAL_S)
        assert len(taking.told) == 21
        assert taking.intake.give_up() == 50
    finally:
        taking.ledger.close()
        nobody.remove()


def test_there_is_no_room_without_end(taking):
    found = [(Place(b"", b"%d.jpg" % number), Stamp(1, 1, 1)) for number in range(6_000)]
    assert not taking.intake.see(found)
    assert len(taking.settling) == 5_000


def test_what_is_given_up_is_told_of(taking):
    taking.put("a.jpg", photo(1))
    assert taking.intake.give_up() == 1
    assert taking.told == [("It is still being written; the next run will find it.", b"a.jpg")]
    assert len(taking.settling) == 0
