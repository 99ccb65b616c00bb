from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import rembg_plugins
from rembg_plugins.watch import failpoints

WALK = """
from rembg_plugins.watch.failpoints import reached
for name in ("sending", "linked", "sending", "sending"):
    print(name, flush=True)
    reached(name)
print("end")
"""

THREADS = """
import threading
from rembg_plugins.watch.failpoints import reached

def walk():
    for _ in range(1000):
        reached("cut")

threads = [threading.Thread(target=walk) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("end")
"""


def walk(setting=None, script=WALK):
    environment = {name: value for name, value in os.environ.items() if name != failpoints.VARIABLE}
    if setting is not None:
        environment[failpoints.VARIABLE] = setting
    return subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("setting", [None, "", "published", "sending:4", ":2"])
def test_nothing_happens_where_no_place_is_named_or_it_is_not_reached(setting):
    process = walk(setting)
    assert process.returncode == 0
    assert process.stdout.split()[-1] == "end"


@pytest.mark.parametrize(
    ("setting", "steps"),
    [("sending", 1), ("linked", 2), ("sending:2", 3), ("sending:3", 4), ("sending:rubbish", 1)],
)
def test_the_process_is_killed_at_the_place_and_at_the_time_that_was_named(setting, steps):
    process = walk(setting)
    assert process.returncode == -signal.SIGKILL
    assert len(process.stdout.split()) == steps


@pytest.mark.parametrize(("setting", "code"), [("cut:8000", -signal.SIGKILL), ("cut:8001", 0)])
def test_threads_count_together(setting, code):
    assert walk(setting, THREADS).returncode == code


def test_a_place_is_armed_where_it_is_named(monkeypatch):
    monkeypatch.setattr(failpoints._Process, "name", "sent")
    assert failpoints.is_armed("half_sent", "sent")
    assert not failpoints.is_armed("half_sent")


def test_no_place_is_armed_by_itself():
    assert not failpoints.is_armed(*failpoints.FAILPOINTS)


def names_in(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) in {"reached", "is_armed"}:
            yield from (one.value for one in node.args if isinstance(one, ast.Constant))


def test_the_places_in_the_code_are_those_of_the_table():
    folder = Path(rembg_plugins.__file__).parent / "watch"
    trees = [ast.parse(path.read_text("utf-8")) for path in sorted(folder.glob("*.py"))]
    assert {name for tree in trees for name in names_in(tree)} == set(failpoints.FAILPOINTS)
