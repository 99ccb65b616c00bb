"""One owner a ledger; and a ledger that is gone, broken or of another version."""

from __future__ import annotations

import shutil
import sqlite3
import threading

import pytest
from watch import oracle
from watch.running import Trial, until

pytestmark = pytest.mark.promise

LOCKED, CONFIGURATION = 75, 78


def _ledger(trial):
    (found,) = trial.state.glob("*/ledger.sqlite3")
    return found


def test_a_second_watcher_of_an_inbox_is_refused(tmp_path):
    with Trial(tmp_path) as trial:
        trial.sandbox.answers_after(0.5)
        trial.feed_many(4)
        first = trial.start()
        first.until(lambda: trial.sandbox.calls)
        assert trial.once(outbox=tmp_path / "other") == LOCKED
        first.until(lambda: len(trial.outputs()) == 4)
        assert first.stop() == 143
        oracle.check(trial, doubtful=1)


def test_of_two_that_start_together_one_is_refused(tmp_path):
    with Trial(tmp_path) as trial:
        trial.sandbox.answers_after(0.5)
        trial.feed_many(6)
        runs = [trial.start("--once") for _ in range(3)]
        codes = sorted(run.wait() for run in runs)
        assert codes == [0, LOCKED, LOCKED]
        oracle.check(trial, doubtful=1)


def test_a_second_watcher_of_an_outbox_is_refused(tmp_path):
    with Trial(tmp_path) as trial, Trial(tmp_path / "other") as other:
        trial.feed_many(2)
        other.feed_many(2)
        first = trial.start()
        first.until(lambda: len(trial.outputs()) == 2)
        assert other.once(outbox=trial.outbox) == LOCKED
        assert first.stop() == 143
        assert other.once(outbox=trial.outbox) in {0, LOCKED}


def test_an_owner_that_was_killed_holds_up_nobody(tmp_path):
    with Trial(tmp_path) as trial:
        trial.feed_many(2)
        run = trial.start()
        run.until(lambda: len(trial.outputs()) == 2)
        run.kill()
        trial.feed("more.jpg")
        assert trial.once() == 0
        oracle.check(trial, doubtful=1)


def test_a_ledger_that_is_broken_is_refused_and_nothing_is_sent(tmp_path):
    with Trial(tmp_path) as trial:
        trial.feed_many(2)
        assert trial.once() == 0
        path = _ledger(trial)
        content = bytearray(path.read_bytes())
        content[100:] = bytes(len(content) - 100)
        path.write_bytes(content)
        trial.feed("more.jpg")
        assert trial.once() == CONFIGURATION
        assert str(path) in trial.runs[-1].errors
        assert len(trial.sandbox.calls) == 2


@pytest.mark.parametrize("content", [b"", b"no ledger at all", b"SQLite format 3\0"])
def test_a_file_that_is_no_ledger_loses_nothing(tmp_path, content):
    with Trial(tmp_path) as trial:
        trial.feed_many(2)
        assert trial.once() == 0
        path = _ledger(trial)
        for beside in path.parent.glob("ledger.sqlite3-*"):
            beside.unlink()
        path.write_bytes(content)
        assert trial.once() in {0, CONFIGURATION}
        oracle.check_bills(trial, doubtful=1)
        assert len(trial.outputs()) == 2


def test_a_ledger_of_a_later_version_is_refused_and_left_as_it_is(tmp_path):
    with Trial(tmp_path) as trial:
        trial.feed_many(2)
        assert trial.once() == 0
        with sqlite3.connect(_ledger(trial)) as ledger:
            ledger.execute("PRAGMA user_version = 999")
        ledger.close()
        trial.feed("more.jpg")
        assert trial.once() == CONFIGURATION
        assert len(trial.sandbox.calls) == 2


def test_a_ledger_that_is_gone_does_not_buy_again_what_was_kept(tmp_path):
    with Trial(tmp_path) as trial:
        trial.feed_many(3)
        assert trial.once() == 0
        _ledger(trial).unlink()
        for beside in trial.state.glob("*/ledger.sqlite3-*"):
            beside.unlink()
        assert trial.once() == 0
        oracle.check(trial, doubtful=1)


def test_a_state_folder_that_is_gone_loses_no_output(tmp_path):
    with Trial(tmp_path) as trial:
        trial.feed_many(3)
        assert trial.once() == 0
        shutil.rmtree(trial.state)
        assert trial.once() == 0
        oracle.check(trial)


def test_decisions_of_a_person_are_heeded_by_a_watcher_that_runs(tmp_path):
    with Trial(tmp_path) as trial:
        trial.sandbox.fault("status", status=400, error="bad_signature")
        trial.feed("one.jpg")
        run = trial.start()
        run.until(lambda: run.of("picture", status="failed"))
        assert trial.ledger("retry", "one.jpg")["changed"] == ["one.jpg"]
        run.until(trial.outputs)
        assert run.stop() == 143
        oracle.check(trial, doubtful=1)


def test_a_gate_that_is_closed_opens_when_a_person_says_so(tmp_path):
    with Trial(tmp_path, jobs=1) as trial:
        trial.sandbox.fault("status", status=401, error="invalid_key")
        trial.feed_many(3)
        run = trial.start()
        run.until(lambda: run.of("gate", kind="closed"))
        run.lives_on(1)
        assert len(trial.sandbox.calls) == 1
        trial.ledger("retry")
        run.until(lambda: len(trial.outputs()) == 3)
        assert run.stop() == 143
        oracle.check(trial, doubtful=1)


def test_the_status_can_be_asked_for_all_the_time(tmp_path):
    with Trial(tmp_path) as trial:
        trial.sandbox.answers_after(0.1)
        trial.feed_many(30)
        run = trial.start("--once")
        until(lambda: list(trial.state.glob("*/ledger.sqlite3")))
        while run.process.poll() is None:
            paths = trial.ledger("status")["paths"]
            assert sum(paths.values()) <= 30
            threading.Event().wait(0.1)
        assert run.wait() == 0
        assert trial.ledger("status")["paths"] == {"done": 30}
        oracle.check(trial, doubtful=1)


def test_status_knows_whether_the_watcher_is_well(tmp_path):
    with Trial(tmp_path) as trial:
        trial.feed("one.jpg")
        run = trial.start()
        run.until(lambda: trial.outputs() and list(trial.state.glob("*/status.json")))
        assert trial.ledger("status")["problems"] == []
        assert run.stop() == 143
        assert trial.ledger("status")["problems"]
