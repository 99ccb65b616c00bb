"""What is different where a stream is a terminal, or is closed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("its terminals are others", allow_module_level=True)

from cli.processes import PATIENCE_S, Gate, Terminal, answer, command, install_gate

OFFLINE = ("--engine", "offline")


@pytest.fixture
def terminal():
    """Start the command in a terminal."""
    started = []

    def start(*arguments, **settings):
        started.append(Terminal(*arguments, **settings))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def gate():
    made = Gate()
    yield made
    made.close()


@pytest.fixture
def environment(gate, tmp_path_factory):
    """Variables with which the engine ``gate`` is there."""
    plugins = install_gate(tmp_path_factory.mktemp("plugins"))
    paths = [str(plugins), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "GATE_PORT": str(gate.port),
        "TERM": "xterm",
        "COLUMNS": "80",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }


def test_no_picture_is_written_to_a_terminal(terminal, draw):
    draw("a.png")
    shown = terminal("remove", "a.png", "-o", "-", *OFFLINE)
    assert shown.wait() == 2
    assert "No picture is written to a terminal" in shown.screen


def test_nobody_is_left_waiting_for_a_picture_from_the_keyboard(terminal):
    shown = terminal("remove", "-", "-o", "x.png", *OFFLINE)
    assert shown.wait() == 2
    assert "Standard input is a terminal" in shown.screen


@pytest.fixture
def many(draw):
    for number in range(51):
        draw(f"p/{number:02}.png", (number, 0, 0), size=(2, 2))


def test_a_no_sends_nothing(terminal, many, environment, gate):
    shown = terminal("remove", "p", "--engine", "gate", env=environment)
    shown.expect("51 pictures would be paid for, a credit each. Go on? [y/N]")
    shown.type("n\n")
    assert shown.wait() == 2
    assert "nothing was sent" in shown.screen
    assert gate.is_quiet()


def test_a_yes_begins(terminal, many, environment, gate):
    shown = terminal("remove", "p", "--engine", "gate", "--jobs", "1", env=environment)
    shown.expect("Go on?")
    shown.type("y\n")
    answer(gate.call(), b"go")
    shown.expect("p/00.png -> ")


def test_leaving_the_question_unanswered_sends_nothing(terminal, many, environment, gate):
    shown = terminal("remove", "p", "--engine", "gate", env=environment)
    shown.expect("Go on?")
    shown.type("\x04")  # the end of the input
    assert shown.wait() == 130
    assert "Interrupted." in shown.screen
    assert "Traceback" not in shown.screen
    assert gate.is_quiet()


def test_a_bar_is_shown_on_a_terminal_and_gone_at_the_end(terminal, draw, environment, gate):
    draw("a.png")
    draw("b.png", "blue")
    arguments = ("remove", "a.png", "b.png", "--engine", "gate", "--jobs", "1")
    shown = terminal(*arguments, env=environment)
    first = gate.call()
    shown.expect("0 of 2 pictures")
    answer(first, b"go")
    second = gate.call()
    shown.expect("1 of 2 pictures")
    answer(second, b"go")
    assert shown.wait() == 0
    assert "2 done, 0 skipped, 0 failed; 2 credits spent" in shown.screen
    assert "a.png -> a-cutout.webp (20 × 10 px)" in shown.screen


def test_a_bar_does_not_get_into_standard_output(terminal, draw, environment, gate):
    draw("a.png")
    shown = terminal(
        "remove", "a.png", "--json", "--engine", "gate", on=("stderr",), env=environment
    )
    call = gate.call()
    shown.expect("0 of 1 picture")
    answer(call, b"go")
    assert shown.wait() == 0
    lines = shown.process.stdout.read().decode().splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["picture", "summary"]


@pytest.mark.parametrize("why", ["quiet", "dumb"])
def test_there_is_no_bar_where_nobody_wants_one(terminal, draw, environment, gate, why):
    draw("a.png")
    extra = ("-q",) if why == "quiet" else ()
    environment["TERM"] = "dumb" if why == "dumb" else "xterm"
    shown = terminal("remove", "a.png", "--engine", "gate", *extra, env=environment)
    answer(gate.call(), b"go")
    assert shown.wait() == 0
    assert "of 1 picture" not in shown.screen


PROBE = """
import sys
from rembg_plugins.cli import cli
code = cli.run({arguments!r})
print("rich" in sys.modules, file=sys.stderr)
sys.exit(code)
"""


def test_rich_is_not_imported_where_there_is_no_terminal(draw):
    draw("a.png")
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(arguments=["remove", "a.png", *OFFLINE])],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    assert done.stderr.splitlines()[-1] == "False"


def run_into_closed_pipe(*arguments, **settings):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return subprocess.run(
            command(*arguments),
            stdout=writer,
            stderr=subprocess.PIPE,
            check=False,
            timeout=PATIENCE_S,
            **settings,
        )
    finally:
        os.close(writer)


@pytest.mark.parametrize(
    "arguments",
    [("remove", "a.png", "--json"), ("remove", "a.png"), ("remove", "a.png", "-o", "-", "-q")],
    ids=" ".join,
)
def test_a_reader_who_leaves_is_no_error_to_talk_about(draw, arguments):
    draw("a.png")
    done = run_into_closed_pipe(*arguments, *OFFLINE)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr
    assert b"Broken" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("extra", [("-o", "-"), ("--json",), ()], ids=" ".join)
def test_a_full_disk_behind_standard_output_is_an_error(draw, extra):
    draw("a.png")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command("remove", "a.png", *extra, *OFFLINE),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=PATIENCE_S,
        )
    assert done.returncode == 73
    assert b"No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


def test_help_into_a_closed_pipe_is_quiet():
    done = run_into_closed_pipe("--help")
    assert done.stderr == b""


def test_what_is_under_way_is_written_though_nobody_reads_the_lines(draw, environment, gate):
    draw("p/a.png")
    draw("p/b.png", "blue")
    reader, writer = os.pipe()
    process = subprocess.Popen(
        command("remove", "p", "--json", "--engine", "gate", "--jobs", "2"),
        stdout=writer,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    os.close(writer)
    try:
        calls = [gate.call(), gate.call()]
        os.close(reader)
        for call in calls:
            answer(call, b"go")
        assert process.wait(PATIENCE_S) == 1
    finally:
        process.kill()
        process.wait(PATIENCE_S)
    written = sorted(path.name for path in Path("p").glob("*-cutout.webp"))
    assert written == ["a-cutout.webp", "b-cutout.webp"]


def test_a_picture_goes_through_real_pipes(draw):
    content = draw("a.png").read_bytes()
    done = subprocess.run(
        command("remove", "-", "--format", "png", *OFFLINE),
        input=content,
        capture_output=True,
        check=True,
        timeout=PATIENCE_S,
    )
    assert done.stdout.startswith(b"\x89PNG")
    assert done.stdout.endswith(b"IEND\xaeB`\x82")


def test_a_file_can_be_standard_input(draw):
    with draw("a.png").open("rb") as file:
        done = subprocess.run(
            command("remove", "-", "-o", "x.bmp", *OFFLINE),
            stdin=file,
            capture_output=True,
            check=True,
            timeout=PATIENCE_S,
        )
    assert b"standard input -> x.bmp" in done.stdout
    assert Path("x.bmp").read_bytes().startswith(b"BM")
