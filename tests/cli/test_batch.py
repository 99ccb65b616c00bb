from __future__ import annotations

import errno
import json
import tempfile
import threading
from pathlib import Path

import pytest

from rembg_plugins.cli.delivery import Delivery
from rembg_plugins.core.errors import (
    AuthenticationError,
    DownscaledResultError,
    InternalServerError,
    MonthlyQuotaError,
    ResponseInfo,
    ValidationError,
)
from rembg_plugins.core.result import Result

PATIENCE_S = 20
PAID = ("--engine", "paid")
AT_ONCE_S = 0.001  # what a server asks to be waited for, so that a test waits no longer
LOST = InternalServerError(
    "lost", sent="all", billed=None, response=ResponseInfo(status=500, retry_after=AT_ONCE_S)
)
BUSY = InternalServerError("busy", response=ResponseInfo(status=503, retry_after=AT_ONCE_S))


@pytest.fixture
def pictures(draw):
    """Six pictures of six widths in the folder p."""
    for number in range(1, 7):
        draw(f"p/{number}.png", size=(number, 2))


@pytest.fixture(autouse=True)
def rescue(folder, monkeypatch):
    """Where rescued pictures go: not among the pictures."""
    path = folder.parent / f"{folder.name}-rescued"
    path.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    return path


def facts(done):
    """The objects of ``--json``: by source, and the summary."""
    *pictures, summary = [json.loads(line) for line in done.stdout.splitlines()]
    return {one["source"]: one for one in pictures}, summary


REFUSALS = [
    AuthenticationError("no such key", response=ResponseInfo(status=401)),
    MonthlyQuotaError("no more", response=ResponseInfo(status=429), final=True),
]


@pytest.mark.parametrize("error", REFUSALS, ids=lambda one: type(one).__name__)
def test_what_would_fail_every_picture_ends_the_run_with_its_own_code(run, pictures, paid, error):
    paid.script = {3: error}
    done = run("remove", "p", "--json", "--jobs", "1", *PAID)
    by_source, summary = facts(done)
    assert len(paid.calls) == 3
    assert [one["status"] for _, one in sorted(by_source.items())] == [
        *("done", "done", "failed", "not_started", "not_started", "not_started")
    ]
    assert summary["stopped"] == str(error)
    assert (
        done.exit_code
        == summary["exit_code"]
        == (77 if isinstance(error, AuthenticationError) else 75)
    )
    assert f"Stopped: {error}" in done.stderr
    assert "2 done, 0 skipped, 1 failed, 3 not started; 2 credits spent" in done.stderr


@pytest.mark.parametrize("error", [ValidationError("odd"), ZeroDivisionError("bug")])
def test_what_fails_one_picture_does_not_end_the_run(run, pictures, paid, error):
    paid.script = {2: error}
    done = run("remove", "p", "--jobs", "1", *PAID)
    assert done.exit_code == 1
    assert "5 done, 0 skipped, 1 failed" in done.stdout


def test_a_call_that_was_refused_for_now_is_made_again_for_free(run, pictures, paid):
    paid.script = {2: BUSY}
    done = run("remove", "p", "--jobs", "1", "--max-credits", "6", *PAID)
    assert done.exit_code == 0
    assert len(paid.calls) == 7
    assert "6 done, 0 skipped, 0 failed; 6 credits spent" in done.stdout


def test_a_bug_asks_for_a_report_and_shows_its_traceback_only_on_request(run, draw, paid):
    draw("a.png")
    paid.script = {"each": ZeroDivisionError("by zero")}
    done = run("remove", "a.png", *PAID)
    assert done.exit_code == 70
    assert "a.png: failed: ZeroDivisionError: by zero" in done.stderr
    assert "please report it" in done.stderr
    assert "Traceback" not in done.stderr
    assert "1 in doubt" in done.stdout
    assert "Traceback" in run("remove", "a.png", "-v", *PAID).stderr


def test_several_pictures_are_worked_on_at_once(run, pictures, paid):
    together = threading.Barrier(3, timeout=PATIENCE_S)
    paid.script = {"each": lambda _request: together.wait()}
    assert run("remove", "p", "--jobs", "3", *PAID).exit_code == 0


def test_one_job_is_one_at_a_time_and_in_order(run, pictures, paid):
    run("remove", "p", "--jobs", "1", *PAID)
    assert [width for width, _ in paid.calls] == [1, 2, 3, 4, 5, 6]


