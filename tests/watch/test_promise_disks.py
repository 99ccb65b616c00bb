"""Disks that are full, read-only or gone: nothing is paid for that cannot be written."""

from __future__ import annotations

import resource
import shutil
import signal
import subprocess

import pytest
from watch import oracle
from watch.feeding import photo
from watch.running import Trial, without_rights_over_files

pytestmark = pytest.mark.promise

READ_ONLY, WRITABLE = 0o555, 0o755
NO_OUTPUT = 73


def _large():
    return photo("large", size=(500, 400), format_="PNG", grain=True)


def test_nothing_is_sent_while_outbox_cannot_be_written(tmp_path):
    with Trial(tmp_path) as trial:
        trial.feed_many(5)
        trial.outbox.chmod(READ_ONLY)
        assert trial.once(preexec_fn=without_rights_over_files) == NO_OUTPUT
        assert not trial.sandbox.calls
        trial.outbox.chmod(WRITABLE)
        assert trial.once() == 0
        oracle.check(trial, doubtful=1)


def test_an_outbox_that_turns_read_only_in_a_call_costs_no_second_credit(tmp_path):
    with Trial(tmp_path, jobs=2) as trial:
        trial.sandbox.answers_after(1)
        trial.feed_many(6)
        run = trial.start(preexec_fn=without_rights_over_files)
        run.until(lambda: len(trial.sandbox.calls) == 2)
        trial.outbox.chmod(READ_ONLY)
        for folder in trial.outbox.rglob("*"):
            if folder.is_dir():
                folder.chmod(READ_ONLY)
        run.until(lambda: run.of("gate"))
        run.lives_on(2)
        assert len(trial.sandbox.calls) <= 3
        assert run.stop() in {NO_OUTPUT, 143}
        for folder in (trial.outbox, *trial.outbox.rglob("*")):
            if folder.is_dir():
                folder.chmod(WRITABLE)
        assert trial.once(patience_s=120) == 0
        oracle.check(trial, doubtful=1)


def test_a_picture_that_may_not_be_read_holds_up_nobody(tmp_path):
    with Trial(tmp_path) as trial:
        trial.feed_many(3)
        trial.feed("closed/one.jpg")
        (trial.inbox / "0001.jpg").chmod(0)
        (trial.inbox / "closed").chmod(0)
        run = trial.start(preexec_fn=without_rights_over_files)
        run.until(lambda: len(trial.outputs()) == 2)
        (trial.inbox / "0001.jpg").chmod(WRITABLE)
        (trial.inbox / "closed").chmod(WRITABLE)
        assert run.stop() == 143
        assert trial.once() == 0
        oracle.check(trial, doubtful=1)


def test_a_folder_that_cannot_be_read_for_a_while_forgets_nothing(tmp_path):
    with Trial(tmp_path) as trial:
        trial.feed_many(3, folder="shop")
        assert trial.once(preexec_fn=without_rights_over_files) == 0
        (trial.inbox / "shop").chmod(0)
        trial.once(preexec_fn=without_rights_over_files)
        assert trial.ledger("status")["paths"] == {"done": 3}
        (trial.inbox / "shop").chmod(WRITABLE)
        assert trial.once() == 0
        oracle.check(trial, doubtful=1)


def test_an_inbox_that_is_gone_for_a_while_forgets_nothing(tmp_path):
    with Trial(tmp_path) as trial:
        trial.feed_many(3)
        run = trial.start("--poll", "0.3", "--originals", "keep")
        run.until(lambda: len(trial.outputs()) == 3)
        away = trial.inbox.rename(trial.root / "away")
        run.lives_on(2)
        away.rename(trial.inbox)
        trial.feed("later.jpg")
        run.until(lambda: len(trial.outputs()) == 4)
        assert run.stop() == 143
        oracle.check(trial, doubtful=1)
        assert trial.ledger("status")["paths"] == {"done": 4}


def test_an_answer_that_cannot_be_stored_is_paid_for_twice_at_most(tmp_path):
    with Trial(tmp_path, jobs=1) as trial:
        content = trial.feed(
            "large.png", photo("large", size=(500, 400), format_="PNG", grain=True)
        )

        def short_of_space():
            resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

        run = trial.start(preexec_fn=short_of_space)
        run.until(lambda: trial.calls_of(content))
        run.until(lambda: run.of("gate"))
        run.signal(signal.SIGTERM)
        run.lives_on(2)  # what is paid for is held as long as it may be
        assert run.stop() in {NO_OUTPUT, 143}
        assert trial.bills_of(content) <= 2
        for _ in range(2):
            trial.once()
        oracle.check(trial, excused=trial.fed)


@pytest.mark.long
def test_an_outbox_that_is_full_costs_nothing(tmp_path):
    with Trial(tmp_path) as trial, _disk(trial.outbox, "400k"):
        trial.feed_many(3)
        run = trial.start()
        run.lives_on(4)
        assert run.stop() in {NO_OUTPUT, 143}
        assert not trial.sandbox.calls
        assert not trial.outputs()


@pytest.mark.long
def test_an_outbox_that_fills_up_in_a_call_costs_no_second_credit(tmp_path):
    with Trial(tmp_path, jobs=1) as trial, _disk(trial.outbox, "80m"):
        trial.sandbox.answers_after(2)
        trial.feed("large.png", _large())
        run = trial.start("--originals", "delete")
        run.until(lambda: trial.sandbox.calls)
        filler = trial.outbox / ".rembg-plugins" / "filler"
        with filler.open("wb") as file:
            try:
                while True:
                    file.write(bytes(4096))
                    file.flush()
            except OSError:
                pass
        run.until(lambda: run.of("gate"))
        assert not trial.outputs()
        assert (trial.inbox / "large.png").exists()
        filler.unlink()
        run.until(trial.outputs)
        assert run.stop() == 143
        oracle.check(trial, doubtful=1)


class _disk:  # noqa: N801 - reads as a function
    """A disk of a size; needs root."""

    def __init__(self, folder, size):
        self._folder, self._size = folder, size

    def __enter__(self):
        if shutil.which("mount") is None:
            pytest.skip("no mount")
        command = ["mount", "-t", "tmpfs", "-o", f"size={self._size}", "tmpfs", self._folder]
        if subprocess.run(command, check=False).returncode:
            pytest.skip("disks can be mounted by root only")

    def __exit__(self, *_):
        subprocess.run(["umount", "--lazy", self._folder], check=True)  # noqa: S607 - wherever it is
