from __future__ import annotations

import pytest
from watch.rows import ENGINE, NOON, Clock, begin, opened, place, published, sha, taken

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.watch.health import Spent, Status, write_status
from rembg_plugins.watch.news import GateState
from rembg_plugins.watch.standing import open_ledger, standing_of
from rembg_plugins.watch.states import ContentState, PathState


@pytest.fixture
def ledger(tmp_path):
    """A ledger that a watcher has used: one published, two failed, two parked, one waiting."""
    found = opened(tmp_path, Clock())
    found.take_over()
    found.paths.add(
        [
            taken("good.jpg", 1),
            taken("a/bad.jpg", 2),
            taken("parked.jpg", 3),
            taken("parked-twin.jpg", 3),
            taken("new.jpg", 4),
        ]
    )
    for number in (1, 2, 3):
        begin(found, number)
    found.contents.cut(sha(1), billed=True)
    published(found, "good.jpg")
    found.contents.fail(sha(2), billed=False, code="bad_signature", reason="No.", status=400)
    found.contents.park(sha(3), billed=None, code="timeout", reason="It took too long.")
    found.paths.fail_path(place("half.jpg"), taken("half.jpg", 9).stamp, "Half.", "incomplete")
    for name, note in (("a/bad.jpg", "/notes/bad"), ("half.jpg", "/notes/half")):
        row = found.paths.get(place(name))
        found.paths.failed(
            row, note=note, is_away=False, code=row.code or "bad_signature", reason=row.reason or ""
        )
    yield found
    found.close()


def test_everything_that_a_person_may_ask_is_told(ledger, tmp_path):
    standing = standing_of(tmp_path, most=10, now=NOON)
    assert standing.contents == {
        ContentState.QUEUED: 1,
        ContentState.PARKED: 1,
        ContentState.CUT: 1,
        ContentState.FAILED: 1,
    }
    assert standing.paths == {PathState.WAITING: 3, PathState.DONE: 1, PathState.FAILED: 2}
    assert standing.today == standing.month == Spent(credits=1, in_doubt=1)
    assert {one.source: (one.code, one.note) for one in standing.failed} == {
        b"a/bad.jpg": ("bad_signature", "/notes/bad"),
        b"half.jpg": ("incomplete", "/notes/half"),
    }
    assert {one.source for one in standing.parked} == {b"parked.jpg", b"parked-twin.jpg"}
    assert {one.reason for one in standing.parked} == {"It took too long."}
    assert {(one.attempts, one.billed, one.in_doubt) for one in standing.parked} == {(1, 0, 1)}


def test_what_was_spent_on_other_days_and_in_other_months_does_not_count(ledger, tmp_path):
    tomorrow = standing_of(tmp_path, most=10, now=NOON + 86_400)  # the first of April
    assert tomorrow.today == tomorrow.month == Spent()
    before = standing_of(tmp_path, most=10, now=NOON - 86_400)
    assert before.today == Spent()
    assert before.month == Spent(credits=1, in_doubt=1)


def test_no_more_names_are_told_than_wished(ledger, tmp_path):
    standing = standing_of(tmp_path, most=1, now=NOON)
    assert (len(standing.failed), len(standing.parked)) == (1, 1)


def test_it_is_told_beside_a_watcher_that_runs_with_what_that_said_last(ledger, tmp_path):
    status = Status(
        inbox=tmp_path, outbox=tmp_path, engine=ENGINE, is_paid=True, started=NOON,
        state="running", gate=GateState(),
    )  # fmt: skip
    write_status(tmp_path, status, NOON)
    assert standing_of(tmp_path, most=1, now=NOON + 1).problems == ()
    assert standing_of(tmp_path, most=1, now=NOON + 1).is_running
    assert not standing_of(tmp_path, most=1, now=NOON + 100).is_running
    assert standing_of(tmp_path, most=1, now=NOON + 1).status["engine"] == ENGINE
    assert len(standing_of(tmp_path, most=1, now=NOON + 100).problems) == 1
    assert not ledger.has_changed()  # whoever looks decides nothing


def test_without_a_ledger_none_is_made(tmp_path):
    with pytest.raises(ConfigurationError, match="There is no ledger in"):
        standing_of(tmp_path, most=1)
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_that_no_watcher_has_used_is_empty(tmp_path):
    opened(tmp_path, Clock()).close()
    found = open_ledger(tmp_path)
    assert found.contents.states() == {}
    found.close()


@pytest.mark.parametrize(("is_paid", "doubts"), [(True, 1), (False, 0)])
def test_what_was_being_sent_when_the_watcher_ended_may_have_been_paid_for(
    ledger, tmp_path, is_paid, doubts
):
    begin(ledger, 4)
    assert standing_of(tmp_path, most=1, now=NOON).interrupted == 1
    status = Status(
        inbox=tmp_path,
        outbox=tmp_path,
        engine=ENGINE,
        is_paid=is_paid,
        started=NOON,
        state="running",
        gate=GateState(),
    )
    assert write_status(tmp_path, status, NOON)
    assert standing_of(tmp_path, most=1, now=NOON).interrupted == 0
    assert standing_of(tmp_path, most=1, now=NOON + 100).interrupted == doubts