def test_an_uncertain_call_is_repeated_once_and_both_are_counted(run, draw, paid):
    draw("a.png")
    paid.script = {1: LOST}
    done = run("remove", "a.png", *PAID)
    assert done.exit_code == 0
    assert "1 done, 0 skipped, 0 failed; 1 credit spent, 1 in doubt" in done.stdout


def test_no_repeat_forbids_it(run, draw, paid):
    draw("a.png")
    paid.script = {1: LOST}
    done = run("remove", "a.png", "--no-repeat", *PAID)
    assert done.exit_code == 69
    assert len(paid.calls) == 1
    assert "no credits spent, 1 in doubt" in done.stdout


def test_a_repeat_is_a_call_that_the_bound_counts(run, draw, paid):
    draw("a.png")
    draw("b.png", "blue")
    paid.script = {1: LOST}
    done = run("remove", "a.png", "b.png", "--max-credits", "1", "--json", "--jobs", "1", *PAID)
    by_source, summary = facts(done)
    assert len(paid.calls) == 1
    assert by_source["a.png"]["error"]["class"] == "InternalServerError"
    assert by_source["b.png"]["status"] == "not_started"
    assert (summary["credits"], summary["in_doubt"], done.exit_code) == (0, 1, 75)


@pytest.mark.parametrize("jobs", [1, 2, 6])
def test_calls_under_way_never_pass_the_bound_and_free_ones_give_room_back(
    run, pictures, paid, jobs
):
    refused = InternalServerError("no", response=ResponseInfo(status=400), billed=False)
    paid.script = {1: refused, 3: refused}
    done = run("remove", "p", "--max-credits", "3", "--jobs", jobs, *PAID)
    assert len(paid.calls) == 5
    assert "3 done, 0 skipped, 2 failed, 1 not started; 3 credits spent" in done.stdout
    assert done.exit_code == 75


def test_a_picture_that_was_paid_for_and_refused_is_kept_elsewhere(run, draw, paid, rescue):
    draw("a.png")
    small = Result.from_bytes(draw("b.png").read_bytes(), engine="paid", sent="all", billed=True)
    paid.script = {
        "each": DownscaledResultError(
            "shrunk", sent="all", billed=True, result=small, response=ResponseInfo(status=200)
        )
    }
    done = run("remove", "a.png", *PAID)
    assert done.exit_code == 75
    (kept,) = rescue.iterdir()
    assert kept.read_bytes() == small.content
    assert f"is kept as {kept}" in done.stderr
    assert "1 credit spent" in done.stdout
    assert not Path("a-cutout.webp").exists()


class FullDisk(Delivery):
    """A disk that takes no more after so many results."""

    left = 0
    code = errno.ENOSPC

    def deliver(self, result, target):
        FullDisk.left -= 1
        if FullDisk.left < 0:
            raise OSError(self.code, "No space left on device", str(target.output))
        super().deliver(result, target)


@pytest.fixture
def full_disk(monkeypatch):
    """There is room for one result only."""
    monkeypatch.setattr("rembg_plugins.cli.removal.Delivery", FullDisk)
    monkeypatch.setattr(FullDisk, "left", 1)


def test_a_full_disk_ends_the_run_before_more_is_paid_for(run, pictures, paid, full_disk, rescue):
    done = run("remove", "p", "--jobs", "1", *PAID)
    assert done.exit_code == 73
    assert len(paid.calls) <= 4  # the worker may be two ahead
    assert "1 done" in done.stdout
    assert "No space left on device" in done.stderr
    assert len(list(rescue.iterdir())) == len(paid.calls) - 1


def test_one_name_that_cannot_be_written_is_no_full_disk(
    run, pictures, paid, full_disk, monkeypatch
):
    monkeypatch.setattr(FullDisk, "code", errno.EACCES)
    done = run("remove", "p", "--jobs", "1", *PAID)
    assert done.exit_code == 1
    assert len(paid.calls) == 6
    assert "1 done, 0 skipped, 5 failed; 6 credits spent" in done.stdout


def test_twins_of_a_failure_fail_alike_and_are_paid_for_once(run, draw, paid):
    for name in ("a.png", "b.png"):
        draw(name)
    paid.script = {"each": LOST}
    by_source, summary = facts(run("remove", "a.png", "b.png", "--json", "--no-repeat", *PAID))
    assert [one["in_doubt"] for one in by_source.values()] == [1, 0]
    assert (summary["failed"], summary["in_doubt"]) == (2, 1)
    assert len(paid.calls) == 1
