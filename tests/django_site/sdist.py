"""Django's own tests, which are in its source distribution alone: fetched once, by pip."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import django
import pytest

_FETCH_S = 300


@pytest.fixture(scope="session")
def django_tests(request, tmp_path_factory):
    """The folder of the tests of the Django that is installed."""
    cache = getattr(request.config, "cache", None)  # none with -p no:cacheprovider
    name = "django-tests"
    cache = Path(cache.mkdir(name)) if cache is not None else tmp_path_factory.mktemp(name)
    kept = cache / f"{django.__version__}.tar.gz"
    if not kept.exists():
        _fetch(kept)
    with tempfile.TemporaryDirectory() as place, tarfile.open(kept) as archive:
        members = [one for one in archive if "/tests/file_storage/" in f"/{one.name}"]
        archive.extractall(place, members, filter="data")
        (tests,) = Path(place).glob("*/tests")
        yield tests


def _fetch(kept):
    """Download the archive; whole, for another process may be at it too."""
    with tempfile.TemporaryDirectory(dir=kept.parent) as place:
        wanted = ("--no-deps", "--no-binary", ":all:", f"Django=={django.__version__}")
        command = (sys.executable, "-m", "pip", "download", "--quiet", "--dest", place, *wanted)
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_FETCH_S
        )
        found = list(Path(place).glob("*.tar.gz"))
        if done.returncode or not found:
            pytest.skip(f"Django's tests are not to be had: {done.stderr[-500:]}")
        found[0].replace(kept)
