from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from PIL import Image
from testing.runs import command, environment, run_pytest

from rembg_plugins import errors, remove
from rembg_plugins.core import paid_calls

HOSTED = "https://api.rembg.com/rmbg"
GAINED = """
import json, sys
import pytest
before = set(sys.modules)
import rembg_plugins.testing.pytest_plugin
print(json.dumps(sorted(set(sys.modules) - before - sys.stdlib_module_names)))
"""


def photo():
    return Image.linear_gradient("L").resize((40, 30)).convert("RGB")


# --- what every run pays -----------------------------------------------------------------------


def test_importing_it_loads_the_standard_library_and_pytest_only():
    printed = subprocess.run([sys.executable, "-c", GAINED], capture_output=True, check=True).stdout
    ours = ["rembg_plugins", "rembg_plugins.testing", "rembg_plugins.testing.pytest_plugin"]
    foreign = [name for name in json.loads(printed) if name.split(".")[0] != "rembg_plugins"]
    assert [name for name in foreign if name.split(".")[0] not in sys.stdlib_module_names] == []
    assert [name for name in json.loads(printed) if name not in foreign] == ours


def test_a_run_that_uses_nothing_of_it_loads_no_picture_library(tmp_path):
    code = (
        "def test_a():\n import sys\n assert not {'PIL', 'requests', 'fastapi'} & set(sys.modules)"
    )
    exit_code, shown = run_pytest(tmp_path, code)
    assert exit_code == 0, shown


# --- no paid calls -----------------------------------------------------------------------------

PAID = f"""
import os, socket, subprocess, sys
import pytest
from PIL import Image
from rembg_plugins import remove, errors

@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*arguments, **more):
        raise OSError("no network in this test")
    monkeypatch.setattr(socket, "getaddrinfo", refuse)

def test_a_mistake(monkeypatch):
    for name in list(os.environ):
        monkeypatch.delenv(name)
    source = Image.new("RGB", (4, 3))
    with pytest.raises(errors.RembgError) as caught:
        remove(source, engine="api", api_key="sk-1", retry=rembg_plugins.Retry(attempts=1))
    print("OUTCOME", type(caught.value).__name__, caught.value)

def test_a_program():
    code = "from rembg_plugins.core import paid_calls; paid_calls.check({HOSTED!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    print("PROGRAM", done.returncode)

import rembg_plugins
"""


def test_a_call_that_would_cost_is_refused_before_anything_is_opened(tmp_path):
    exit_code, shown = run_pytest(tmp_path, PAID, "-s")
    assert exit_code == 0, shown
    assert "OUTCOME ConfigurationError A test run must not send pictures to api.rembg.com" in shown
    assert "PROGRAM 1" in shown


def test_the_option_that_the_refusal_names_allows_it(tmp_path):
    exit_code, shown = run_pytest(tmp_path, PAID, "-s", paid_calls.OPTION)
    assert exit_code == 0, shown
    assert "OUTCOME APIConnectionError" in shown, "it went as far as the network"
    assert "PROGRAM 0" in shown


def test_it_wins_over_a_run_outside(tmp_path):
    exit_code, shown = run_pytest(tmp_path, PAID, "-s", paid_calls.OPTION, NO_PAID_REMBG_CALLS="1")
    assert "OUTCOME APIConnectionError" in shown
    assert exit_code == 0, shown


def test_this_very_run_is_protected(monkeypatch):
    monkeypatch.setenv("REMBG_API_KEY", "sk-1")
    with pytest.raises(errors.ConfigurationError, match="--rembg-allow-paid"):
        remove(photo())


# --- rembg_offline -----------------------------------------------------------------------------


def test_offline_answers_without_a_key(rembg_offline):
    assert remove(photo(), format="PNG").engine == "offline"


def test_offline_wins_over_a_key_and_uses_no_store(monkeypatch, tmp_path, request):
    monkeypatch.setenv("REMBG_API_KEY", "sk-1")
    monkeypatch.setenv("REMBG_STORE", f"file:{tmp_path / 'store'}")
    request.getfixturevalue("rembg_offline")
    assert remove(photo(), format="PNG").engine == "offline"
    assert not (tmp_path / "store").exists()


