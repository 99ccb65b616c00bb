"""Fixtures of these tests."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

PATIENCE_S = 60  # for the end of a process; nothing ever waits so long if all is well


@pytest.fixture
def is_gone():
    """Waits until nobody listens at a URL any more: its last connection is closed by the end."""

    def wait(url):
        parts = urlsplit(url)
        try:
            with socket.create_connection((parts.hostname, parts.port), PATIENCE_S) as connection:
                connection.settimeout(PATIENCE_S)
                assert connection.recv(1) == b"", "it still answers"
        except (ConnectionRefusedError, ConnectionResetError):
            pass

    return wait
