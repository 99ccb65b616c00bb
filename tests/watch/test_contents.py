from __future__ import annotations

import threading

import pytest
from watch.rows import DAY, MONTH, NOON, Clock, begin, opened, place, published, sha, taken

from rembg_plugins.watch.content import Begin
from rembg_plugins.watch.states import ATTEMPTS, ContentState, PathState


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(tmp_path, clock):
    ledger = opened(tmp_path, clock)
    ledger.paths.add([taken("a.jpg", 1), taken("b/a.jpg", 1), taken("c.jpg", 2)])
    yield ledger
    ledger.close()


def content(ledger, number=1):
    return ledger.contents.get(sha(number))


def names(ledger, number=1):
    return {row.state for row in ledger.paths.of_content(sha(number))}


def doubt(ledger, number=1, *, retry=True, not_before=0.0):
    return ledger.contents.doubt(
        sha(number), retry=retry, not_before=not_before, code="timeout", reason="no answer"
    )


def fail(ledger, number=1, *, billed=False):
    ledger.contents.fail(
        sha(number), billed=billed, code="invalid", reason="it is refused", status=400
    )


def test_a_call_that_begins_is_committed_with_its_day(ledger, tmp_path):
    assert begin(ledger, 1) is Begin.BEGUN
    other = opened(tmp_path, Clock())
    found = content(other)
    assert (found.state, found.sends, found.sent_on) == (ContentState.SENDING, 1, DAY)
    assert (found.attempts, found.billed, found.in_doubt) == (0, 0, 0)
    assert other.tally.count("sent") == 1
    other.close()


def test_what_is_being_sent_or_was_never_seen_cannot_be_begun(ledger):
    assert begin(ledger, 1) is Begin.BEGUN
    assert begin(ledger, 1) is Begin.TAKEN
    assert begin(ledger, 99) is Begin.TAKEN
    assert ledger.tally.count("sent") == 1


def test_a_good_answer_lets_every_name_be_published(ledger):
    begin(ledger, 1)
    ledger.contents.cut(sha(1), billed=True)
    found = content(ledger)
    assert (found.state, found.attempts, found.billed) == (ContentState.CUT, 1, 1)
    assert found.kept
    assert found.tried == ((NOON, "cut out"),)
    assert names(ledger) == {PathState.READY}
    assert names(ledger, 2) == {PathState.WAITING}
    assert ledger.tally.run == {"sent": 1, "billed": 1}


def test_a_name_that_comes_later_is_ready_at_once(ledger):
    begin(ledger, 1)
    ledger.contents.cut(sha(1), billed=True)
    ledger.paths.add([taken("late.jpg", 1)])
    assert names(ledger) == {PathState.READY}
    assert begin(ledger, 1) is Begin.TAKEN


def test_what_was_surely_not_billed_may_be_sent_for_ever(ledger):
    for number in range(50):
        assert begin(ledger, 1) is Begin.BEGUN
        ledger.contents.requeue(sha(1), not_before=NOON + number, how=f"429, {number}")
    found = content(ledger)
    assert (found.state, found.sends, found.attempts) == (ContentState.QUEUED, 50, 0)
    assert found.not_before == NOON + 49
    assert [how for _, how in found.tried] == [f"429, {number}" for number in range(30, 50)]
    assert ledger.tally.paid(None) == 0
    assert names(ledger) == {PathState.WAITING}


def test_a_call_in_doubt_is_made_once_more_and_never_again(ledger):
    begin(ledger, 1)
    assert doubt(ledger, not_before=NOON + 5) is ContentState.IN_DOUBT
    assert content(ledger).not_before == NOON + 5
    assert names(ledger) == {PathState.WAITING}
    assert begin(ledger, 1) is Begin.BEGUN
    assert doubt(ledger) is ContentState.FAILED
    found = content(ledger)
    assert (found.attempts, found.in_doubt, found.code) == (2, 2, "timeout")
    assert names(ledger) == {PathState.FAILING}
    assert not ledger.contents.retry(sha(1))
    assert begin(ledger, 1) is Begin.TAKEN
    assert ledger.tally.run == {"sent": 2, "in_doubt": 2}


