from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from rembg_plugins.core.errors import (
    APITimeoutError,
    BadRequestError,
    MonthlyQuotaError,
    ResponseInfo,
)
from rembg_plugins.watch.folders import state_of
from rembg_plugins.watch.health import FILE
from rembg_plugins.watch.notes import Notes
from rembg_plugins.watch.reading import UNFINISHED_S
from rembg_plugins.watch.records import Place

REFUSED = BadRequestError(
    "The picture is refused.", sent="all", billed=False, response=ResponseInfo(status=400)
)
QUOTA = MonthlyQuotaError(
    "None are left.", sent="all", billed=False, final=True, response=ResponseInfo(status=429)
)
LOST = APITimeoutError("No answer in 120 s.", sent="all", billed=None)


@pytest.fixture(autouse=True)
def _state(folder, monkeypatch):
    """No setting of the watcher anywhere, and a place of its own for its ledgers."""
    for name in list(os.environ):
        if name.startswith("REMBG_WATCH_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("REMBG_WATCH_STATE", str(folder / "state"))
    monkeypatch.setenv("REMBG_WATCH_SETTLE", "0")
    (folder / "in").mkdir()


@pytest.fixture
def watch(run):
    """Do what is in ``in``."""

    def once(*arguments):
        return run("watch", "in", "out", "--once", "--engine", "paid", *arguments)

    return once


@pytest.fixture
def ledger(run):
    """The object that a sub-command prints: ``ledger("retry", "cat.png")``."""

    def ask(name, *arguments, code=0):
        done = run("ledger", name, "in", *arguments, "--json")
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)

    return ask


def documented(start):
    """The fields that the module's text names in the list below a paragraph."""
    parts = sys.modules["rembg_plugins.cli.ledger"].__doc__.split("\n\n")
    [text] = [after for one, after in itertools.pairwise(parts) if one.startswith(start)]
    return set(re.findall(r"``(\w+)``", text))


def test_a_new_inbox_has_no_ledger_yet_and_none_is_made(run, folder):
    done = run("ledger", "status", "in")
    assert done.exit_code == 78
    assert "There is no ledger" in done.stderr
    assert "doctor" not in done.stderr
    assert not (folder / "state").exists()


def test_the_status_tells_what_was_done_and_paid(draw, watch, run, paid):
    draw("in/cat.png")
    draw("in/bad.png", "blue")
    paid.script[2] = REFUSED
    assert watch("--jobs", "1").exit_code == 1
    done = run("ledger", "status", "in")
    lines = done.stdout.splitlines()
    assert "Names         1 done, 1 failed" in lines
    assert "Pictures      1 cut, 1 failed" in lines
    assert "Spent today   1 credit" in lines
    assert "Sending       no, no watcher runs" in lines
    assert any(line.startswith("Last scan") for line in lines)
    assert re.search(r"^  \w+\.png: The picture is refused\.$", done.stdout, re.MULTILINE)
    assert "The watcher has stopped." in done.stderr


def test_the_object_has_the_documented_fields_and_no_others(draw, watch, ledger, paid):
    draw("in/cat.png")
    paid.script["each"] = REFUSED
    watch()
    found = ledger("status")
    [failed] = found["failed"]
    nested = {"today", "month", "credits", "in_doubt", *failed}
    nested |= {"count", "outputs", "output", "warnings", "published_at"}
    assert documented("The object of ``status") - nested == found.keys() - nested
    assert failed.keys() <= documented("The object of ``status")
    assert (failed["source"], failed["attempts"]) == ("cat.png", 0)
    assert failed["note"].endswith("cat.png.error.json")
    assert found["contents"] == {"failed": 1}
    assert found["spent"]["month"] == {"credits": 0, "in_doubt": 0}


@pytest.mark.usefixtures("paid")
def test_an_output_that_looks_wrong_is_told_until_its_note_is_gone(
    draw, watch, run, ledger, folder
):
    draw("in/cat.png")
    assert watch().exit_code == 0
    outbox = (folder / "out").resolve()
    notes = Notes(inbox=folder / "in", failed=folder, outbox=outbox, aside=None)
    notes.warn(Place(b"", b"cat.png"), b"cat.webp", ["It is empty."], b"")
    found = ledger("status")["to_look_at"]
    [one] = found["outputs"]
    assert (found["count"], one["source"], one["output"]) == (1, "cat.png", "cat.webp")
    shown = run("ledger", "status", "in").stdout
    assert "To look at    1 output\n" in shown
    assert "  cat.webp: It is empty.\n" in shown
    Path(one["note"]).unlink()
    assert ledger("status")["to_look_at"] == {"count": 0, "outputs": []}


