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
from redis import Redis

import rembg_plugins

TEN = 10
_PATIENCE_S = 120  # of a whole crowd; nothing ever waits so long if all is well


@pytest.fixture(params=["file", "database", "redis", "memcached"])
def places(request, tmp_path):
    """The environment of a site whose locks are made of that."""
    found = {"TEST_SITE_FOLDER": str(tmp_path / "site")}
    if request.param == "database":
        found["TEST_POSTGRESQL"] = str(request.getfixturevalue("postgresql"))
    if request.param in {"redis", "memcached"}:
        found[f"TEST_{request.param.upper()}"] = request.getfixturevalue(request.param)
    (tmp_path / "site").mkdir()
    return found


@pytest.fixture
def environment(places, rembg_sandbox):
    """That of a process of the site."""
    home = Path(rembg_plugins.__file__).parents[1]
    return {
        **{name: value for name, value in os.environ.items() if name[:6] != "REMBG_"},
        "PYTHONPATH": os.pathsep.join([str(home), str(Path(__file__).parents[1])]),
        "DJANGO_SETTINGS_MODULE": "django_site.settings",
        "TEST_SANDBOX": rembg_sandbox.url,
        **places,
    }


@pytest.fixture
def later(environment):
    """Lets so much time pass, as far as the ledger knows."""

    def put_back(**time_):
        command = [sys.executable, "-m", "django_site.put_back", json.dumps(time_)]
        subprocess.run(command, env=environment, check=True, timeout=_PATIENCE_S)

    return put_back


@pytest.fixture
def crowd(environment, tmp_path):
    """Lets so many processes want pictures at once: what they tell, line by line."""

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


def first_call(lines, sandbox):
    """The number of the process that makes the one call, which has reached the API."""
    first = next(lines)
    assert first["event"] == "calls"
    latest = time.monotonic() + _PATIENCE_S
    while not sandbox.calls:  # to ask is to wait
        assert time.monotonic() < latest
    return first["pid"]


def test_where_the_one_at_work_is_killed_another_takes_over(crowd, rembg_sandbox, later):
    rembg_sandbox.faults("never", when="after")
    with crowd(3, photo(6), LOCK_WAIT=13) as lines:
        os.kill(first_call(lines, rembg_sandbox), signal.SIGKILL)
        # Nobody else can know whether it was killed: its cut-out may still come.
        assert [line["error"] for line in ends(lines)] == ["CutoutPendingError"] * 2
    assert len(rembg_sandbox.calls) == 1
    later(minutes=5)
    with crowd(3, photo(6)) as lines:
        told = ends(lines)
    assert sorted(line["billed"] for line in told) == [False, False, True]
    assert len(rembg_sandbox.calls) == 2


@pytest.mark.parametrize("places", ["redis"], indirect=True)
def test_where_the_lock_vanishes_during_a_call_nobody_pays_again(crowd, rembg_sandbox, redis):
    rembg_sandbox.faults("never", when="after")
    with crowd(3, photo(7), LOCK_WAIT=60) as lines:
        at_work = first_call(lines, rembg_sandbox)
        client = Redis.from_url(redis)
        client.flushall()
        client.close()
        told = [next(line for line in lines if line["event"] != "calls") for _ in range(2)]
        os.kill(at_work, signal.SIGKILL)
    assert [line["error"] for line in told] == ["CutoutPendingError"] * 2
    assert len(rembg_sandbox.calls) == 1