def test_the_number_of_attempts_holds_wherever_a_content_stands(ledger):
    with ledger._database.transaction() as rows:
        rows.execute("UPDATE content SET attempts = ? WHERE sha256 = ?", (ATTEMPTS, sha(1)))
    assert begin(ledger, 1) is Begin.TAKEN


def test_under_park_a_call_in_doubt_is_the_last_one(ledger):
    begin(ledger, 1)
    assert doubt(ledger, retry=False) is ContentState.PARKED
    assert begin(ledger, 1) is Begin.TAKEN
    assert names(ledger) == {PathState.WAITING}


def test_what_waits_for_a_second_call_is_parked_where_that_is_no_longer_wished(ledger):
    begin(ledger, 1)
    doubt(ledger)
    ledger.contents.park_doubts()
    assert content(ledger).state is ContentState.PARKED
    assert content(ledger, 2).state is ContentState.QUEUED


@pytest.mark.parametrize(("billed", "attempts"), [(True, 1), (None, 1), (False, 0)])
def test_a_refused_picture_fails_with_all_its_names(ledger, billed, attempts):
    begin(ledger, 1)
    fail(ledger, billed=billed)
    found = content(ledger)
    assert (found.state, found.attempts) == (ContentState.FAILED, attempts)
    assert (found.code, found.reason, found.status) == ("invalid", "it is refused", 400)
    assert names(ledger) == {PathState.FAILING}
    assert ledger.tally.paid(None) == attempts


def test_what_is_parked_waits_for_a_person(ledger):
    begin(ledger, 1)
    ledger.contents.park(sha(1), billed=True, code="downscaled", reason="460 px")
    assert content(ledger).state is ContentState.PARKED
    assert names(ledger) == {PathState.WAITING}
    assert begin(ledger, 1) is Begin.TAKEN
    assert ledger.contents.next_to_send().sha256 == sha(2)
    assert ledger.contents.retry(sha(1))
    assert begin(ledger, 1) is Begin.BEGUN


@pytest.mark.parametrize("state", [ContentState.IN_DOUBT, ContentState.PARKED])
def test_what_a_person_gives_up_fails_with_its_names(ledger, state):
    begin(ledger, 1)
    doubt(ledger, retry=state is ContentState.IN_DOUBT)
    ledger.contents.give_up(sha(1))
    assert content(ledger).state is ContentState.FAILED
    assert names(ledger) == {PathState.FAILING}


def test_what_is_not_in_doubt_cannot_be_given_up(ledger):
    ledger.contents.give_up(sha(1))
    begin(ledger, 2)
    ledger.contents.give_up(sha(2))
    assert content(ledger).state is ContentState.QUEUED
    assert content(ledger, 2).state is ContentState.SENDING
    assert names(ledger) == names(ledger, 2) == {PathState.WAITING}


def test_a_person_can_force_one_call_more_at_a_time(ledger, clock):
    for _ in range(ATTEMPTS):
        begin(ledger, 1)
        doubt(ledger)
    assert not ledger.contents.retry(sha(1))
    clock.now += 7
    assert ledger.contents.retry(sha(1), force=True)
    found = content(ledger)
    assert (found.state, found.in_doubt) == (ContentState.QUEUED, 2)
    assert found.not_before == NOON + 7
    for calls in (3, 4):
        assert begin(ledger, 1) is Begin.BEGUN
        doubt(ledger)
        assert content(ledger).state is ContentState.FAILED
        assert begin(ledger, 1) is Begin.TAKEN
        assert content(ledger).in_doubt == calls
        assert not ledger.contents.retry(sha(1))
        assert ledger.contents.retry(sha(1), force=True)


@pytest.mark.parametrize("state", [ContentState.QUEUED, ContentState.SENDING, ContentState.CUT])
def test_what_neither_failed_nor_waits_for_a_person_is_not_retried(ledger, state):
    if state is not ContentState.QUEUED:
        begin(ledger, 1)
    if state is ContentState.CUT:
        ledger.contents.cut(sha(1), billed=True)
    assert not ledger.contents.retry(sha(1))
    assert not ledger.contents.retry(sha(1), force=True)
    assert content(ledger).state is state


