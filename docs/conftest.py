"""Where the examples of these pages run: a folder of their own, with the pictures in it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

DOCS = Path(__file__).parent


@pytest.fixture(autouse=True)
def _reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader in a fresh clone: no settings, the pictures under ``docs/images``."""
    for name in list(os.environ):
        if name.startswith("REMBG_"):
            monkeypatch.delenv(name)
    shutil.copytree(DOCS / "images", tmp_path / "docs" / "images")
    monkeypatch.chdir(tmp_path)
