from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PHOTO = Path(__file__).parents[2] / "docs" / "images" / "chelsea.png"
CUT = "import sys; from rembg_plugins import remove; remove(sys.argv[1], engine=sys.argv[2])"
WEIGHTS = str(Path(__file__).parents[2] / "rembg_plugins" / "engines" / "weights")
ENGINES = ["local", pytest.param("rembg:u2netp", marks=pytest.mark.peer)]


def files_after_a_cutout(engine, home):
    """What onnxruntime has left in a home folder that was empty."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ORT_")}
    environment = kept | {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "U2NET_HOME": WEIGHTS,
    }
    command = [sys.executable, "-c", CUT, PHOTO, engine]
    subprocess.run(command, env=environment, timeout=120, check=True)
    return [path.name for path in home.rglob("*") if path.is_file()]


@pytest.mark.parametrize("engine", ENGINES)
def test_onnxruntime_keeps_no_number_of_the_device_and_tells_nobody(engine, tmp_path):
    assert files_after_a_cutout(engine, tmp_path) == []