ENDS = {
    "cut": lambda ledger: ledger.contents.cut(sha(1), billed=True),
    "requeue": lambda ledger: ledger.contents.requeue(sha(1), not_before=0, how="429"),
    "doubt": doubt,
    "fail": lambda ledger: fail(ledger, billed=True),
    "park": lambda ledger: ledger.contents.park(sha(1), billed=True, code="a", reason="b"),
}


@pytest.mark.parametrize("first", ENDS)
@pytest.mark.parametrize("second", ENDS)
def test_a_call_ends_once(ledger, first, second):
    begin(ledger, 1)
    ENDS[first](ledger)
    before, paid, states = content(ledger), ledger.tally.run, names(ledger)
    ENDS[second](ledger)
    assert (content(ledger), ledger.tally.run, names(ledger)) == (before, paid, states)


@pytest.mark.parametrize("end", ENDS)
def test_a_call_that_never_began_has_no_end(ledger, end):
    ENDS[end](ledger)
    assert content(ledger).state is ContentState.QUEUED
    assert content(ledger).tried == ()
    assert ledger.tally.run == {}
    ledger.paths.forget([place("a.jpg"), place("b/a.jpg")])
    ENDS[end](ledger)
    assert content(ledger) is None


def test_a_cutout_from_before_is_known_and_not_bought_again(tmp_path):
    ledger = opened(tmp_path, Clock())
    ledger.contents.adopt(sha(1), (4, 3))
    found = content(ledger)
    assert (found.state, found.kept, found.size_px, found.attempts) == (6, True, (4, 3), 1)
    ledger.paths.add([taken("a.jpg", 1)])
    assert names(ledger) == {PathState.READY}
    assert begin(ledger, 1) is Begin.TAKEN
    ledger.close()


def test_what_the_ledger_knows_is_not_adopted(ledger):
    ledger.contents.adopt(sha(1), (4, 3))
    assert content(ledger).state is ContentState.QUEUED


def test_a_cutout_that_is_no_longer_kept_stays_cut(ledger):
    begin(ledger, 1)
    ledger.contents.cut(sha(1), billed=True)
    ledger.contents.drop_cutout(sha(1))
    assert not content(ledger).kept
    assert content(ledger).state is ContentState.CUT


def test_a_lost_cutout_that_was_paid_for_waits_for_a_person(ledger):
    begin(ledger, 1)
    ledger.contents.cut(sha(1), billed=True)
    published(ledger, "a.jpg")
    assert ledger.contents.lose_cutout(sha(1)) is ContentState.PARKED
    found = content(ledger)
    assert (found.kept, found.code) == (False, "cutout_lost")
    assert "paid for once more" in found.reason
    assert ledger.paths.get(place("a.jpg")).state is PathState.DONE
    assert ledger.paths.get(place("b/a.jpg")).state is PathState.WAITING
    assert ledger.contents.retry(sha(1))
    begin(ledger, 1)
    ledger.contents.cut(sha(1), billed=True)
    assert content(ledger).code is None
    assert ledger.paths.get(place("b/a.jpg")).state is PathState.READY


def test_an_output_that_was_to_be_made_anew_stays_where_its_cutout_is_lost(ledger):
    begin(ledger, 1)
    ledger.contents.cut(sha(1), billed=True)
    published(ledger, "a.jpg")
    assert ledger.paths.make_again(b"another way") == 1
    ledger.contents.lose_cutout(sha(1))
    assert ledger.paths.get(place("a.jpg")).state is PathState.DONE


def test_a_lost_cutout_that_costs_nothing_is_made_anew(tmp_path):
    ledger = opened(tmp_path, Clock(), is_paid=False)
    ledger.paths.add([taken("a.jpg", 1)])
    for _ in range(3):
        begin(ledger, 1)
        ledger.contents.cut(sha(1), billed=False)
        assert ledger.contents.lose_cutout(sha(1)) is ContentState.QUEUED
        assert names(ledger) == {PathState.WAITING}
    ledger.close()