@pytest.mark.parametrize("command", ["status", "estimate", "retry", "resolve"])
def test_an_empty_inbox_is_refused(run, command):
    done = run("ledger", command, " ")
    assert done.exit_code == 2
    assert "INBOX is empty: give a folder." in done.stderr


def test_a_probe_is_told_by_the_exit_code(draw, watch, run, folder, paid):
    assert run("ledger", "status", "in", "--check").exit_code == 1
    draw("in/cat.png")
    watch()
    done = run("ledger", "status", "in", "--check")
    assert (done.exit_code, done.stdout) == (1, "")
    path = state_of(folder / "in", folder / "state") / FILE
    status = json.loads(path.read_text()) | {"state": "running"}
    path.write_text(json.dumps(status))
    assert run("ledger", "status", "in", "--check").exit_code == 0


def test_an_estimate_counts_bytes_once_and_changes_nothing(draw, watch, run, ledger, folder, paid):
    draw("in/cat.png")
    assert watch().exit_code == 0
    draw("in/same-as-before.png")
    draw("in/new.png", "blue")
    draw("in/a/twin.png", "blue")
    draw("in/done/left-out.png", "green")
    (folder / "in" / "no.png").write_text("This is no picture at all.")
    before = ledger("status")["paths"]
    found = ledger("estimate", "--engine", "paid")
    assert found.keys() == documented("The object of ``estimate")
    assert (found["pictures"], found["calls"], found["credits"], found["failing"]) == (3, 1, 1, 1)
    assert ledger("status")["paths"] == before
    assert len(paid.calls) == 1
    done = run("ledger", "estimate", "in", "--engine", "paid", "--no-recursive")
    assert done.stdout.splitlines() == [
        "2 pictures, 1 call of paid 1: 1 credit",
        "1 no good picture",
    ]


def test_an_estimate_looks_into_no_folder_of_failures(draw, ledger, paid):
    for name in ("cat", "failed/dog", "done/dog", "bad/dog"):
        draw(f"in/{name}.png", (len(name), 0, 0))
    assert ledger("estimate", "--engine", "paid", "--failed", "in/bad")["pictures"] == 1


