"""The sandbox in a process of its own: what it was asked, what it billed, what shall go wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import requests

PATIENCE_S = 60  # for what takes a moment; nothing ever waits so long if all is well
KEY = "sandbox-key"
OURS = "rembg_plugins.cli"
_LEASH = "rembg_plugins.testing.leash"


def environment(**changes):
    """This process's environment, without settings that could change what is tested."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("REMBG_") and not name.lower().endswith("_proxy")
    }
    return kept | {"PYTHONDONTWRITEBYTECODE": "1"} | changes


class Sandbox:
    """The API on this machine: what it was asked, what it billed, and what shall go wrong."""

    def __init__(self, *options):
        """Start it; it ends with this process, however that ends."""
        command = [sys.executable, "-m", _LEASH, OURS, "sandbox", "--port", "0"]
        command += ["--engine", "offline", "--rate", "off", "--credits", "1000000", *options]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        greeting = self._process.stdout.readline().decode().split()
        assert greeting, "the sandbox did not start; see `rembg-plugins sandbox`"
        self.url = greeting[-1]
        self._session = requests.Session()
        self._session.trust_env = False
        self._calls_before, self._bills_before = [], Counter()

    def stop(self):
        """End it."""
        self._session.close()
        self._process.stdin.close()
        self._process.wait(PATIENCE_S)
        self._process.stdout.close()

    @property
    def calls(self):
        """All calls for a cut-out, the oldest first."""
        found = self._ask("calls")["calls"]
        return self._calls_before + [call for call in found if call["endpoint"] == "/rmbg"]

    @property
    def billed(self):
        """How often each content was paid for, by its digest in hex."""
        return self._bills_before + Counter(self._ask("calls")["billed"])

    def fault(self, kind, *, times=1, **members):
        """Have something go wrong with the next calls."""
        self._ask("faults", {"kind": kind, "times": times, **members})

    def answers_after(self, seconds):
        """Have all calls take so long, in s."""
        self.fault("wait", seconds=seconds, times=10**6)

    def heal(self):
        """Have nothing go wrong any more; no call may be under way, for it would not count."""
        self._calls_before, self._bills_before = self.calls, self.billed
        self._ask("reset", {})

    def begin_anew(self):
        """Forget everything."""
        self._ask("reset", {})
        self._calls_before, self._bills_before = [], Counter()

    def account(self, **changes):
        """Change the account."""
        self._ask("accounts", {"key": KEY, **changes})

    def _ask(self, what, body=None):
        url = f"{self.url}/_sandbox/{what}"
        how = "get" if body is None else "post"
        answer = self._session.request(how, url, json=body, timeout=PATIENCE_S)
        assert answer.ok, answer.text
        return answer.json()
