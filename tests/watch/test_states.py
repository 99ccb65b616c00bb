from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from watch.answers import HTML, PICTURE, Bench
from watch.rows import Clock, opened, output, place, sha, taken

from rembg_plugins.watch.content import Begin
from rembg_plugins.watch.records import Stamp
from rembg_plugins.watch.states import ATTEMPTS, ContentState, PathState

C, P = ContentState, PathState

CONTENT_ARROWS = {
    (C.QUEUED, C.SENDING),
    (C.IN_DOUBT, C.SENDING),
    (C.SENDING, C.CUT),
    (C.SENDING, C.FAILED),
    (C.SENDING, C.PARKED),
    (C.SENDING, C.IN_DOUBT),
    (C.SENDING, C.QUEUED),  # surely not billed
    (C.IN_DOUBT, C.PARKED),  # the next run has --in-doubt park
    (C.IN_DOUBT, C.QUEUED),  # a person
    (C.IN_DOUBT, C.FAILED),  # a person
    (C.PARKED, C.QUEUED),  # a person
    (C.PARKED, C.FAILED),  # a person
    (C.FAILED, C.QUEUED),  # a person
    (C.CUT, C.PARKED),  # its cut-out is lost before it was published
}
PATH_ARROWS = {
    (P.WAITING, P.READY),
    (P.WAITING, P.FAILING),
    (P.READY, P.PUBLISHED),
    (P.READY, P.DONE),
    (P.FAILING, P.FAILED),
    (P.FAILED, P.WAITING),  # a person
    (P.FAILED, P.READY),  # a person; its content is cut out by now
    (P.READY, P.WAITING),  # its cut-out is lost before it was published
    (P.DONE, P.READY),  # it is made anew with other options
}
"""The arrows between rows; a new file may come under a name in any state, and begins anew."""

NAMES = ("a.jpg", "b.jpg", "f/a.jpg", "f/g/c.jpg")
CONTENTS = range(2)
RECORD = """
CREATE TEMP TABLE IF NOT EXISTS arrow(kind TEXT, before INTEGER, after INTEGER);
CREATE TEMP TRIGGER content_arrow AFTER UPDATE OF state ON content WHEN old.state <> new.state
BEGIN INSERT INTO arrow VALUES ('content', old.state, new.state); END;
CREATE TEMP TRIGGER path_arrow AFTER UPDATE OF state ON path
WHEN old.state <> new.state AND old.sha256 IS new.sha256 AND old.mtime_ns = new.mtime_ns
BEGIN INSERT INTO arrow VALUES ('path', old.state, new.state); END;
"""
"""Writes down each change of a state, also those within one transaction."""

ENDS = ("good", "free", "doubt", "refused", "useless", "shrunk")
"""How a call may end."""

names = st.sampled_from(NAMES)
numbers = st.sampled_from(CONTENTS)


def test_work_that_is_left_lies_below_what_has_an_end():
    assert [state for state in C if state >= 6] == [C.CUT, C.FAILED]
    assert [state for state in P if state >= 6] == [P.DONE, P.FAILED]


