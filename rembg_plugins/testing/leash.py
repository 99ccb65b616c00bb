"""Runs a module as a program that ends when whoever started it is gone.

``python -m rembg_plugins.testing.leash MODULE ARGUMENT...``: the end of its standard input, which
comes even where the parent was killed, ends it as SIGTERM does.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading

_STDIN = 0


def _end_with_the_parent() -> None:
    # Not through sys.stdin: its lock, held by a thread that waits, breaks the interpreter's end.
    while os.read(_STDIN, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
