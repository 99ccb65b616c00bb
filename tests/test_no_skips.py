from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SKIPS = {
    "inside": "def test_a():\n    pytest.skip('x')",
    "mark": "@pytest.mark.skipif(True, reason='x')\ndef test_a(): pass",
    "missing": "def test_a():\n    pytest.importorskip('no_such_module')",
    "module": "pytest.skip('x', allow_module_level=True)",
}


@pytest.mark.parametrize("kind", SKIPS)
@pytest.mark.parametrize("ci", ["true", ""])
def test_nothing_is_skipped_under_ci(kind, ci, tmp_path):
    conftest = Path(__file__).with_name("conftest.py").read_text(encoding="utf-8")
    (tmp_path / "conftest.py").write_text(conftest, encoding="utf-8")
    (tmp_path / "test_it.py").write_text(f"import pytest\n{SKIPS[kind]}\n", encoding="utf-8")
    without = ("-p", "no:cacheprovider", "-p", "no:django")  # there is no site in that folder
    command = [sys.executable, "-m", "pytest", "-q", *without, str(tmp_path)]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"CI": ci}, capture_output=True, check=False
    )
    assert (b"was skipped in CI" in done.stdout) == bool(ci), done.stdout.decode()
    assert (done.returncode in {1, 2}) == bool(ci), done.stdout.decode()
