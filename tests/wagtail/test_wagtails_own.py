from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import wagtail

pytestmark = pytest.mark.long

_FAILED = re.compile(r"^(?:ERROR|FAIL): (.+)$", re.MULTILINE)
_RAN = re.compile(r"^Ran (\d+) tests", re.MULTILINE)


def run(tests, *, with_our_apps):
    """How many of Wagtail's own tests ran, and which failed; they read files beside the package."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "django_site.wagtails_own",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "WITH_OUR_APPS": str(int(with_our_apps)),
    }
    done = subprocess.run(
        [sys.executable, "-m", "django", "test", "--noinput", *tests],
        cwd=Path(wagtail.__file__).parents[1],
        env=environment,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    ran = _RAN.search(done.stderr)
    assert ran is not None, done.stderr[-3000:]
    return int(ran[1]), set(_FAILED.findall(done.stderr))


def test_what_of_wagtails_own_image_tests_passes_without_us_passes_with_us():
    ran, failed = run(["wagtail.images"], with_our_apps=True)
    assert ran > 500
    if failed:
        _, without_us = run(["wagtail.images"], with_our_apps=False)
        assert failed <= without_us
