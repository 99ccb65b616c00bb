from __future__ import annotations

import subprocess
import sys

import pytest

from rembg_plugins.sandbox.keys import GOOD_KEY, STATES, state_of


@pytest.mark.parametrize("state", STATES)
def test_the_ending_of_a_test_key_is_its_state(state):
    assert state_of(f"{GOOD_KEY}-{state}") == state
    assert state_of(f"sandbox-another-shop-{state}") == state


@pytest.mark.parametrize("key", [GOOD_KEY, "sandbox-", "sandbox-busybody", "sandbox-empty-2"])
def test_a_test_key_with_no_such_ending_is_good(key):
    assert state_of(key) == "good"


@pytest.mark.parametrize("key", ["", "key", "live-good", "xsandbox-key", "SANDBOX-KEY"])
def test_whatever_is_no_test_key_is_unknown(key):
    assert state_of(key) == "unknown"


def test_the_keys_are_known_without_a_web_server():
    code = (
        "import sys, rembg_plugins.sandbox.keys; "
        "sys.exit(bool({'fastapi', 'uvicorn', 'PIL'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
