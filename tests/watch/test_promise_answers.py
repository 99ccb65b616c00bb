"""Answers that never come, break off, or are no picture: no output is wrong, no call is repeated
that was paid for."""

from __future__ import annotations

import pytest
from watch import oracle
from watch.feeding import photo
from watch.running import Trial, until

pytestmark = pytest.mark.promise

SHORT = {"REMBG_READ_TIMEOUT": "1", "REMBG_CONNECT_TIMEOUT": "1"}  # s

BROKEN = {
    "never answers": {"kind": "never"},
    "never begins to read": {"kind": "never", "when": "before"},
    "stops reading in the middle": {"kind": "never", "when": "in"},
    "reset before": {"kind": "reset", "when": "before"},
    "reset in the middle": {"kind": "reset", "when": "in"},
    "reset after": {"kind": "reset"},
    "500": {"kind": "status", "status": 500},
    "500, billed": {"kind": "status", "status": 500, "billed": True},
    "502": {"kind": "status", "status": 502, "billed": True},
    "503": {"kind": "status", "status": 503},
    "504": {"kind": "status", "status": 504, "billed": True},
}

UNUSABLE = {
    "HTML": {"kind": "answer", "content": "html"},
    "JSON": {"kind": "answer", "content": "json"},
    "nothing": {"kind": "answer", "content": "empty"},
    "another size": {"kind": "answer", "content": "size", "width": 7, "height": 5},
    "cut": {"kind": "cut"},
    "cut at once": {"kind": "cut", "after": 0},
    "too short for its length": {"kind": "length"},
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_is_asked_for_once_more(tmp_path, name):
    with Trial(tmp_path) as trial:
        trial.sandbox.fault(**BROKEN[name])
        trial.feed_many(3)
        assert trial.once(env=SHORT) == 0
        oracle.check(trial, in_doubt=1)
        assert len(trial.sandbox.calls) == 4


@pytest.mark.parametrize("name", [name for name in BROKEN if name != "503"])
def test_a_broken_answer_parks_the_picture_where_that_is_wished(tmp_path, name):
    with Trial(tmp_path) as trial:
        trial.sandbox.fault(**BROKEN[name])
        trial.feed_many(3)
        code = trial.once("--in-doubt", "park", env=SHORT)
        known = oracle.named_ones(trial)
        assert code == (3 if known else 0)
        assert len(known) <= 1
        oracle.check(trial, excused=trial.fed, doubtful=1)


@pytest.mark.parametrize("name", ["never answers", "500, billed"])
def test_what_breaks_every_time_is_sent_twice_and_never_again(tmp_path, name):
    with Trial(tmp_path, jobs=1) as trial:
        trial.sandbox.fault(**BROKEN[name], times=10**6)
        bad = trial.feed("bad.jpg")
        assert trial.once(env=SHORT, patience_s=180) in {1, 3}
        assert len(trial.calls_of(bad)) == 2
        assert trial.once(env=SHORT) in {0, 1, 3}
        assert len(trial.calls_of(bad)) == 2
        (known,) = oracle.named_ones(trial).values()
        assert known["attempts"] == 2
        trial.sandbox.heal()
        trial.ledger(*_decide(trial), "--force")
        assert trial.once() == 0
        oracle.check(trial, doubtful=3)


def _decide(trial):
    """The command that has the one picture that is in trouble sent again."""
    return ("retry",) if trial.ledger("status")["failed"] else ("resolve", "--retry")


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_answer_that_is_no_picture_is_kept_and_never_paid_for_again(tmp_path, name):
    with Trial(tmp_path) as trial:
        trial.sandbox.fault(**UNUSABLE[name])
        trial.feed_many(3)
        assert trial.once() in {1, 3}
        assert trial.once() in {0, 1, 3}
        (known,) = oracle.named_ones(trial).values()
        assert (known["billed"], known["attempts"]) == (1, 1)
        oracle.check(trial, excused=trial.fed, doubtful=1)
        assert len(trial.sandbox.calls) == 3


def test_an_answer_a_byte_at_a_time_does_not_hold_up_the_others(tmp_path):
    with Trial(tmp_path, jobs=2) as trial:
        trial.sandbox.fault("slow", bytes_per_second=1)
        trial.feed("slow.jpg")
        run = trial.start()
        run.until(lambda: trial.sandbox.calls)
        trial.feed_many(5)
        run.until(lambda: len(trial.outputs()) == 5)
        run.kill()


def test_a_server_that_is_away_costs_nothing_and_is_waited_for(tmp_path):
    with Trial(tmp_path) as trial:
        trial.feed_many(5)
        run = trial.start(env={"REMBG_API_URL": "http://127.0.0.1:9/rmbg"})
        until(lambda: run.of("gate"))
        assert run.stop() == 143
        assert not oracle.named_ones(trial)
        assert trial.once() == 0
        oracle.check(trial, doubtful=1)


def test_pictures_that_a_person_should_look_at_are_published_and_flagged(tmp_path):
    with Trial(tmp_path) as trial:
        trial.sandbox.fault("answer", content="size", width=40, height=30)
        content = photo("empty", size=(40, 30))
        trial.feed("empty.jpg", content)
        assert trial.once() == 0
        (news,) = trial.runs[-1].of("picture", status="published")
        assert news["warnings"]
        notes = list((trial.outbox / ".rembg-plugins" / "warnings").rglob("*.warning.json"))
        assert len(notes) == 1


def test_a_picture_that_is_refused_fails_with_a_note_and_costs_nothing(tmp_path):
    with Trial(tmp_path) as trial:
        trial.sandbox.fault("status", status=400, error="bad_signature")
        trial.feed_many(3)
        assert trial.once() == 1
        ((name, known),) = oracle.named_ones(trial).items()
        assert known["billed"] == 0
        assert (trial.inbox / "failed" / f"{name.decode()}.error.json").exists()
        oracle.check(trial, excused=trial.fed, doubtful=1)
        trial.ledger("retry")
        assert trial.once() == 0
        oracle.check(trial, doubtful=1)
