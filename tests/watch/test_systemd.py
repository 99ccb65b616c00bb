from __future__ import annotations

import os
import secrets
import socket
import sys

import pytest

from rembg_plugins.watch.systemd import Service


@pytest.fixture(params=["a file", "an abstract name"])
def listening(request, tmp_path, monkeypatch):
    """Where systemd listens: the socket, and the address as it tells it."""
    if request.param == "a file":
        monkeypatch.chdir(tmp_path)
        name = address = str(tmp_path / "notify")
    else:
        if sys.platform != "linux":
            pytest.xfail("there are no abstract names here")
        address = f"@rembg-plugins-{secrets.token_hex(8)}"
        name = f"\0{address[1:]}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(name)
        channel.settimeout(10)
        yield channel, address


def test_each_step_of_a_service_is_told(listening):
    channel, address = listening
    service = Service({"NOTIFY_SOCKET": address})
    service.ready()
    service.alive("3 waiting,\n sent 2")
    service.stopping()
    told = [channel.recv(1000).decode() for _ in range(3)]
    assert told == ["READY=1", "WATCHDOG=1\nSTATUS=3 waiting, sent 2", "STOPPING=1"]


def test_outside_of_systemd_nothing_is_told():
    Service({}).ready()
    Service({"NOTIFY_SOCKET": "nonsense"}).ready()


def test_a_socket_that_nobody_listens_on_stops_nobody(tmp_path):
    Service({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()


def test_a_listener_that_never_reads_holds_nobody_up(listening):
    _, address = listening
    service = Service({"NOTIFY_SOCKET": address})
    for _ in range(5000):  # more than any queue of datagrams holds
        service.alive("well")


@pytest.mark.parametrize(
    ("variables", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_that_of_this_process_alone(variables, seconds):
    assert Service(variables).watchdog_s == seconds
