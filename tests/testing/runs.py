"""Runs of pytest in processes of their own, as in somebody else's project."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import rembg_plugins

_HOME = str(Path(rembg_plugins.__file__).parents[1])
_PLUGIN = "rembg_plugins.testing.pytest_plugin"
_TIMEOUT_S = 300  # of a whole run; only one that hangs takes so long


def environment(**variables):
    """Of a run that knows no plugin but ours."""
    kept = {name: value for name, value in os.environ.items() if name[:6] != "REMBG_"}
    return kept | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": _HOME} | variables


def command(folder, *arguments):
    """The command line that runs the tests in a folder."""
    return [
        *(sys.executable, "-m", "pytest", "-q", "-p", _PLUGIN, "-p", "no:cacheprovider"),
        *("-W", "error", "--rootdir", str(folder), str(folder), *arguments),
    ]


def run_pytest(folder, code, *arguments, **variables):
    """Run a module of tests; gives the exit code and all that was printed."""
    (folder / "test_theirs.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        command(folder, *arguments),
        cwd=folder,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    return done.returncode, done.stdout
