"""Whatever lies in INBOX, however it is called and however it got there."""

from __future__ import annotations

import os
import threading

import pytest
from watch import oracle
from watch.billing import KEY
from watch.feeding import hostile, in_pieces, photo
from watch.running import Trial, until

pytestmark = pytest.mark.promise

SECONDS = 10**9
TIMES = (0, 1, -1, 10**9, 4 * 10**9)  # s: 1970, before, 2001, 2096


@pytest.mark.parametrize("preallocated", [False, True])
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "BMP"])
def test_a_file_is_sent_once_it_is_written_to_its_end(tmp_path, format_, preallocated):
    content = photo(format_, size=(300, 200), format_=format_, grain=True)
    with Trial(tmp_path) as trial:
        run = trial.start()
        trial.feed("first.jpg")
        run.until(trial.outputs)
        name = f"slow.{format_.lower()}"
        for _ in in_pieces(trial.inbox / name, content, preallocated=preallocated):
            threading.Event().wait(0.15)
            assert len(trial.sandbox.calls) == 1
        trial.fed[name.encode()] = content
        run.until(lambda: len(trial.outputs()) == 2)
        assert run.stop() == 143
        oracle.check(trial, doubtful=1)


def test_a_file_that_looks_whole_is_not_sent_while_somebody_writes_it(tmp_path):
    with Trial(tmp_path) as trial:
        run = trial.start()
        with (trial.inbox / "one.jpg").open("wb", buffering=0) as file:
            file.write(photo("draft"))
            run.lives_on(1.5)
            file.seek(0)
            file.truncate()
            trial.fed[b"one.jpg"] = photo("final")
            file.write(photo("final"))
        run.until(trial.outputs)
        assert run.stop() == 143
        oracle.check(trial, doubtful=1)


def test_a_file_that_pauses_while_it_is_closed_is_sent_whole(tmp_path):
    content = photo("paused", size=(300, 200), grain=True)
    with Trial(tmp_path) as trial:
        run = trial.start()
        (trial.inbox / "slow.jpg").write_bytes(content[:9000])
        run.lives_on(3)
        assert not trial.sandbox.calls
        with (trial.inbox / "slow.jpg").open("ab") as file:
            file.write(content[9000:])
        trial.fed[b"slow.jpg"] = content
        run.until(trial.outputs)
        assert run.stop() == 143
        oracle.check(trial, doubtful=1)


def test_new_bytes_under_an_old_name_are_a_new_picture(tmp_path):
    with Trial(tmp_path) as trial:
        before = trial.feed("one.jpg")
        assert trial.once() == 0
        trial.feed("one.jpg", photo("other"))
        assert trial.once() == 0
        assert trial.bills_of(before) == 1
        trial.fed[b"before"] = before
        oracle.check_bills(trial, doubtful=1)
        assert oracle.is_cut_out(trial.outputs()[b"one.png"], trial.fed[b"one.jpg"])
        assert len(trial.outputs()) == 1


def _change_while_it_is_sent(trial, change):
    """Have a picture changed in the middle of its call; gives the bytes that were sent."""
    trial.sandbox.answers_after(1)
    sent = trial.feed("one.jpg")
    run = trial.start()
    run.until(lambda: trial.sandbox.calls)
    change()
    return sent, run


def test_a_picture_that_is_replaced_while_it_is_sent_gets_the_output_of_its_new_bytes(tmp_path):
    with Trial(tmp_path) as trial:
        sent, run = _change_while_it_is_sent(trial, lambda: trial.feed("one.jpg", photo("new")))
        run.until(lambda: oracle.is_cut_out(trial.outputs().get(b"one.png", b""), photo("new")))
        assert run.stop() == 143
        trial.fed[b"old"] = sent
        oracle.check_bills(trial, doubtful=1)


def test_a_picture_that_is_rewritten_in_place_gets_the_output_of_its_new_bytes(tmp_path):
    with Trial(tmp_path) as trial:
        new = photo("new", size=(64, 64))
        path = trial.inbox / "one.jpg"
        sent, run = _change_while_it_is_sent(trial, lambda: path.write_bytes(new))
        run.until(lambda: oracle.is_cut_out(trial.outputs().get(b"one.png", b""), new))
        assert run.stop() == 143
        trial.fed |= {b"one.jpg": new, b"old": sent}
        oracle.check_bills(trial, doubtful=1)


def test_a_picture_that_is_renamed_while_it_is_sent_is_paid_for_once(tmp_path):
    with Trial(tmp_path) as trial:
        other = trial.inbox / "two.jpg"
        sent, run = _change_while_it_is_sent(trial, lambda: (trial.inbox / "one.jpg").rename(other))
        run.until(lambda: b"two.png" in trial.outputs())
        assert run.stop() == 143
        assert trial.bills_of(sent) == len(trial.sandbox.calls) == 1
        assert oracle.is_cut_out(trial.outputs()[b"two.png"], sent)


