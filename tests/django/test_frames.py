from __future__ import annotations

import sys

import pytest
from core.pictures import encoded
from django.views.debug import ExceptionReporter

from rembg_plugins.core.errors import RembgError
from rembg_plugins.django import cutouts

pytestmark = pytest.mark.django_db

KEY = "a-key-of-letters".replace("-", "_")  # the page shows the source of this test


def page_of(problem):
    """The error page that a developer sees, or that is mailed to one."""
    try:
        problem()
    except RembgError:
        return ExceptionReporter(None, *sys.exc_info()).get_traceback_html()
    return pytest.fail("it did not fail")


def give_key():
    return KEY


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/rmbg", "ftp://127.0.0.1/rmbg"])
def test_the_key_is_on_no_error_page(site, url):
    # One is refused while a picture is sent, the other before there is an engine.
    site(ENGINE="api", API_KEY=give_key, API_URL=url)
    picture = encoded("JPEG")
    page = page_of(lambda: cutouts.remove(picture))
    assert "rembg_plugins" in page
    assert KEY not in page
