"""The command line, ``rembg-plugins``: one module a command, no rule of the core's repeated.

Heavy modules are imported by the commands that need them, when they run: ``--help`` is quick.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import NoReturn

from rembg_plugins.cli.doctor import doctor
from rembg_plugins.cli.interruption import WORKER
from rembg_plugins.cli.ledger import ledger
from rembg_plugins.cli.options_command import options
from rembg_plugins.cli.plugins import plugins
from rembg_plugins.cli.program import Program
from rembg_plugins.cli.remove import remove
from rembg_plugins.cli.sandbox import sandbox
from rembg_plugins.cli.usage import usage
from rembg_plugins.cli.watch import watch

__all__ = ["build_program", "cli", "main"]


def build_program() -> Program:
    """A new ``rembg-plugins`` with the commands of its own; those of plugins join on demand."""
    program = Program(
        name="rembg-plugins",
        help="Remove the background of pictures: with the hosted RemBG API, or on this machine.",
        epilog="`rembg-plugins remove cat.jpg -o cat.png` is all it takes.",
    )
    for command in (remove, watch, ledger, options, plugins, doctor, sandbox, usage):
        program.add_command(command)
    return program


cli = build_program()


def _open_closed_streams() -> None:
    """Stand in for standard streams that are closed, as cron and daemons may have them.

    In this order, since each takes the lowest number that is free: its own. Else the first
    file that is opened would get it, and our messages with it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - lives as long as the process


def main() -> NoReturn:
    """Run the command line, and leave with its exit code."""
    _open_closed_streams()
    code = cli.run(prog_name="rembg-plugins")
    if any(thread.name == WORKER and thread.is_alive() for thread in threading.enumerate()):
        # A call that was left running: the interpreter's own end would pull its modules away
        # from under it, and a crash has another exit code.
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
        os._exit(code)
    sys.exit(code)
