"""Ten processes that want one picture: what is paid for, by the count of the API's own sandbox."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from core.pictures import encoded

import rembg_plugins

TEN = 10
_PATIENCE_S = 120  # of a whole crowd; nothing ever waits so long if all is well


@pytest.fixture(params=["file", "database", "cache"])
def places(request, tmp_path):
    """The environment of a site whose locks are made of that."""
    found = {"TEST_SITE_FOLDER": str(tmp_path / "site")}
    if request.param == "database":
        found["TEST_POSTGRESQL"] = str(request.getfixturevalue("postgresql"))
    if request.param == "cache":
        found["TEST_REDIS"] = request.getfixturevalue("redis")
    (tmp_path / "site").mkdir()
    return found


@pytest.fixture
def crowd(places, rembg_sandbox, tmp_path):
    """Lets so many processes want pictures at once: what they tell, line by line."""
    home = Path(rembg_plugins.__file__).parents[1]
    environment = {
        **{name: value for name, value in os.environ.items() if name[:6] != "REMBG_"},
        "PYTHONPATH": os.pathsep.join([str(home), str(Path(__file__).parents[1])]),
        "DJANGO_SETTINGS_MODULE": "django_site.settings",
        "TEST_SANDBOX": rembg_sandbox.url,
        **places,
    }

    @contextmanager
    def start(number, *pictures, **settings):
        paths = []
        for index, picture in enumerate(pictures):
            paths.append(tmp_path / f"{index}.jpg")
            paths[-1].write_bytes(picture)
        command = [sys.executable, "-m", "django_site.crowd", number, json.dumps(settings), *paths]
        process = subprocess.Popen(
            list(map(str, command)), env=environment, stdout=subprocess.PIPE, text=True
        )
        watchdog = threading.Timer(_PATIENCE_S, process.kill)
        watchdog.start()
        try:
            yield map(json.loads, process.stdout)
            assert process.wait(_PATIENCE_S) == 0
        finally:
            watchdog.cancel()
            process.kill()
            process.communicate()

    return start


def photo(number):
    return encoded("JPEG", comment=str(number))


def ends(lines):
    return [line for line in lines if line["event"] != "calls"]


def test_ten_processes_and_one_picture_are_one_paid_call(crowd, rembg_sandbox):
    rembg_sandbox.faults("wait", seconds=1.5)  # so that all the others have to wait
    with crowd(TEN, photo(1)) as lines:
        told = ends(lines)
    assert [line["event"] for line in told] == ["has"] * TEN
    assert sorted(line["billed"] for line in told) == [False] * (TEN - 1) + [True]
    assert len(rembg_sandbox.calls) == 1
    assert list(rembg_sandbox.billed.values()) == [1]


def test_ten_processes_and_an_account_without_credits_are_one_call(crowd, rembg_sandbox):
    rembg_sandbox.faults("status", status=402, times=1000)
    with crowd(TEN, photo(2)) as lines:
        told = ends(lines)
    assert [line["error"] for line in told] == ["PaymentRequiredError"] * TEN
    assert len(rembg_sandbox.calls) == 1
    with crowd(3, *[photo(number) for number in (3, 4, 5)]) as lines:
        assert {line["error"] for line in ends(lines)} == {"PaymentRequiredError"}
    assert len(rembg_sandbox.calls) == 1  # what concerns all pictures is not asked for each


def test_where_the_one_at_work_is_killed_another_takes_over(crowd, rembg_sandbox):
    rembg_sandbox.faults("never", when="after")
    with crowd(3, photo(6), LOCK_WAIT=13) as lines:
        first = next(lines)
        assert first["event"] == "calls"
        latest = time.monotonic() + _PATIENCE_S
        while not rembg_sandbox.calls:  # to ask is to wait
            assert time.monotonic() < latest
        os.kill(first["pid"], signal.SIGKILL)
        told = ends(lines)
    assert [line["event"] for line in told] == ["has"] * 2
    assert sorted(line["billed"] for line in told) == [False, True]
    assert len(rembg_sandbox.calls) == 2