class Watched(RuleBasedStateMachine):
    """Everything that can happen to an INBOX, and a second account of what it may cost."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = Clock()
        self.ledger = None
        self.mtime = 0

    retry_doubts = True
    keeps = True  # the originals
    budget = None
    by_day = False

    @initialize()
    def start(self):
        self.there = {}  # name -> number of its content, None where it is no picture
        self.sending = set()
        self.began = {}  # number -> the day of its last call
        self.maybe_billed = Counter()  # by content, less those that were forced
        self.asked_again = Counter()  # by content: by a person
        self.paid = Counter()  # by day
        self.open()
        for number, name in enumerate(NAMES[:2]):
            self.add(name, number)

    def open(self):
        self.run = 0
        self.ledger = opened(self.folder, self.clock)
        writer = self.ledger._database._writer
        writer.executescript(RECORD)
        writer.execute("PRAGMA synchronous = OFF")  # no power is cut here
        self.bench = Bench(self.ledger, self.folder, self.clock, retry_doubts=self.retry_doubts)
        self.bench.recover()

    def teardown(self):
        if self.ledger is not None:
            self.drain()
            self.check_no_path_is_lost()
            self.ledger.close()
        shutil.rmtree(self.folder)

    # What people do in INBOX.

    @rule(name=names, number=numbers, what=st.sampled_from(["add", "add", "no picture", "remove"]))
    def inbox(self, name, number, what):
        if what == "add":
            self.add(name, number)
        elif what == "no picture":
            self.add_no_picture(name)
        else:
            self.there.pop(name, None)
            self.ledger.paths.forget([place(name)])

    def add(self, name, number):
        self.mtime += 1
        self.there[name] = number
        self.ledger.paths.add([taken(name, number, mtime_ns=self.mtime)])

    def add_no_picture(self, name):
        self.mtime += 1
        self.there[name] = None
        self.ledger.paths.fail_path(place(name), Stamp(1, self.mtime), "no", "no")

    @rule(hours=st.sampled_from([0.01, 5, 13]))
    def wait(self, hours):
        self.clock.now += hours * 3600

    # What the sender does.

    @property
    def window(self):
        return self.clock.day() if self.by_day else None

    def begin(self):
        """The number of a content whose call has begun, or None."""
        content = self.ledger.contents.next_to_send({sha(number) for number in self.sending})
        if content is None:
            return None
        number = next(number for number in CONTENTS if sha(number) == content.sha256)
        begun = self.ledger.contents.begin(
            content.sha256, limit=self.budget, window=self.window, day=self.clock.day()
        )
        assert begun is not Begin.TAKEN
        if begun is not Begin.BEGUN:
            return None
        self.sending.add(number)
        self.began[number] = self.clock.day()
        return number

    @rule(end=st.sampled_from([*ENDS, "doubt", "under way", "under way"]))
    def call(self, end):
        number = self.begin()
        if number is not None and end != "under way":
            self.sending.remove(number)
            self.finish(number, end)

    def bill(self, number):
        self.maybe_billed[number] += 1
        self.paid[self.began[number]] += 1
        self.run += 1

    @precondition(lambda self: self.sending)
    @rule(data=st.data(), end=st.sampled_from(ENDS))
    def end(self, data, end):
        number = data.draw(st.sampled_from(sorted(self.sending)))
        self.sending.remove(number)
        self.finish(number, end)

    def finish(self, number, end):
        contents, digest = self.ledger.contents, sha(number)
        if end not in {"free", "refused"}:
            self.bill(number)
        if end == "good":
            self.bench.receive(digest, PICTURE)
            self.bench.spool.keep(digest, PICTURE)
            contents.cut(digest, billed=True)
        elif end == "free":
            contents.requeue(digest, not_before=self.clock.now + 60, how="429")
        elif end == "doubt":
            contents.doubt(
                digest, retry=self.retry_doubts, not_before=self.clock.now, code="a", reason="b"
            )
        elif end == "shrunk":
            contents.park(digest, billed=True, code="a", reason="b")
        else:
            billed = end == "useless"
            contents.fail(digest, billed=billed, code="a", reason="b", status=400)

    @rule(data=st.data())
    def crash(self, data):
        """The process is killed."""
        kinds = st.sampled_from(["nothing", "half", "whole", "kept", "useless"])
        for number in sorted(self.sending):
            kind, digest = data.draw(kinds), sha(number)
            if kind == "half":
                self.bench.receive(digest, PICTURE[:-5], whole=False)
            elif kind in {"whole", "useless"}:
                self.bench.receive(digest, PICTURE if kind == "whole" else HTML)
            elif kind == "kept":
                self.bench.spool.keep(digest, PICTURE)
        self.ledger.close()
        self.open()
        for number in self.sending:
            self.bill(number)
        self.sending = set()

    # What the publisher does.

    @rule(made=st.sampled_from([b"made", b"other"]), most=st.integers(1, 3))
    def publish(self, made, most):
        for _ in range(most):
            row = self.ledger.paths.next_to_do()
            if row is not None:
                self.see_to(row, made=made)

    def see_to(self, row, *, made=b"made"):
        paths, name = self.ledger.paths, row.place.relative.decode()
        if row.state is P.READY:
            if self.bench.spool.cutout(row.sha256) is None:
                self.ledger.contents.lose_cutout(row.sha256)
                return
            fold = name + ".png"
            paths.published(row, output(fold), fold=fold, made=made, done=self.keeps)
        elif row.state is P.PUBLISHED:
            paths.disposed(row)
            del self.there[name]
        else:
            paths.failed(row, note="n", is_away=False, code="a", reason="b")

    @rule(number=numbers, what=st.sampled_from(["made again", "lost", "trimmed"]))
    def cutouts(self, number, what):
        """Outputs are wished in another way, somebody removes a cut-out, or room is made."""
        needed = any(row.state is P.READY for row in self.ledger.paths.of_content(sha(number)))
        if what == "made again":
            self.ledger.paths.make_again(b"other")
        elif number not in self.sending and not (what == "trimmed" and needed):
            self.bench.spool._place_of(sha(number)).unlink(missing_ok=True)
            if what == "trimmed":
                self.ledger.contents.drop_cutout(sha(number))

    # What a person decides.

    @rule(number=numbers, name=names, what=st.sampled_from(["retry", "force", "give up"]))
    def person(self, number, name, what):
        row = self.ledger.paths.get(place(name))
        if what == "give up":
            self.ledger.contents.give_up(sha(number))
        elif row is not None and row.sha256 is None:
            if row.state is P.FAILED:
                self.ledger.paths.retry(place(name))
                del self.there[name]  # until the scan finds it
        else:
            self.retry(number, force=what == "force")

    def retry(self, number, *, force):
        if self.ledger.contents.retry(sha(number), force=force):
            self.asked_again[number] += 1
            if force:  # one more, and no other
                self.maybe_billed[number] = min(self.maybe_billed[number], ATTEMPTS - 1)
        content = self.ledger.contents.get(sha(number))
        for row in self.ledger.paths.of_content(sha(number)):
            if row.state is P.FAILED and content.state is not C.FAILED:
                self.ledger.paths.retry(row.place)

    # What must hold, whatever happened.

    def drain(self):
        """Let all go well from here on: then every name comes to an end."""
        self.budget = None
        while self.sending:
            self.finish(self.sending.pop(), "good")
        self.clock.now += 1e6
        for _ in range(50):
            if (number := self.begin()) is not None:
                self.sending.discard(number)
                self.finish(number, "good")
            while (row := self.ledger.paths.next_to_do()) is not None:
                self.see_to(row)
        for name in self.there:
            row = self.ledger.paths.get(place(name))
            if row.state is P.WAITING:
                assert self.ledger.contents.get(row.sha256).state is C.PARKED
            else:
                assert row.state in {P.DONE, P.FAILED}

    @invariant()
    def check_states_move_along_the_arrows(self):
        rows = set(self.ledger._database.rows("SELECT kind, before, after FROM arrow"))
        assert {(C(a), C(b)) for kind, a, b in rows if kind == "content"} <= CONTENT_ARROWS
        assert {(P(a), P(b)) for kind, a, b in rows if kind == "path"} <= PATH_ARROWS

    @invariant()
    def check_no_path_is_lost(self):
        known = {
            row.place.relative.decode(): row.sha256
            for state in P
            for row in self.ledger.paths._where("state = ?", state)
        }
        assert known == {
            name: None if number is None else sha(number) for name, number in self.there.items()
        }

    @invariant()
    def check_names_stand_where_their_contents_allow(self):
        for name, number in self.there.items():
            row = self.ledger.paths.get(place(name))
            if number is None:
                assert row.state in {P.FAILING, P.FAILED}
                continue
            content = self.ledger.contents.get(sha(number)).state
            if row.state is P.WAITING:
                assert content not in {C.CUT, C.FAILED}
            if row.state is P.READY:
                assert content is C.CUT

    @invariant()
    def check_money(self):
        for number in CONTENTS:
            content = self.ledger.contents.get(sha(number))
            spent = self.maybe_billed[number]
            assert spent <= ATTEMPTS
            if not self.retry_doubts:
                assert spent <= 1 + self.asked_again[number]
            assert (content.attempts if content else 0) == spent
            if content is not None:
                assert (content.state is C.SENDING) == (number in self.sending)
                if content.state in {C.QUEUED, C.IN_DOUBT}:
                    assert content.attempts < ATTEMPTS  # or it would never come to an end
        assert self.ledger.tally.paid(None) == self.run
        assert all(self.ledger.tally.paid(day) == n for day, n in self.paid.items())
        running = sum(self.window in {None, self.began[number]} for number in self.sending)
        spent = self.run if self.window is None else self.paid[self.window]
        if self.budget is not None:
            assert spent + running <= self.budget


class Parking(Watched):
    """Nothing is ever paid for twice unasked."""

    retry_doubts = False
    by_day = True


class Thrifty(Watched):
    """There is a budget for each run."""

    budget = 3
    keeps = False


class Daily(Watched):
    """There is a budget for each day."""

    budget = 2
    by_day = True


@pytest.mark.parametrize("machine", [Watched, Parking, Thrifty, Daily])
def test_nothing_is_lost_or_paid_for_too_often_whatever_happens(machine):
    run_state_machine_as_test(machine, settings=settings(max_examples=20, stateful_step_count=40))
