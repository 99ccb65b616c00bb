from __future__ import annotations

import psutil
import pytest

from rembg_plugins.testing import sandbox_process
from rembg_plugins.testing.sandbox import Sandbox


def test_it_is_there_in_the_block_and_gone_after_it(is_gone):
    with sandbox_process.sandbox_process() as url:
        assert Sandbox(url, key="sandbox-key").calls == ()
    is_gone(url)


def test_it_is_gone_after_an_exception(is_gone):
    with pytest.raises(KeyError), sandbox_process.sandbox_process() as url:
        raise KeyError
    is_gone(url)


def test_what_it_wrote_is_told_if_it_does_not_start(monkeypatch):
    leash = "rembg_plugins.testing.leash"
    monkeypatch.setattr(sandbox_process, "_COMMAND", ("-m", leash, "no_such_module"))
    with (
        pytest.raises(sandbox_process.SandboxStartError) as caught,
        sandbox_process.sandbox_process(),
    ):
        pytest.fail("it started")
    assert "exit code 1" in str(caught.value)
    assert "no_such_module" in str(caught.value)


def test_one_that_says_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr(sandbox_process, "_COMMAND", ("-c", "input()"))
    monkeypatch.setattr(sandbox_process, "_START_S", 0.01)
    with (
        pytest.raises(sandbox_process.SandboxStartError, match="did not start"),
        sandbox_process.sandbox_process(),
    ):
        pytest.fail("it started")


def test_one_that_does_not_end_is_killed(monkeypatch):
    deaf = "import os, time; print('Listening on', os.getpid(), flush=True); time.sleep(60)"
    monkeypatch.setattr(sandbox_process, "_COMMAND", ("-c", deaf))
    monkeypatch.setattr(sandbox_process, "_END_S", 0.01)
    with sandbox_process.sandbox_process() as number:
        assert psutil.pid_exists(int(number))
    assert not psutil.pid_exists(int(number))


def test_settings_of_the_one_who_starts_it_do_not_reach_it(monkeypatch):
    show = "import os; print('Listening on', os.environ.get('REMBG_API_KEY'), flush=True)"
    monkeypatch.setattr(sandbox_process, "_COMMAND", ("-c", show))
    monkeypatch.setenv("REMBG_API_KEY", "sk-1")
    with sandbox_process.sandbox_process() as url:
        assert url == "None"
