from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

PATIENCE_S = 60  # for the end of a process; nothing ever waits so long if all is well
PROGRAM = """
import sys, time
print(__name__, sys.argv, flush=True)
time.sleep(600)
"""


@pytest.fixture
def program(tmp_path):
    """A module on a leash, running."""
    (tmp_path / "theirs.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "rembg_plugins.testing.leash", "theirs", "--one", "2"]
    path = os.pathsep.join([str(tmp_path), *sys.path])
    pipe = subprocess.PIPE
    environment = os.environ | {"PYTHONPATH": path}
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment, text=True) as process:
        yield process
        process.kill()


def test_the_module_runs_as_a_program_with_its_arguments(program):
    name, _, arguments = program.stdout.readline().partition(" ")
    assert name == "__main__"
    assert "theirs.py', '--one', '2']" in arguments


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals between processes")
def test_it_ends_when_its_standard_input_does(program):
    assert program.stdout.readline()
    program.stdin.close()
    assert program.wait(PATIENCE_S) == -signal.SIGTERM
