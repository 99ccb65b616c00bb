"""Where the demo keeps what it makes: ``demo/data``, or the folder in ``DEMO_DATA``."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

FOLDER = Path(os.environ.get("DEMO_DATA") or Path(__file__).parent.parent / "data").absolute()


def make_folder() -> Path:
    """The folder, which Git passes over."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / ".gitignore").write_text("*\n")
    return FOLDER


def kept_secret(name: str) -> str:
    """A secret of this copy of the demo, made on its first start; only its owner can read it."""
    path = make_folder() / f"{name}.txt"
    path.touch(mode=0o600)
    if not path.read_text():
        path.write_text(secrets.token_urlsafe(12))
    return path.read_text()
