from __future__ import annotations

import pytest


@pytest.fixture
def dotenv(tmp_path):
    """Writes a .env file and gives its path."""

    def write(text="", **variables):
        path = tmp_path / ".env"
        lines = [f"{name}={value}\n" for name, value in variables.items()]
        path.write_text(text + "".join(lines), encoding="utf-8")
        return path

    return write