def test_a_picture_that_is_deleted_while_it_is_sent_disturbs_nobody(tmp_path):
    with Trial(tmp_path) as trial:
        sent, run = _change_while_it_is_sent(trial, (trial.inbox / "one.jpg").unlink)
        trial.feed("two.jpg")
        run.until(lambda: b"two.png" in trial.outputs())
        assert run.stop() == 143
        assert trial.bills_of(sent) == 1
        assert trial.once() == 0
        assert len(trial.sandbox.calls) == 2


@pytest.mark.parametrize("originals", ["move", "delete"])
def test_an_original_that_is_replaced_is_not_disposed_of(tmp_path, originals):
    with Trial(tmp_path) as trial:
        new = photo("new")
        trial.sandbox.answers_after(1)
        sent = trial.feed("one.jpg")
        run = trial.start("--originals", originals)
        run.until(lambda: trial.sandbox.calls)
        trial.feed("one.jpg", new)
        run.until(lambda: trial.bills_of(new) == 1)
        assert run.stop() == 143
        assert trial.once("--originals", originals) == 0
        found = list(trial.outputs().values())
        assert any(oracle.is_cut_out(output, new) for output in found)
        assert trial.bills_of(sent) == trial.bills_of(new) == 1


def test_times_of_files_are_never_compared_with_the_clock(tmp_path):
    with Trial(tmp_path) as trial:
        for when in TIMES:
            name = f"at-{when}.jpg"
            trial.feed(name)
            os.utime(trial.inbox / name, ns=(when * SECONDS, when * SECONDS))
        assert trial.once() == 0
        oracle.check(trial, doubtful=1)


@pytest.mark.parametrize("shift", [86_400, -86_400, 31_536_000, -31_536_000])
def test_a_clock_that_jumps_changes_nothing(tmp_path, shift):
    (tmp_path / "sitecustomize.py").write_text(
        f"import time\nreal = time.time\ntime.time = lambda: real() + {shift}\n"
    )
    with Trial(tmp_path / "trial") as trial:
        trial.feed_many(3)
        assert trial.once() == 0
        trial.feed_many(3, folder="then")
        path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
        assert trial.once(env={"PYTHONPATH": path}) == 0
        trial.feed_many(3, folder="now")
        assert trial.once() == 0
        oracle.check(trial, doubtful=1)


def test_the_same_bytes_under_many_names_cost_one_credit(tmp_path):
    _feed_twins(tmp_path, 100)


@pytest.mark.long
def test_the_same_bytes_under_a_thousand_names_cost_one_credit(tmp_path):
    _feed_twins(tmp_path, 1000)


def _feed_twins(folder, count):
    with Trial(folder, jobs=16) as trial:
        content = trial.feed("0.jpg")
        for number in range(1, count):
            trial.feed(f"{number % 7}/{number}.jpg", content)
        assert trial.once(patience_s=300) == 0
        oracle.check(trial, doubtful=1)
        assert len(trial.sandbox.calls) == 1


def test_what_is_no_picture_costs_nothing_and_is_named(tmp_path):
    with Trial(tmp_path) as trial:
        refused, _ = hostile("refused")
        for name, content in refused.items():
            trial.feed(name, content)
        trial.feed("good.jpg")
        assert trial.once() == 1
        oracle.check(trial, excused={name.encode() for name in refused}, doubtful=1)
        assert len(trial.sandbox.calls) == 1
        assert len(oracle.named_ones(trial)) == len(refused)


def test_what_never_gets_its_end_costs_nothing_and_is_named(tmp_path):
    with Trial(tmp_path) as trial:
        _, short = hostile("short")
        for name, content in short.items():
            trial.feed(name, content)
        assert trial.once(patience_s=150) == 1
        oracle.check(trial, excused={name.encode() for name in short})
        assert not trial.sandbox.calls
        codes = {one["code"] for one in oracle.named_ones(trial).values()}
        assert codes == {"incomplete", "empty", "bad_signature"}


def test_reading_a_file_is_no_news_of_it(tmp_path):
    with Trial(tmp_path) as trial:
        trial.sandbox.fault("status", status=500, billed=True, times=10**6)
        bad = trial.feed("bad.jpg")
        run = trial.start()
        run.until(lambda: len(trial.calls_of(bad)) == 2)
        for _ in range(50):
            (trial.inbox / "bad.jpg").read_bytes()
        run.lives_on(8)
        assert len(trial.calls_of(bad)) == 2
        assert run.stop() == 143


@pytest.mark.long
def test_a_picture_that_always_fails_is_sent_twice_in_a_minute(tmp_path):
    with Trial(tmp_path) as trial:
        trial.sandbox.fault("status", status=500, billed=True, times=10**6)
        bad = trial.feed("bad.jpg")
        run = trial.start()
        run.lives_on(60)
        assert len(trial.calls_of(bad)) <= 2
        assert run.stop() == 143


def test_no_key_is_written_anywhere(tmp_path):
    with Trial(tmp_path) as trial:
        trial.feed_many(2)
        trial.feed("bad.jpg", b"This is no picture.")
        trial.once("--verbose")
        until(trial.outputs)
        for path in trial.root.rglob("*"):
            if path.is_file() and path.suffix != ".jpg":
                assert KEY.encode() not in path.read_bytes(), path
