from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from rembg_plugins.cli import batch
from rembg_plugins.cli.interruption import (
    Terminated,
    exit_code_of,
    raising_on_sigterm,
    telling_of_signals,
)

if sys.platform == "win32":
    pytest.skip("its signals are others", allow_module_level=True)

from cli.processes import Gate, Process, answer, install_gate

PATIENCE_S = 20
PAID = ("--engine", "paid")


@pytest.fixture
def gate():
    made = Gate()
    yield made
    made.close()


@pytest.fixture
def start(gate, tmp_path_factory, draw):
    """Start ``remove p`` on four pictures, two at once, with the engine that asks."""
    plugins = install_gate(tmp_path_factory.mktemp("plugins"))
    for number in range(4):
        draw(f"p/{number}.png", (number, 0, 0))
    paths = [str(plugins), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "GATE_PORT": str(gate.port),
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }
    started = []

    def begin(*arguments):
        process = Process(
            "remove",
            "p",
            "-o",
            "out",
            "--engine",
            "gate",
            "--jobs",
            "2",
            *arguments,
            env=environment,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.close()


def written():
    return sorted(path.name for path in Path("out").rglob("*")) if Path("out").exists() else []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_is_under_way_is_finished_and_nothing_more_is_begun(start, gate, number, code):
    process = start()
    calls = [gate.call(), gate.call()]
    process.interrupt(number)
    process.expect("Stopping; 2 pictures under way")
    for call in calls:
        answer(call, b"go")
    assert process.wait() == code
    assert gate.is_quiet()
    assert len(written()) == 2
    assert all(name.endswith(".webp") for name in written())
    assert "2 done, 0 skipped, 0 failed, 2 not started; 2 credits spent" in process.stdout
    assert "Stopped: interrupted." in process.stderr
    assert "Traceback" not in process.stderr


def test_a_lost_answer_is_not_asked_for_again_after_an_interruption(start, gate):
    process = start()
    calls = [gate.call(), gate.call()]
    process.interrupt()
    process.expect("Stopping")
    for call in calls:
        answer(call, b"lost")
    assert process.wait() == 130
    assert gate.is_quiet()
    assert "0 done, 0 skipped, 2 failed, 2 not started; no credits spent, 2 in doubt" in (
        process.stdout
    )


def test_the_second_interruption_ends_at_once_and_leaves_no_half_file(start, gate):
    process = start("--json")
    first, second = gate.call(), gate.call()
    process.interrupt()
    process.expect("Stopping")
    answer(first, b"go")
    process.expect('"status": "done"')
    process.interrupt()
    assert process.wait() == 130
    assert len(written()) == 1
    assert written()[0].endswith(".webp")
    assert "It was still under way when the run ended." in process.stdout
    assert '"exit_code": 130' in process.stdout.splitlines()[-1]
    assert "1 credit spent, 1 in doubt" in process.stderr
    assert "Stopped: interrupted.\nStart it again.\n" in process.stderr
    second.close()


def test_calls_that_take_too_long_are_left_behind(run, draw, paid, monkeypatch):
    monkeypatch.setattr(batch, "GRACE_S", 0.0)
    released, ended = threading.Event(), threading.Event()

    def hang(_request):
        os.kill(os.getpid(), signal.SIGTERM)
        released.wait(PATIENCE_S)
        ended.set()

    paid.script = {"each": hang}
    draw("a.png")
    draw("b.png", "blue")
    done = run("remove", "a.png", "b.png", "--jobs", "1", *PAID)
    assert done.exit_code == 143
    assert "0 done, 0 skipped, 1 failed, 1 not started; no credits spent, 1 in doubt" in done.stdout
    released.set()
    assert ended.wait(PATIENCE_S)
    assert not Path("a-cutout.webp").exists()


def test_a_pause_before_a_repeat_ends_with_an_interruption(run, draw, paid):
    from rembg_plugins.core.errors import RateLimitError, ResponseInfo

    busy = ResponseInfo(status=429, retry_after=3000)

    def interrupt_and_fail(_request):
        os.kill(os.getpid(), signal.SIGINT)
        raise RateLimitError("too many", response=busy)

    paid.script = {"each": interrupt_and_fail}
    draw("a.png")
    done = run("remove", "a.png", *PAID)
    assert done.exit_code == 130
    assert "a.png: failed: too many" in done.stderr
    assert len(paid.calls) == 1


def test_ctrl_c_while_the_pictures_are_looked_for_is_quiet(run, draw, monkeypatch):
    def interrupt(*_arguments, **_settings):
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(PATIENCE_S)

    monkeypatch.setattr("rembg_plugins.cli.removal.find_targets", interrupt)
    done = run("remove", "a.png", "--engine", "offline")
    assert done.exit_code == 130
    assert done.stderr.strip() == "Interrupted."


def test_sigterm_while_the_pictures_are_looked_for_is_143(run, draw, monkeypatch):
    def terminate(*_arguments, **_settings):
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(PATIENCE_S)

    monkeypatch.setattr("rembg_plugins.cli.removal.find_targets", terminate)
    assert run("remove", "a.png", "--engine", "offline").exit_code == 143


def test_signals_are_told_of_and_handlers_are_as_before_afterwards():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    told = []
    with telling_of_signals(told.append):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
    assert told == [signal.SIGINT, signal.SIGTERM]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        told = []
        with telling_of_signals(told.append):
            signal.raise_signal(signal.SIGINT)
        assert told == []
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_leave_signals_alone():
    entered = []

    def enter():
        with raising_on_sigterm():
            entered.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join(PATIENCE_S)
    assert entered == [signal.getsignal(signal.SIGTERM)]


def test_the_exit_codes_are_those_of_the_shell():
    assert exit_code_of(KeyboardInterrupt()) == 130
    assert exit_code_of(Terminated()) == 143