def test_an_estimate_does_not_wait_for_files_without_an_end(run, ledger, folder, paid):
    Image.effect_noise((80, 60), 50).save(folder / "in" / "half.png")
    content = (folder / "in" / "half.png").read_bytes()
    (folder / "in" / "half.png").write_bytes(content[: len(content) // 2])
    began = time.monotonic()
    found = ledger("estimate", "--engine", "paid")
    assert time.monotonic() < began + UNFINISHED_S / 2
    assert (found["unfinished"], found["pictures"], found["failing"]) == (1, 0, 0)
    done = run("ledger", "estimate", "in", "--engine", "paid")
    assert done.stdout.splitlines() == [
        "0 pictures, 0 calls of paid 1: no credits",
        "1 is still being written or has no end",
    ]


def test_an_estimate_comes_true(draw, watch, ledger, folder, paid):
    for number in range(5):
        draw(f"in/{number}.png", (number // 2, 0, 0))
    found = ledger("estimate", "--engine", "paid")
    assert not (folder / "state").exists()
    watch()
    assert found["credits"] == len(paid.calls) == 3
    assert found["pictures"] == 5


def test_an_engine_of_this_machine_costs_nothing(draw, ledger, paid):
    paid.paid = False
    draw("in/cat.png")
    found = ledger("estimate", "--engine", "paid")
    assert (found["calls"], found["credits"], found["is_paid"]) == (1, 0, False)


def test_an_estimate_needs_an_inbox(run, paid):
    done = run("ledger", "estimate", "none", "--engine", "paid")
    assert done.exit_code == 78
    assert "is no folder" in done.stderr
    assert "doctor" not in done.stderr


def test_what_failed_is_tried_again_when_a_person_says_so(draw, watch, run, ledger, folder, paid):
    draw("in/a/cat.png")
    paid.script[1] = REFUSED
    watch("--failed", "bad")
    assert not (folder / "in" / "a" / "cat.png").exists()
    watch("--failed", "bad")
    assert len(paid.calls) == 1
    found = ledger("retry", "a/cat.png")
    assert found.keys() == documented("The object of ``retry") - {"source", "reason"}
    assert found["changed"] == ["a/cat.png"]
    assert (folder / "in" / "a" / "cat.png").exists()
    assert watch("--failed", "bad").exit_code == 0
    assert (folder / "out" / "a" / "cat.webp").exists()
    assert run("ledger", "retry", "in").stdout == "0 pictures will be tried again.\n"


def test_what_was_maybe_paid_for_twice_is_sent_again_by_force_alone(draw, watch, run, ledger, paid):
    draw("in/cat.png")
    paid.script["each"] = LOST
    watch("--in-doubt", "park")
    assert ledger("resolve", "--retry")["changed"] == ["cat.png"]
    watch("--in-doubt", "park")
    refused = run("ledger", "resolve", "in", "--retry")
    assert refused.exit_code == 1
    assert "cat.png: may have been paid for twice already; --force" in refused.stderr
    assert ledger("resolve", "--retry", "cat.png", code=1)["refused"] == ["cat.png"]
    assert run("ledger", "resolve", "in", "--retry", "--force").exit_code == 0
    paid.script.clear()
    assert watch("--in-doubt", "park").exit_code == 0
    assert len(paid.calls) == 3


def test_what_is_parked_is_told_and_can_be_given_up(draw, watch, ledger, folder, paid):
    draw("in/cat.png")
    draw("in/twin.png")
    paid.script["each"] = LOST
    assert watch("--in-doubt", "park").exit_code == 3
    parked = ledger("status")["parked"]
    assert {one["source"] for one in parked} == {"cat.png", "twin.png"}
    assert {one["in_doubt"] for one in parked} == {1}
    assert ledger("status")["spent"]["today"] == {"credits": 0, "in_doubt": 1}
    assert sorted(ledger("resolve", "--give-up")["changed"]) == ["cat.png", "twin.png"]
    assert watch("--in-doubt", "park").exit_code == 1
    assert len(paid.calls) == 1
    assert (folder / "in" / "failed" / "cat.png.error.json").exists()


def test_what_was_published_before_does_not_fail_when_it_is_given_up(
    draw, watch, run, folder, paid
):
    draw("in/cat.png")
    draw("in/twin.png")
    watch()
    shutil.rmtree(next((folder / "state").glob("*/cutouts")))
    assert watch("--format", "png").exit_code == 3
    done = run("ledger", "resolve", "in", "--give-up")
    assert done.stdout.splitlines() == [
        "0 pictures will fail.",
        "2 outputs stay: published before.",
    ]
    assert watch("--format", "png").exit_code == 0
    assert len(paid.calls) == 1


@pytest.mark.parametrize("flags", [(), ("--retry", "--give-up")])
def test_resolve_wants_to_be_told_how(draw, watch, run, paid, flags):
    draw("in/cat.png")
    watch()
    done = run("ledger", "resolve", "in", *flags)
    assert done.exit_code == 2
    assert "Give --retry or --give-up, and not both." in done.stderr


def test_a_name_that_nobody_knows_is_refused(draw, watch, run, paid):
    draw("in/cat.png")
    watch()
    for words in (["retry", "in", "dog.png"], ["resolve", "in", "dog.png", "--retry"]):
        done = run("ledger", *words)
        assert done.exit_code == 2
        assert "'dog.png'" in done.stderr
        assert "doctor" not in done.stderr


def test_a_mistyped_flag_is_a_mistake_of_usage(run):
    done = run("ledger", "estimate", "in", "--settle", "soon")
    assert done.exit_code == 2
    assert "--settle is 'soon'" in done.stderr


def test_a_damaged_ledger_is_told_by_an_estimate_and_left_alone(run, folder, paid):
    state = state_of(folder / "in", folder / "state")
    state.mkdir(parents=True)
    (state / "ledger.sqlite3").write_bytes(b"no database" * 1000)
    done = run("ledger", "estimate", "in", "--engine", "paid")
    assert done.exit_code == 78
    assert "cannot be read" in done.stderr
    assert "doctor" not in done.stderr
    assert (state / "ledger.sqlite3").read_bytes() == b"no database" * 1000


def test_after_credits_were_bought_a_retry_lets_the_next_run_begin_at_once(
    draw, watch, run, folder, paid
):
    draw("in/cat.png")
    paid.script[1] = QUOTA
    assert watch().exit_code == 75
    assert watch().exit_code == 75  # which waits for the month's end, and asks nobody
    assert len(paid.calls) == 1
    done = run("ledger", "retry", "in")
    assert "Sending had stopped: it is tried again" in done.stdout
    assert watch().exit_code == 0
    assert len(paid.calls) == 2
