"""Django's own tests of file storages, run in a process of their own; prints what became of each.

    python upstream.py FOLDER plain|cutouts

FOLDER is the one that Django's package ``file_storage`` lies in. With ``cutouts``, a
``CutoutStorage`` takes the place of each storage that the tests make.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
import unittest
from pathlib import Path

import django
from django.apps import apps
from django.conf import settings
from django.core.files import storage as storage_module

MODULES = ("tests", "test_base", "test_generate_filename", "test_inmemory_storage")
ASKED = (
    *("location", "base_location", "base_url", "file_permissions_mode"),
    "directory_permissions_mode",
)
"""What the tests ask of the storages of Django beyond what every storage has."""


def main():
    folder, kind = sys.argv[1:]
    sys.path.insert(0, folder)
    with tempfile.TemporaryDirectory() as place:
        configure(Path(place))
        if kind == "cutouts":
            replace()
        apps.set_installed_apps([*settings.INSTALLED_APPS, "file_storage"])
        outcomes = run()
    sys.stdout.write(json.dumps(outcomes))


def configure(place):
    settings.configure(
        SECRET_KEY="of-tests",  # noqa: S106 - of tests
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=["django.contrib.contenttypes", "rembg_plugins.django"],
        MEDIA_ROOT=str(place / "media"),
        ROOT_URLCONF="file_storage.urls",
        STATIC_URL="static/",
        USE_TZ=False,  # as in Django's own settings for its tests
        REMBG={"ENGINE": "offline"},
    )
    django.setup()


def replace():
    """Let ``django.core.files.storage`` give storages of ours, under its own names."""
    from rembg_plugins.django.storage import CutoutStorage

    def over(backend):
        class OverBackend(CutoutStorage):
            """Takes the arguments of the storage that it wraps."""

            def __init__(self, *args, **kwargs):
                super().__init__()
                self._own = backend(*args, **kwargs)

            OS_OPEN_FLAGS = getattr(backend, "OS_OPEN_FLAGS", None)
            wrapped = property(lambda self: self._own)

        for name in ASKED:
            if hasattr(backend, name):
                setattr(OverBackend, name, passed_on(name))
        OverBackend.__name__ = OverBackend.__qualname__ = backend.__name__
        return OverBackend

    for name in ("FileSystemStorage", "InMemoryStorage"):
        setattr(storage_module, name, over(getattr(storage_module, name)))


def passed_on(name):
    """An attribute that is the wrapped storage's own."""
    return property(
        lambda self: getattr(self.wrapped, name),
        lambda self, value: setattr(self.wrapped, name, value),
    )


def run():
    """Each test's name, and ``passed``, ``skipped``, or why it did not pass."""
    from django.test.utils import get_runner

    runner = get_runner(settings, "django.test.runner.DiscoverRunner")(verbosity=0)
    runner.setup_test_environment()
    names = [f"file_storage.{module}" for module in MODULES]
    printed, sys.stdout = sys.stdout, io.StringIO()  # of the tests; ours is for the outcomes alone
    try:
        databases = runner.setup_databases()
        suite = unittest.defaultTestLoader.loadTestsFromNames(names)
        found = dict.fromkeys(names_in(suite), "passed")
        result = unittest.TestResult()
        suite.run(result)
        runner.teardown_databases(databases)
    finally:
        sys.stdout = printed
    found |= {name_of(test): "skipped" for test, _ in result.skipped}
    return found | {name_of(test): told for test, told in result.failures + result.errors}


def names_in(suite):
    """The names of all tests in a suite."""
    for one in suite:
        yield from names_in(one) if isinstance(one, unittest.TestSuite) else [one.id()]


def name_of(test):
    """The name of a test, or of the one that a sub-test is in."""
    return getattr(test, "test_case", test).id()


if __name__ == "__main__":
    main()
