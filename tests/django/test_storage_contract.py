"""Django's own tests of its storages, with a CutoutStorage in the place of each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import django_site
import pytest

import rembg_plugins

RUNNER = Path(django_site.__file__).with_name("upstream.py")
LEAST = 150
"""Tests that every supported Django has of its storages; 5.2 has 212."""

_FLAGS = "OS_OPEN_FLAGS is no part of a storage's contract: FileSystemStorage alone reads it"
EXCEPTIONS = {
    "tests.FileSystemStorageTests.test_deconstruction": (
        "a CutoutStorage deconstructs as itself, by the alias that it wraps"
    ),
    "test_inmemory_storage.InMemoryStorageTests.test_deconstruction": "the same",
    "tests.FileFieldStorageTests.test_custom_valid_name_callable_upload_to": (
        "names are made by the wrapped storage, which may make them in a way of its own; a class "
        "with another get_valid_name() is wrapped, not derived of CutoutStorage"
    ),
    "tests.OverwritingStorageOSOpenFlagsTests.test_save_overwrite_behavior": _FLAGS,
    "tests.OverwritingStorageOSOpenFlagsWarningTests.test_os_open_flags_deprecation_warning": (
        _FLAGS
    ),
}
"""Tests that fail on a CutoutStorage, and why that is right; some are in Django 5.2 alone."""


def outcomes(tests, kind):
    """What became of each test: its name, and ``passed`` or the reason."""
    environment = {**os.environ, "PYTHONPATH": str(Path(rembg_plugins.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-P", str(RUNNER), str(tests), kind],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return {name.removeprefix("file_storage."): outcome for name, outcome in found.items()}


@pytest.mark.parametrize("kind", ["plain", "cutouts"])
def test_django_s_own_tests_pass_save_for_the_exceptions(django_tests, kind):
    found = outcomes(django_tests, kind)
    assert len(found) >= LEAST
    failed = {name: told for name, told in found.items() if told != "passed"}
    excepted = EXCEPTIONS.keys() & found.keys() if kind == "cutouts" else set()
    assert failed.keys() == excepted, failed
