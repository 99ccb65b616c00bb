"""The fixtures of the tests' site."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from django.core.cache import caches
from django_site.fixtures import counted, own_images, site

from rembg_plugins.django import cutouts, deferral
from rembg_plugins.wagtail import mattes

__all__ = ["counted", "own_images", "site"]


@pytest.fixture(autouse=True)
def _own_renditions():
    """Wagtail keeps renditions in a cache, by numbers that each test gives anew.

    Its temporary files end with the test, also those that hang on the error that was raised.
    """
    caches["default"].clear()
    yield
    gc.collect()


_HERE = Path(__file__).parent
# Wagtail writes each rendition into a temporary file and leaves it to be closed by its end.
_UNCLOSED = "ignore:unclosed file:ResourceWarning"
# Django closes no connection to a database in memory, which the tests' is: a thread's is left to
# its end, of which Python 3.13 warns.
_IN_MEMORY = "ignore:unclosed database:ResourceWarning"


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.filterwarnings(_UNCLOSED))
            item.add_marker(pytest.mark.filterwarnings(_IN_MEMORY))


class Worker:
    """A queue of this test's own: what is asked for waits until it is told to run.

    Attributes:
        wanted: The pictures that were asked for, in their order.
    """

    def __init__(self):
        self.wanted = []

    def request(self, image, field, *, key=None):
        """Wait; in a test's transaction, which is never committed, nothing would be enqueued."""
        self.wanted.append(image)

    def run(self):
        """Make what was asked for."""
        for image in self.wanted:
            cutouts.remove(mattes.source_of(image))
        self.wanted.clear()


@pytest.fixture
def worker(site, counted, monkeypatch):
    """With deferral on."""
    made = Worker()
    monkeypatch.setattr(deferral, "request_cutout", made.request)
    site(DEFER=True)
    return made
