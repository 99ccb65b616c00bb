from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from cli.processes import Process, Terminal, command, install_gate
from PIL import Image

from rembg_plugins.cli.watch import _confirm
from rembg_plugins.watch.folders import state_of
from rembg_plugins.watch.lock import OwnerLock


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
    """Do what is in ``in``: ``watch("--w", "8")``."""

    def once(*arguments, engine="paid"):
        return run("watch", "in", "out", "--once", "--engine", engine, *arguments)

    return once


def files(folder):
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*.*") if one.is_file())


def outputs(folder):
    return [name for name in files(folder / "out") if not name.startswith(".")]


def test_each_picture_gets_its_output_and_a_line(draw, watch, folder, paid):
    draw("in/a/cat.png")
    draw("in/dog.png", "blue")
    done = watch()
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert sorted(lines[:-1]) == [
        "a/cat.png -> a/cat.webp (20 × 10 px)",
        "dog.png -> dog.webp (20 × 10 px)",
    ]
    assert lines[-1] == "2 published, 0 failed; 2 credits spent"
    assert outputs(folder) == ["a/cat.webp", "dog.webp"]
    assert len(paid.calls) == 2


def test_a_second_run_does_nothing_and_other_options_cost_nothing(draw, watch, folder, paid):
    draw("in/cat.png")
    watch()
    assert watch().stdout.splitlines() == ["0 published, 0 failed; no credits spent"]
    again = watch("--w", "10", "--format", "png")
    assert again.exit_code == 0
    assert len(paid.calls) == 1
    with Image.open(folder / "out" / "cat.png") as image:
        assert image.size == (10, 5)


def test_with_json_standard_output_holds_objects_alone(draw, watch, paid):
    draw("in/cat.png")
    draw("in/twin.png")
    done = watch("--json")
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["type"] for one in objects] == ["picture", "picture", "summary"]
    assert objects[-1]["published"] == 2
    assert objects[-1]["credits"] == len(paid.calls) == 1
    assert done.stderr == ""


def test_all_that_was_typed_wrong_is_told_at_once_as_usage(watch, folder, paid):
    done = watch("--jobs", "0", "--w", "many", "--originals", "burn")
    assert done.exit_code == 2
    assert {"--jobs", "--w", "--originals"} <= {word.rstrip(":") for word in done.stderr.split()}
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("variables", "engine", "word"),
    [({}, "nope", "no engine 'nope'"), ({"REMBG_API_URL": "ftp://x"}, "api", "ftp://x")],
)
def test_what_is_wrong_with_the_engine_is_told_with_the_rest_and_makes_nothing(
    watch, folder, monkeypatch, variables, engine, word
):
    monkeypatch.setenv("REMBG_API_KEY", "a-key")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    done = watch("--jobs", "99", engine=engine)
    assert done.exit_code == 78
    assert "--jobs is '99'" in done.stderr
    assert word in done.stderr
    assert "doctor" in done.stderr
    alone = watch(engine=engine)
    assert alone.exit_code == 78
    assert word in alone.stderr
    assert not (folder / "out").exists()
    assert not (folder / "state").exists()


def test_empty_folders_are_told_with_the_rest(run, paid):
    done = run("watch", "", " ", "--engine", "paid", "--jobs", "0")
    assert done.exit_code == 2
    for word in ("INBOX is empty", "OUTBOX is empty", "--jobs is '0'"):
        assert word in done.stderr


def test_a_wrong_variable_or_file_is_a_mistake_of_the_set_up(watch, folder, monkeypatch, paid):
    (folder / "watch.toml").write_text("bugdet = 3\n")
    monkeypatch.setenv("REMBG_WATCH_JOBS", "0")
    done = watch("--config", "watch.toml")
    assert done.exit_code == 78
    assert "the nearest is budget" in done.stderr
    assert "REMBG_WATCH_JOBS (from environment)" in done.stderr
    assert "doctor" not in done.stderr


def test_an_outbox_within_inbox_is_refused(run, paid):
    done = run("watch", "in", "in/out", "--once")
    assert done.exit_code == 78
    assert "lies in INBOX" in done.stderr
    assert "doctor" not in done.stderr


def test_a_second_watcher_is_told_to_come_later(watch, draw, folder, paid):
    draw("in/cat.png")
    state = state_of(folder / "in", folder / "state")
    state.mkdir(parents=True)
    with OwnerLock(state):
        done = watch()
    assert done.exit_code == 75
    assert "Another watcher has this INBOX" in done.stderr
    assert paid.calls == []


@pytest.fixture
def many(folder):
    """51 pictures of different bytes, one of them twice."""
    for number in range(51):
        Image.new("RGB", (4, 4), (number, 0, 0)).save(folder / "in" / f"{number}.png")
    Image.new("RGB", (4, 4), (0, 0, 0)).save(folder / "in" / "twin.png")


