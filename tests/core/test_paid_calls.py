from __future__ import annotations

import os
import subprocess
import sys

import pytest

from rembg_plugins.api.route import find_route
from rembg_plugins.core import paid_calls
from rembg_plugins.core.errors import ConfigurationError

HOSTED = "https://api.rembg.com/rmbg"
CHECK = f"from rembg_plugins.core import paid_calls; paid_calls.check('{HOSTED}')"


@pytest.fixture(autouse=True)
def _undecided(monkeypatch):
    """As outside a test run."""
    monkeypatch.setattr(paid_calls._Process, "refused", None)
    monkeypatch.delenv(paid_calls.VARIABLE, raising=False)


@pytest.mark.parametrize(
    "url",
    [HOSTED, "http://10.0.0.1/", "https://localhost.example/", "https://[::2]/", "https://[x"],
)
def test_what_leaves_this_machine_is_refused_with_the_ways_out(url):
    with paid_calls.refused(), pytest.raises(ConfigurationError) as caught:
        paid_calls.check(url)
    for way in ("rembg_sandbox", "rembg_offline", "pytest --rembg-allow-paid"):
        assert way in str(caught.value)


def test_the_refusal_names_the_host_and_nothing_else_of_the_url():
    with paid_calls.refused(), pytest.raises(ConfigurationError) as caught:
        paid_calls.check("https://api.example/rmbg?token=s3cret")
    assert "api.example" in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8010/rmbg", "http://localhost/", "https://[::1]:1/", "http://127.9.9.9"],
)
def test_this_machine_is_never_refused_and_never_left_through_a_proxy(url, monkeypatch):
    with paid_calls.refused():
        paid_calls.check(url)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://proxy.example:3128")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert find_route(url).proxy is None


def test_nothing_is_refused_outside_test_runs():
    paid_calls.check(HOSTED)


def test_to_clear_the_environment_does_not_open_it(monkeypatch):
    with paid_calls.refused():
        for name in list(os.environ):
            monkeypatch.delenv(name)
        with pytest.raises(ConfigurationError):
            paid_calls.check(HOSTED)


def test_the_former_state_comes_back():
    with paid_calls.refused():
        with paid_calls.refused(refuse=False):
            paid_calls.check(HOSTED)
            assert paid_calls.VARIABLE not in os.environ
        assert paid_calls.VARIABLE in os.environ
        with pytest.raises(ConfigurationError):
            paid_calls.check(HOSTED)
    assert paid_calls.VARIABLE not in os.environ
    paid_calls.check(HOSTED)


@pytest.mark.parametrize("refuse", [True, False])
def test_child_processes_do_as_their_parent(refuse):
    with paid_calls.refused(refuse=refuse):
        done = subprocess.run([sys.executable, "-c", CHECK], capture_output=True, check=False)
    assert (b"ConfigurationError" in done.stderr) is refuse


def test_a_process_that_allows_them_is_not_held_back_by_its_parent(monkeypatch):
    monkeypatch.setenv(paid_calls.VARIABLE, "1")
    with pytest.raises(ConfigurationError):
        paid_calls.check(HOSTED)
    with paid_calls.refused(refuse=False):
        paid_calls.check(HOSTED)
