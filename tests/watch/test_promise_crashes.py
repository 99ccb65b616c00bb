"""Whatever ends the watcher, and wherever: nothing is lost, nothing is paid for three times."""

from __future__ import annotations

import random
import signal
import threading

import pytest
from watch import oracle
from watch.feeding import photo
from watch.running import Trial

pytestmark = pytest.mark.promise

SURE = ("seen", "at_rest", "hashed", "spooled", "cut", "linked", "published")
DOUBTFUL = ("sending", "half_sent", "sent", "half_read")
LATENCY_S = 0.3
LARGE = (1200, 900)  # px of noise: more than fits into the buffers on the way


@pytest.mark.parametrize("place", SURE)
def test_a_kill_there_costs_no_second_credit(tmp_path, place):
    with Trial(tmp_path, jobs=1) as trial:
        trial.feed_many(3)
        run = trial.start("--once", failpoint=place)
        assert run.wait() == -signal.SIGKILL
        assert trial.once() == 0
        oracle.check(trial, doubtful=1)
        assert len(trial.sandbox.calls) == 3


@pytest.mark.parametrize("place", DOUBTFUL)
def test_a_kill_there_is_answered_by_one_more_call_at_most(tmp_path, place):
    with Trial(tmp_path, jobs=1) as trial:
        for number in range(3):
            trial.feed(f"{number}.jpg", photo(number, size=LARGE, grain=True))
        run = trial.start("--once", failpoint=place)
        assert run.wait() == -signal.SIGKILL
        assert trial.once() == 0
        oracle.check(trial, in_doubt=0 if place in {"sending", "half_sent"} else 1)


@pytest.mark.parametrize("place", DOUBTFUL)
def test_a_kill_there_parks_the_picture_where_that_is_wished(tmp_path, place):
    with Trial(tmp_path, jobs=1) as trial:
        trial.feed_many(3)
        assert trial.start("--once", "--in-doubt", "park", failpoint=place).wait() < 0
        assert trial.once("--in-doubt", "park") == 3
        assert len(oracle.named_ones(trial)) == 1
        oracle.check(trial, excused=trial.fed, doubtful=1)
        trial.ledger("resolve", "--retry")
        assert trial.once("--in-doubt", "park") == 0
        oracle.check(trial, in_doubt=1)


@pytest.mark.parametrize("originals", ["move", "delete"])
@pytest.mark.parametrize("place", ["published", "disposed"])
def test_a_kill_around_the_end_of_an_original_loses_nothing(tmp_path, place, originals):
    with Trial(tmp_path, jobs=1) as trial:
        trial.feed_many(3, folder="shop")
        assert trial.start("--once", "--originals", originals, failpoint=place).wait() < 0
        assert trial.once("--originals", originals) == 0
        oracle.check(trial, doubtful=1)
        left = {path.name: path.read_bytes() for path in trial.inbox.rglob("*.jpg")}
        done = {path.name: path.read_bytes() for path in (trial.inbox / "done").rglob("*.jpg")}
        assert left == done
        assert len(done) == (3 if originals == "move" else 0)
        assert all(trial.fed[f"shop/{name}".encode()] == content for name, content in done.items())


@pytest.mark.parametrize("originals", ["move", "delete"])
def test_an_original_that_was_replaced_since_its_output_is_not_disposed_of(tmp_path, originals):
    with Trial(tmp_path, jobs=1) as trial:
        old, new = trial.feed("one.jpg"), photo("new")
        run = trial.start("--once", "--originals", originals, failpoint="published")
        assert run.wait() < 0
        trial.feed("one.jpg", new)
        assert trial.once("--originals", originals) == 0
        assert any(oracle.is_cut_out(output, new) for output in trial.outputs().values())
        assert trial.bills_of(old) == trial.bills_of(new) == 1


@pytest.mark.parametrize("jobs", [1, 4, 16])
def test_kills_at_random_lose_nothing(tmp_path, jobs):
    _kill_at_random(tmp_path, kills=3, jobs=jobs, in_doubt="retry-once")


@pytest.mark.parametrize("jobs", [1, 4, 16])
def test_kills_at_random_never_pay_twice_where_doubts_are_parked(tmp_path, jobs):
    _kill_at_random(tmp_path, kills=2, jobs=jobs, in_doubt="park")


@pytest.mark.long
@pytest.mark.parametrize("jobs", [1, 4, 16])
def test_many_kills_at_random_lose_nothing(tmp_path, jobs):
    _kill_at_random(tmp_path, kills=67, jobs=jobs, in_doubt="retry-once")


