"""Telling systemd how a service is doing, over the socket that it gives it.

Source: sd_notify(3).
"""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_MICROSECONDS = 1_000_000


class Service:
    """This process, as a service of systemd; where it is none, nothing is told.

    Args:
        environ: Says whether and where systemd listens.

    Attributes:
        watchdog_s: How often it must hear of us at least, in s; None where it does not care.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        """Open nothing yet."""
        self._address = environ.get("NOTIFY_SOCKET", "")
        self.watchdog_s = _watchdog(environ)

    def ready(self) -> None:
        """Begun: what waits for this service may begin too."""
        self._tell("READY=1")

    def alive(self, status: str) -> None:
        """Still at work; the status is the line of ``systemctl status``."""
        self._tell("WATCHDOG=1", f"STATUS={' '.join(status.split())}")

    def stopping(self) -> None:
        """About to end."""
        self._tell("STOPPING=1")

    def _tell(self, *lines: str) -> None:
        if not self._address.startswith(("/", "@")) or not hasattr(socket, "AF_UNIX"):
            return
        address = self._address
        if address.startswith("@"):  # Linux's abstract names, which are no files
            address = f"\0{address[1:]}"
        # Who listens may be gone; what we do does not depend on it.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel,
        ):
            channel.settimeout(0)  # never waits for who listens
            channel.connect(address)
            channel.sendall("\n".join(lines).encode(errors="replace"))


def _watchdog(environ: Mapping[str, str]) -> float | None:
    """The watchdog's time in s, if it is this process that it watches."""
    told, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not told.isdigit() or not int(told) or pid not in {"", str(os.getpid())}:
        return None
    return int(told) / _MICROSECONDS