@pytest.mark.usefixtures("many")
def test_many_paid_pictures_need_a_yes_where_nobody_can_be_asked(watch, paid):
    done = watch()
    assert done.exit_code == 2
    assert "51 pictures would be paid for, a credit each." in done.stderr
    assert "--yes" in done.stderr
    assert paid.calls == []


@pytest.mark.usefixtures("many")
def test_with_a_yes_many_are_paid(watch, folder, paid):
    assert watch("--yes", "--jobs", "8").exit_code == 0
    assert len(paid.calls) == 51
    assert len(outputs(folder)) == 52


@pytest.mark.usefixtures("many")
def test_a_small_budget_is_a_yes_to_no_more_than_that(watch, paid):
    done = watch("--budget", "50", "--jobs", "8")
    assert "would be paid for" not in done.stderr
    assert len(paid.calls) == 50


@pytest.mark.usefixtures("many")
def test_of_a_larger_budget_it_is_asked_as_of_none(watch, paid):
    done = watch("--budget", "51")
    assert done.exit_code == 2
    assert "51 pictures would be paid for, a credit each." in done.stderr
    assert "a --budget of 50 at most" in done.stderr
    assert paid.calls == []


def test_no_more_are_asked_for_than_the_budget_allows(capsys):
    assert not _confirm(60, 1000)
    assert "60 of 1000 pictures would be paid for" in capsys.readouterr().err


@pytest.mark.usefixtures("many")
def test_pictures_that_cost_nothing_need_no_yes(watch, folder, plugin, paid):
    paid.paid = False
    assert watch().exit_code == 0
    assert len(outputs(folder)) == 52


@pytest.fixture
def asked(folder):
    """A terminal in which the command asks about 51 paid pictures, with an engine of a plugin."""
    terminals = []
    path = os.pathsep.join([str(install_gate(folder / "site")), os.environ.get("PYTHONPATH", "")])

    def start(*arguments):
        words = ("watch", "in", "out", "--once", "--engine", "gate", *arguments)
        environ = {**os.environ, "PYTHONPATH": path, "GATE_PORT": "1"}
        terminals.append(Terminal(*words, env=environ))
        terminals[-1].expect("Go on? [y/N]")
        return terminals[-1]

    yield start
    for terminal in terminals:
        terminal.close()


@pytest.mark.usefixtures("many")
def test_on_a_terminal_it_asks_and_no_means_no(asked, folder):
    terminal = asked()
    terminal.type("n\n")
    assert terminal.wait() == 2
    assert "51 pictures would be paid for" in terminal.screen
    assert outputs(folder) == []


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_an_answer_to_the_question_too(asked, folder, number, code):
    terminal = asked()
    terminal.process.send_signal(number)
    assert terminal.wait() == code
    assert outputs(folder) == []


@pytest.mark.parametrize(("more", "is_shown"), [((), True), (("--json",), False)])
def test_a_terminal_shows_how_far_it_is_and_nothing_else_does(draw, folder, more, is_shown):
    for number in range(3):
        draw(f"in/{number}.png", (number, 0, 0))
    words = ("watch", "in", "out", "--once", "--engine", "local", *more)
    terminal = Terminal(*words, on=("stderr",), env={**os.environ, "TERM": "xterm"})
    try:
        assert terminal.wait() == 0
        assert ("3 of 3 pictures" in terminal.screen) is is_shown
        assert len(terminal.process.stdout.read().splitlines()) == 4
    finally:
        terminal.close()


def test_a_reader_that_has_gone_loses_no_picture(draw, folder):
    for number in range(3):
        draw(f"in/{number}.png", (number, 0, 0))
    words = command("watch", "in", "out", "--once", "--engine", "local", "--json")
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            words, stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False
        )
    finally:
        os.close(writing)
    assert len(outputs(folder)) == 3
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_report_that_is_lost_to_a_full_disk_is_an_error_and_no_picture_is(draw, folder, more):
    draw("in/cat.png")
    words = command("watch", "in", "out", "--once", "--engine", "local", *more)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == 73
    assert b"No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr
    assert outputs(folder) == ["cat.webp"]


def test_a_watcher_goes_on_until_it_is_told_to_end(draw, folder):
    process = Process("watch", "in", "out", "--engine", "local", "--poll", "0.1")
    try:
        draw("first.png").rename(folder / "in" / "first.png")
        process.expect("first.png -> first.webp")
        draw("second.png", "blue").rename(folder / "in" / "second.png")
        process.expect("second.png -> second.webp")
        process.interrupt(signal.SIGTERM)
        assert process.wait() == 143
        assert process.stdout.splitlines()[-1] == "2 published, 0 failed; no credits spent"
    finally:
        process.close()