@pytest.mark.long
@pytest.mark.parametrize("jobs", [1, 4, 16])
def test_many_kills_at_random_never_pay_twice_where_doubts_are_parked(tmp_path, jobs):
    _kill_at_random(tmp_path, kills=33, jobs=jobs, in_doubt="park")


def _kill_at_random(folder, *, kills, jobs, in_doubt):
    """Kill it again and again while it sends, each time after another number of calls."""
    dice = random.Random(f"{kills} {jobs} {in_doubt}")
    with Trial(folder, jobs=jobs) as trial:
        trial.sandbox.answers_after(LATENCY_S)
        for number in range(kills):
            trial.feed_many(jobs + 2, folder=f"{number:03}")
            run = trial.start("--in-doubt", in_doubt, "--poll", "0.2")
            before, more = len(trial.sandbox.calls), dice.randint(1, jobs + 2)
            run.until(lambda before=before, more=more: len(trial.sandbox.calls) >= before + more)
            # Anywhere between the call's arrival and its output.
            run.lives_on(dice.uniform(0, 2 * LATENCY_S))
            run.kill()
        threading.Event().wait(3 * LATENCY_S)  # calls whose sender is gone end, too
        code = trial.once("--in-doubt", in_doubt, patience_s=600)
        known = oracle.named_ones(trial)
        assert code == (3 if known else 0)
        doubtful = 2 if in_doubt == "retry-once" else 1
        oracle.check(trial, excused=trial.fed, doubtful=doubtful, in_doubt=kills * jobs)
        assert len(known) <= kills * jobs
        assert all(one["in_doubt"] for one in known.values())


def test_a_drain_finishes_what_is_under_way(tmp_path):
    _drain(tmp_path, drains=3)


@pytest.mark.long
def test_many_drains_finish_what_is_under_way(tmp_path):
    _drain(tmp_path, drains=50)


def _drain(folder, *, drains):
    dice = random.Random(drains)
    with Trial(folder) as trial:
        trial.sandbox.answers_after(LATENCY_S)
        for number in range(drains):
            trial.feed_many(6, folder=f"{number:03}")
            run = trial.start("--poll", "0.2")
            before, more = len(trial.sandbox.calls), dice.randint(1, 6)
            run.until(lambda before=before, more=more: len(trial.sandbox.calls) >= before + more)
            sign, code = dice.choice([(signal.SIGTERM, 143), (signal.SIGINT, 130)])
            run.signal(sign)
            assert run.wait() == code
            assert all(call["billed"] for call in trial.sandbox.calls)
            assert len(trial.outputs()) == len(trial.sandbox.calls)
        assert trial.once() == 0
        oracle.check(trial, doubtful=1)


def test_a_second_signal_stops_at_once_and_names_what_is_in_doubt(tmp_path):
    with Trial(tmp_path) as trial:
        trial.sandbox.fault("never", times=2)
        trial.feed_many(2)
        run = trial.start()
        run.until(lambda: len(trial.sandbox.calls) == 2)
        run.signal(signal.SIGTERM)
        # Not before: of two signals that wait together the system delivers one.
        run.until(lambda: any("Stopping" in one["text"] for one in run.of("note")))
        run.signal(signal.SIGTERM)
        assert run.wait(patience_s=10) == 143
        said = {one["facts"].get("source") for one in run.of("note")}
        assert said >= {"0000.jpg", "0001.jpg"}
        assert trial.once() == 0
        oracle.check(trial)


def test_what_was_kept_serves_other_options_without_another_credit(tmp_path):
    with Trial(tmp_path) as trial:
        trial.feed("large.jpg", photo("large", size=(200, 100)))
        assert trial.once() == 0
        assert trial.once("--w", "50") == 0
        (output,) = trial.outputs().values()
        assert oracle.decoded(output).size == (50, 25)
        assert len(trial.sandbox.calls) == 1


def test_nothing_is_left_of_what_only_the_watcher_needed(tmp_path):
    with Trial(tmp_path, jobs=1) as trial:
        trial.feed_many(2)
        assert trial.start("--once", failpoint="linked").wait() < 0
        assert trial.once() == 0
        (state,) = trial.state.iterdir()
        for folder in (trial.outbox / ".rembg-plugins" / "tmp", state / "spool"):
            assert not [path for path in folder.rglob("*") if path.is_file()]
