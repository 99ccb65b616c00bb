from __future__ import annotations

import os
import subprocess
import sys

from demo.visiting import ROOT

ENGINE = """
from rembg_plugins.django import cutouts

engine = cutouts.adapter().engine
print(engine.name, engine.paid)
"""


# Pitfall: whoever tries the demo with a key of theirs in the environment would pay for it.
def test_the_demo_cuts_out_on_this_machine_whatever_key_there_is(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "demo" / "manage.py"), "shell", "-v", "0", "-c", ENGINE],
        env={
            **{name: value for name, value in os.environ.items() if "SETTINGS" not in name},
            "DEMO_DATA": str(tmp_path / "data"),
            "REMBG_API_KEY": "0123456789abcdef-of-somebody",
            "REMBG_ENGINE": "api",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["local", "False"]
