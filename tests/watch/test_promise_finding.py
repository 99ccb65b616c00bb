"""Nothing that lands in INBOX is overlooked, whatever the system's news miss."""

from __future__ import annotations

import os
import shutil
import signal

import pytest
from watch import oracle
from watch.feeding import photo
from watch.running import Trial, until

pytestmark = pytest.mark.promise

POLLING = [(), ("--poll", "0.3")]
IDS = ["with the system's news", "by looking"]


def _start(trial, options):
    run = trial.start(*options)
    trial.feed("first.jpg")
    run.until(trial.outputs)
    return run


def _finish(trial, run, *, patience_s=60):
    run.until(lambda: len(trial.outputs()) == len(trial.fed), patience_s=patience_s)
    assert run.stop() == 143
    oracle.check(trial, doubtful=1)


@pytest.mark.parametrize("options", POLLING, ids=IDS)
def test_quick_folders_in_folders_are_found(tmp_path, options):
    with Trial(tmp_path, jobs=16) as trial:
        run = _start(trial, options)
        for number in range(20):
            folder = trial.inbox / str(number) / "b" / "c"
            folder.mkdir(parents=True)
            for name in range(3):
                content = photo(f"{number} {name}")
                (folder / f"{name}.jpg").write_bytes(content)
                trial.fed[os.fsencode(f"{number}/b/c/{name}.jpg")] = content
        _finish(trial, run)


@pytest.mark.parametrize("options", POLLING, ids=IDS)
def test_trees_that_are_moved_in_are_found(tmp_path, options):
    with Trial(tmp_path, jobs=16) as trial:
        run = _start(trial, options)
        for number in range(20):
            tree = trial.root / "elsewhere" / str(number)
            (tree / "b").mkdir(parents=True)
            for name in range(3):
                content = photo(f"{number} {name}")
                (tree / "b" / f"{name}.jpg").write_bytes(content)
                trial.fed[os.fsencode(f"{number}/b/{name}.jpg")] = content
            tree.rename(trial.inbox / str(number))
        _finish(trial, run)


@pytest.mark.parametrize("options", POLLING, ids=IDS)
def test_an_inbox_that_is_deleted_and_made_again_is_watched_on(tmp_path, options):
    with Trial(tmp_path) as trial:
        run = _start(trial, options)
        shutil.rmtree(trial.inbox)
        run.lives_on(1)
        trial.inbox.mkdir()
        trial.feed("second.jpg")
        _finish(trial, run)


def test_a_name_that_is_no_text_does_not_make_it_deaf(tmp_path):
    with Trial(tmp_path) as trial:
        run = _start(trial, ())
        trial.feed(b"caf\xe9.jpg")
        run.until(lambda: len(trial.outputs()) == 2)
        trial.feed("after.jpg")
        run.until(lambda: len(trial.outputs()) == 3)
        assert run.stop() == 143
        outputs = {
            os.fsencode(one["source"]): os.fsencode(one["output"])
            for one in run.of("picture", status="published")
        }
        oracle.check(trial, names=outputs, doubtful=1)


def test_what_lands_while_it_starts_is_found(tmp_path):
    with Trial(tmp_path) as trial:
        trial.feed_many(3)
        run = trial.start()
        for number in range(40):
            trial.feed(f"early-{number}.jpg")
            run.process.poll()
        _finish(trial, run)


def test_what_lands_while_it_is_held_up_is_found(tmp_path):
    _flood(tmp_path, files=500)


@pytest.mark.long
def test_more_than_the_system_tells_of_is_found(tmp_path):
    _flood(tmp_path, files=60_000)


def _flood(folder, *, files):
    """Feed so many files, of few bytes and fewer contents, while the process does not run."""
    with Trial(folder, jobs=16) as trial:
        run = _start(trial, ())
        contents = [photo(f"flood {number}") for number in range(20)]
        run.signal(signal.SIGSTOP)
        (trial.inbox / "flood").mkdir()
        for number in range(files):
            content = contents[number % len(contents)]
            (trial.inbox / "flood" / f"{number}.jpg").write_bytes(content)
            trial.fed[os.fsencode(f"flood/{number}.jpg")] = content
        run.signal(signal.SIGCONT)
        _finish(trial, run, patience_s=60 + files / 20)
        assert len(trial.sandbox.calls) == 1 + len(contents)


def test_only_what_is_asked_for_is_looked_at(tmp_path):
    with Trial(tmp_path) as trial:
        for name in ("a.jpg", "b.jpg", "shop/c.jpg", "shop/d-draft.jpg", "deep/er/e.jpg"):
            trial.feed(name)
        assert trial.once("--include", "shop/**", "--exclude", "*-draft.*") == 0
        assert set(trial.outputs()) == {b"shop/c.png"}
        assert trial.once("--no-recursive") == 0
        assert set(trial.outputs()) == {b"a.png", b"b.png", b"shop/c.png"}


def test_a_run_with_once_ends_though_pictures_go_on_coming(tmp_path):
    with Trial(tmp_path) as trial:
        trial.sandbox.answers_after(0.2)
        trial.feed_many(4)
        run = trial.start("--once")
        number = iter(range(10**6))

        def feed_and_look():
            trial.feed(f"late-{next(number)}.jpg")
            return run.process.poll() is not None

        until(feed_and_look, patience_s=40)
        assert run.process.returncode in {0, 3}
        assert {f"{one:04}.png".encode() for one in range(4)} <= set(trial.outputs())