# --- rembg_sandbox -----------------------------------------------------------------------------


def test_code_under_test_finds_the_sandbox_by_itself(rembg_sandbox):
    result = remove(photo(), format="PNG", w=20)
    assert (result.engine, result.billed, result.size) == ("api", True, (20, 15))
    (call,) = rembg_sandbox.calls
    assert (call.endpoint, call.status, call.billed) == ("/rmbg", 200, True)
    assert rembg_sandbox.billed == {call.sha256: 1}


@pytest.mark.parametrize("turn", ["first", "second"])
def test_each_test_begins_with_no_calls_and_no_faults(turn, rembg_sandbox):
    assert rembg_sandbox.calls == ()
    assert rembg_sandbox.billed == {}
    remove(photo())
    rembg_sandbox.faults("status", status=503, times=9)


def test_a_token_or_a_store_of_the_environment_is_kept_away(monkeypatch, tmp_path, request):
    monkeypatch.setenv("REMBG_USER_TOKEN", "a-token")
    monkeypatch.setenv("REMBG_STORE", f"file:{tmp_path / 'store'}")
    monkeypatch.setenv("REMBG_ENGINE", "local")
    sandbox = request.getfixturevalue("rembg_sandbox")
    assert remove(photo()).engine == "api"
    assert sandbox.billed
    assert not (tmp_path / "store").exists()


TWO = """
import pytest
from PIL import Image
from rembg_plugins import remove

@pytest.mark.parametrize("number", range(6))
def test_it(number, rembg_sandbox, tmp_path_factory):
    remove(Image.new("RGB", (9, 9 + number)))
    assert len(rembg_sandbox.calls) == 1
    with open({log!r}, "a") as log:
        print(rembg_sandbox.url, rembg_sandbox.key, file=log)
"""


def test_the_sandbox_is_started_once_a_run_and_each_test_has_a_key_of_its_own(tmp_path):
    log = tmp_path / "log"
    exit_code, shown = run_pytest(tmp_path, TWO.format(log=str(log)))
    assert exit_code == 0, shown
    lines = [line.split() for line in log.read_text().splitlines()]
    assert len({url for url, _ in lines}) == 1
    assert len({key for _, key in lines}) == len(lines) == 6


def test_workers_have_a_sandbox_each(tmp_path):
    pytest.importorskip("xdist")
    log = tmp_path / "log"
    arguments = ("-p", "xdist", "-n", "2", "--dist", "each")
    exit_code, shown = run_pytest(tmp_path, TWO.format(log=str(log)), *arguments)
    assert exit_code == 0, shown
    lines = [line.split() for line in log.read_text().splitlines()]
    assert len({url for url, _ in lines}) == 2
    assert len({key for _, key in lines}) == len(lines) == 12
    assert "12 passed" in shown


ABSENT = "import sys\nsys.modules['fastapi'] = None\n"


def test_without_the_extra_the_failure_says_what_to_install(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(ABSENT)
    path = f"{tmp_path}{os.pathsep}{environment()['PYTHONPATH']}"
    exit_code, shown = run_pytest(tmp_path, TWO.format(log=""), PYTHONPATH=path)
    assert exit_code == 1
    assert shown.count("pip install 'rembg-plugins[sandbox]'") >= 1, shown
    assert "Traceback" not in shown
    assert "6 errors" in shown


INTERRUPTED = """
import sys

def test_it(rembg_sandbox):
    print("URL", rembg_sandbox.url, flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_sandbox_ends_with_the_run_however_that_ends(number, tmp_path, is_gone):
    (tmp_path / "test_theirs.py").write_text(INTERRUPTED)
    with subprocess.Popen(
        command(tmp_path, "-s"),
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that the signal reaches the run alone, not its sandbox
    ) as run:
        url = next(line.split()[-1] for line in run.stdout if "URL" in line)
        run.send_signal(number)
        run.communicate()
    is_gone(url)
