"""Real Python processes, for tests of what several of them do at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import rembg_plugins

_TIMEOUT_S = 120  # of a whole process; only a test that fails waits so long


class Child:
    """A process that runs a script, and is talked to line by line."""

    def __init__(self, script, *arguments):
        """Start it."""
        home = str(Path(rembg_plugins.__file__).parents[1])
        self.process = subprocess.Popen(
            [sys.executable, "-c", script, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": home, "PYTHONUNBUFFERED": "1"},
        )

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.communicate()

    def hear(self):
        """The next line that it prints; empty at its end."""
        return self.process.stdout.readline().strip()

    def tell(self, line=""):
        """Give it a line to read."""
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def kill(self):
        """End it at once, with no chance to clean up; then wait until it is gone."""
        self.process.kill()
        self.process.wait(_TIMEOUT_S)

    def finish(self):
        """Wait for its end, and give all that it still printed."""
        output, _ = self.process.communicate(timeout=_TIMEOUT_S)
        assert self.process.returncode == 0
        return output
