"""Places where a test may kill the process, to prove that nothing is lost or paid for twice there.

``REMBG_FAILPOINT=linked`` kills it the first time that it comes to ``linked``, ``linked:3`` the
third time. Without the variable a place costs one look at a dictionary.
"""

from __future__ import annotations

import os
import signal
import threading

VARIABLE = "REMBG_FAILPOINT"

FAILPOINTS = {
    "seen": "a file was seen; there is no row of it",
    "at_rest": "it is at rest; there is no row of it",
    "hashed": "it was read and hashed; that is not committed",
    "sending": "SENDING is committed; nothing was sent",
    "half_sent": "half of the body was sent",
    "sent": "all of it was sent; the answer has not come",
    "half_read": "some of the answer was read",
    "spooled": "the answer lies in the spool; the row says SENDING",
    "cut": "the row says CUT; there is no output",
    "linked": "there is the output; the row says READY",
    "published": "the row says PUBLISHED; the original lies in INBOX",
    "disposed": "the original is disposed of; the row says PUBLISHED",
}
"""Each place, with what is true there."""


class _Process:
    """What this process was told, and how often it came by."""

    name, _, _count = os.environ.get(VARIABLE, "").partition(":")
    left = int(_count) if _count.isdigit() else 1
    lock = threading.Lock()


def is_armed(*names: str) -> bool:
    """Whether the process is to be killed at one of these places."""
    return _Process.name in names


def reached(name: str) -> None:
    """Be killed here, if that is what was asked for."""
    if _Process.name != name:
        return
    with _Process.lock:
        _Process.left -= 1
        if _Process.left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