def test_a_cutout_is_lost_once(ledger):
    assert ledger.contents.lose_cutout(sha(1)) is ContentState.QUEUED
    begin(ledger, 1)
    assert ledger.contents.lose_cutout(sha(1)) is ContentState.SENDING
    assert ledger.contents.lose_cutout(sha(99)) is None
    assert content(ledger).state is ContentState.SENDING


def test_an_engine_that_costs_nothing_has_attempts_and_no_bills(tmp_path):
    ledger = opened(tmp_path, Clock(), is_paid=False)
    ledger.paths.add([taken("a.jpg", 1)])
    assert begin(ledger, 1, limit=0) is Begin.BEGUN
    assert doubt(ledger) is ContentState.IN_DOUBT
    assert begin(ledger, 1) is Begin.BEGUN
    assert doubt(ledger) is ContentState.FAILED
    assert ledger.tally.paid(None) == 0
    ledger.close()


WINDOWS = [None, DAY, MONTH]


@pytest.mark.parametrize("window", WINDOWS)
def test_the_last_credit_is_for_one_call(ledger, window):
    assert begin(ledger, 1, limit=1, window=window) is Begin.BEGUN
    assert begin(ledger, 2, limit=1, window=window) is Begin.WAIT
    ledger.contents.requeue(sha(1), not_before=0, how="429")
    assert begin(ledger, 2, limit=1, window=window) is Begin.BEGUN
    ledger.contents.cut(sha(2), billed=True)
    assert begin(ledger, 1, limit=1, window=window) is Begin.SPENT
    assert begin(ledger, 1, limit=2, window=window) is Begin.BEGUN


@pytest.mark.parametrize("window", WINDOWS)
def test_a_call_in_doubt_uses_up_a_credit(ledger, window):
    begin(ledger, 1, limit=1, window=window)
    doubt(ledger)
    assert begin(ledger, 2, limit=1, window=window) is Begin.SPENT


def test_nothing_may_be_spent_where_the_limit_is_zero(ledger):
    assert begin(ledger, 1, limit=0) is Begin.SPENT
    assert content(ledger).sends == 0


def test_a_new_day_has_a_new_budget_and_a_call_counts_for_the_day_it_began(ledger, clock):
    begin(ledger, 1, limit=1, window=DAY)
    clock.now += 86400
    assert begin(ledger, 2, limit=1, window="2026-04-01", day="2026-04-01") is Begin.WAIT
    ledger.contents.cut(sha(1), billed=True)
    assert ledger.tally.paid(DAY) == 1
    assert begin(ledger, 2, limit=1, window="2026-04-01", day="2026-04-01") is Begin.BEGUN


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("limit", [1, 7, 20])
def test_no_race_of_sixteen_threads_passes_the_budget(tmp_path, clock, limit, window):
    """Each call ends in another way, while others begin; what they may cost is never more."""
    ledger = opened(tmp_path, clock)
    ledger.paths.add([taken(f"{number}.jpg", number) for number in range(48)])
    most, answers, lock = [0], [], threading.Lock()

    def work(first):
        for number in range(first, 48, 16):
            answer = begin(ledger, number, limit=limit, window=window)
            with lock:
                answers.append(answer)
            if answer is not Begin.BEGUN:
                continue
            with ledger._database.transaction():
                running = len(ledger.contents.in_state(ContentState.SENDING))
                most[0] = max(most[0], running + ledger.tally.paid(window))
            if number % 4 == 0:
                ledger.contents.requeue(sha(number), not_before=0, how="429")
            elif number % 4 == 1:
                doubt(ledger, number)
            else:
                ledger.contents.cut(sha(number), billed=True)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 48
    assert 1 <= most[0] <= limit
    assert ledger.tally.paid(window) <= limit
    ledger.close()


def test_threads_that_want_the_same_content_send_it_once(ledger):
    answers = []
    barrier = threading.Barrier(16)

    def work():
        barrier.wait()
        answers.append(begin(ledger, 1))

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.name for answer in answers) == ["BEGUN"] + ["TAKEN"] * 15
