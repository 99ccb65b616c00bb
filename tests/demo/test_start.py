from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest
from demo.visiting import ROOT


def start(folder, port):
    """What the demo says that cannot start."""
    env = {**os.environ, "DEMO_DATA": str(folder)}
    env.pop("DJANGO_SETTINGS_MODULE", None)  # that of the tests' own site
    command = [sys.executable, str(ROOT / "demo" / "manage.py"), "demo", "--port", str(port)]
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


# Pitfall: it is found out last, after a minute of making a shop, and nobody says what to do.
def test_where_the_port_is_taken_it_says_at_once_what_to_do(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        told = start(tmp_path / "data", port)
    assert f"port {port}" in told
    assert "--port 8001, or --port 0" in told
    made = tmp_path / "data" / "shop.sqlite3"
    assert not made.exists() or made.stat().st_size == 0  # the checks of Django 6.1 open it


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_told(tmp_path, port):
    assert "a number from 0 to 65535" in start(tmp_path / "data", port)
