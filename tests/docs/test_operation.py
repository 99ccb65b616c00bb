"""The watcher runs as its pages for operators say: under systemd, in a container, from cron."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import pytest
from doc_pages import DOCS, flowing
from operator_files import SERVICE, cron_line, health_check

from rembg_plugins.core import outcomes
from rembg_plugins.watch.lock import EXIT_LOCKED
from rembg_plugins.watch.settings import variable_of

PATIENCE_S = 60
_LOOK_S = 0.2
PROGRAM = [sys.executable, "-m", "rembg_plugins.cli"]


class Systemd:
    """Listens where a service tells how it is doing."""

    def __init__(self, folder):
        self._channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.address = f"{folder}/notify"
        self._channel.bind(self.address)
        self._channel.settimeout(_LOOK_S)
        self.heard = []

    def hear(self, line, process):
        """Listen until a line is told, or the process has ended and cannot tell it any more."""
        end = time.monotonic() + PATIENCE_S
        while line not in self.heard:
            has_ended = process.poll() is not None
            try:
                self.heard += self._channel.recv(4096).decode().splitlines()
            except TimeoutError:
                assert not has_ended, process.stderr.read()
                assert time.monotonic() < end, f"{line} was never told"

    def close(self):
        self._channel.close()


def environment(**variables):
    """This process's environment without settings, or a service manager that it answers to."""
    left_out = ("REMBG_", "NOTIFY_", "WATCHDOG_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return {**kept, "REMBG_ENGINE": "offline", **variables}


@pytest.fixture
def folders(tmp_path):
    (tmp_path / "inbox").mkdir()
    shutil.copy(DOCS / "images" / "rocket.jpg", tmp_path / "inbox")
    return tmp_path


@pytest.fixture
def systemd():
    # Not in pytest's own folder: a socket's path must be short.
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(Systemd(folder)) as service:
        yield service


@pytest.fixture
def watch(folders, systemd):
    """A watcher as a service, begun and well."""
    state = variable_of("state")
    variables = {state: str(folders / "state"), "NOTIFY_SOCKET": systemd.address}
    arguments = ["watch", str(folders / "inbox"), str(folders / "outbox")]
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        systemd.hear("READY=1", process)
        systemd.hear("WATCHDOG=1", process)
        yield process
    finally:
        process.kill()
        process.communicate()


def ask_for_health(folders):
    """Run the image's health check; gives its exit code and what it says."""
    words = [str(folders / "inbox") if word == "/inbox" else word for word in health_check()]
    done = subprocess.run(
        [*PROGRAM, *words],
        env=environment(**{variable_of("state"): str(folders / "state")}),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr.strip()


def test_systemd_hears_of_the_beginning_the_work_and_the_end(watch, systemd):
    assert any(line.startswith("STATUS=") for line in systemd.heard)
    assert "STOPPING=1" not in systemd.heard
    watch.send_signal(signal.SIGTERM)
    systemd.hear("STOPPING=1", watch)
    _, errors = watch.communicate(timeout=PATIENCE_S)
    assert watch.returncode == outcomes.EXIT_TERMINATED, errors


def test_the_health_check_tells_a_watcher_that_runs_from_one_that_was_stopped(watch, folders):
    assert ask_for_health(folders) == (0, "")
    watch.send_signal(signal.SIGTERM)
    watch.communicate(timeout=PATIENCE_S)
    assert ask_for_health(folders) == (1, "The watcher has stopped.")


def test_the_health_check_fails_where_nothing_ever_watched(folders):
    code, told = ask_for_health(folders)
    assert code == 1
    assert "nothing has watched" in told


def run_by_cron(folders):
    """Run the line for cron, in its folder; gives its exit code and what would be mailed."""
    done = subprocess.run(
        [*PROGRAM, *cron_line()],
        cwd=folders,
        env=environment(**{variable_of("state"): str(folders / "state")}),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def test_cron_s_line_does_what_is_there_once_and_mails_nothing(folders):
    assert run_by_cron(folders) == (0, "")
    (output,) = (folders / "outbox").glob("rocket.*")
    written = output.stat().st_mtime_ns
    assert run_by_cron(folders) == (0, "")
    assert output.stat().st_mtime_ns == written


def test_cron_s_line_ends_at_once_where_the_folder_is_watched(watch, folders):
    code, told = run_by_cron(folders)
    assert code == EXIT_LOCKED
    assert "Another watcher" in told
    assert f"ends with {EXIT_LOCKED}" in flowing(SERVICE)
