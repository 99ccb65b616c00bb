"""The fixtures of the tests' site."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from django.core.cache import caches
from django_site.fixtures import counted, site

__all__ = ["counted", "site"]


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


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.filterwarnings(_UNCLOSED))
