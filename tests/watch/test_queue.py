from __future__ import annotations

import pytest
from watch.rows import NOON, Clock, begin, opened, place, sha, taken

from rembg_plugins.watch.states import ContentState


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(tmp_path, clock):
    ledger = opened(tmp_path, clock)
    yield ledger
    ledger.close()


def add(ledger, clock, *numbers):
    """One after the other."""
    for number in numbers:
        ledger.paths.add([taken(f"{number}.jpg", number)])
        clock.now += 1


def test_what_was_never_seen_is_not_there(ledger):
    assert ledger.contents.get(sha(1)) is None
    assert ledger.contents.next_to_send() is None
    assert ledger.contents.next_due() is None
    assert ledger.contents.states() == {}


def test_a_new_content_tells_what_is_known_of_it(ledger, clock):
    add(ledger, clock, 1)
    content = ledger.contents.get(sha(1))
    assert (content.state, content.size_px, content.first_seen) == (1, (40, 30), NOON)
    assert (content.sends, content.attempts, content.billed, content.in_doubt) == (0, 0, 0, 0)
    assert (content.kept, content.tried, content.code, content.sent_on) == (False, (), None, None)


def test_first_come_first_sent(ledger, clock):
    add(ledger, clock, 5, 3, 4)
    assert ledger.contents.next_to_send().sha256 == sha(5)
    assert ledger.contents.next_to_send({sha(5)}).sha256 == sha(3)
    assert ledger.contents.next_to_send({sha(3), sha(5)}).sha256 == sha(4)
    assert ledger.contents.next_to_send({sha(3), sha(4), sha(5)}) is None


def test_what_waits_for_a_time_is_not_sent_before(ledger, clock):
    add(ledger, clock, 1, 2)
    begin(ledger, 1)
    ledger.contents.requeue(sha(1), not_before=NOON + 100, how="429")
    begin(ledger, 2)
    ledger.contents.doubt(sha(2), retry=True, not_before=NOON + 50, code="a", reason="b")
    assert ledger.contents.next_to_send() is None
    assert ledger.contents.next_due() == NOON + 50
    assert ledger.contents.count_to_send() == 2
    clock.now = NOON + 50
    assert ledger.contents.next_to_send().sha256 == sha(2)
    assert ledger.contents.next_due() == NOON + 100
    clock.now = NOON + 100
    assert ledger.contents.next_to_send().sha256 == sha(1)
    assert ledger.contents.next_due() is None


def test_new_ones_go_before_those_in_doubt(ledger, clock):
    add(ledger, clock, 1, 2)
    begin(ledger, 1)
    ledger.contents.doubt(sha(1), retry=True, not_before=0, code="a", reason="b")
    assert ledger.contents.next_to_send().sha256 == sha(2)
    assert ledger.contents.next_to_send({sha(2)}).sha256 == sha(1)


def test_what_no_name_waits_for_is_not_sent(ledger, clock):
    add(ledger, clock, 1, 2)
    begin(ledger, 1)
    ledger.contents.requeue(sha(1), not_before=0, how="429")
    ledger.paths.forget([place("1.jpg")])
    assert ledger.contents.get(sha(1)).state is ContentState.QUEUED
    assert ledger.contents.next_to_send().sha256 == sha(2)
    assert ledger.contents.next_to_send({sha(2)}) is None
    assert ledger.contents.count_to_send() == 1


def test_what_is_being_sent_is_left_to_be_sent_until_it_ends(ledger, clock):
    add(ledger, clock, 1, 2, 3)
    begin(ledger, 1)
    assert ledger.contents.count_to_send() == 3
    assert ledger.contents.count_to_send(limit=2) == 2
    assert ledger.contents.next_to_send().sha256 == sha(2)
    ledger.contents.cut(sha(1), billed=True)
    assert ledger.contents.count_to_send() == 2


def test_those_in_a_state_come_in_their_order(ledger, clock):
    add(ledger, clock, 3, 1, 2)
    queued = ledger.contents.in_state(ContentState.QUEUED)
    assert [content.sha256 for content in queued] == [sha(3), sha(1), sha(2)]
    assert len(ledger.contents.in_state(ContentState.QUEUED, limit=2)) == 2
    for number in (1, 2):
        begin(ledger, number)
    ledger.contents.cut(sha(1), billed=True)
    ledger.contents.fail(sha(2), billed=False, code="a", reason="b", status=400)
    for number, state in ((1, ContentState.CUT), (2, ContentState.FAILED)):
        assert [one.sha256 for one in ledger.contents.in_state(state)] == [sha(number)]
    assert ledger.contents.in_state(ContentState.SENDING) == []
    assert ledger.contents.states() == {
        ContentState.QUEUED: 1,
        ContentState.CUT: 1,
        ContentState.FAILED: 1,
    }


QUESTIONS = {
    "next": lambda ledger: ledger.contents.next_to_send(),
    "count": lambda ledger: ledger.contents.count_to_send(),
    "due": lambda ledger: ledger.contents.next_due(),
    "sending": lambda ledger: ledger.contents.in_state(ContentState.SENDING),
    "parked": lambda ledger: ledger.contents.in_state(ContentState.PARKED),
    "begin": lambda ledger: begin(ledger, 1, limit=5),
    "work": lambda ledger: ledger.paths.next_to_do(),
    "left": lambda ledger: ledger.paths.is_work_left(),
    "twin": lambda ledger: ledger.paths.twin_of(sha(1), b""),
    "names": lambda ledger: list(ledger.paths.names(b"a")),
    "folders": lambda ledger: list(ledger.paths.folders()),
    "known": lambda ledger: ledger.paths.known(b"a", [b"b", b"c"]),
    "forget": lambda ledger: ledger.paths.forget([place("a/b")]),
    "taken": lambda ledger: ledger.paths.is_taken("a", place("a/b")),
    "content": lambda ledger: ledger.paths.of_content(sha(1)),
    "add": lambda ledger: ledger.paths.add([taken("c", 1)]),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_question_of_daily_work_reads_a_whole_table(ledger, question):
    """With a million rows that would be the end of it; the work is found by an index."""
    statements = []
    for connection in (ledger._database._writer, ledger._database._reader):
        connection.set_trace_callback(statements.append)
    QUESTIONS[question](ledger)
    for connection in (ledger._database._writer, ledger._database._reader):
        connection.set_trace_callback(None)
    plans = [
        (statement, row[3])
        for statement in statements
        if statement.split()[0] in {"SELECT", "UPDATE", "DELETE", "INSERT"}
        for row in ledger._database.rows(f"EXPLAIN QUERY PLAN {statement}")
    ]
    assert statements
    assert [plan for plan in plans if plan[1].startswith(("SCAN content", "SCAN path"))] == []
    assert [plan for plan in plans if "state<" in plan[1]] == []
