"""Fixtures of the tests of django/ and wagtail/: storages of the test's own, a paid engine."""

from __future__ import annotations

import hashlib
import threading
from types import SimpleNamespace

import pytest
from django.core.cache import caches

from rembg_plugins.core.hookspecs import hookimpl
from rembg_plugins.core.plugins import default_manager
from rembg_plugins.core.result import Result
from rembg_plugins.testing.offline import OfflineEngine


class CountedEngine(OfflineEngine):
    """An oval for a credit; counts its calls, and fails where its script says so.

    Attributes:
        calls: The digest of each picture that it got.
        script: By the call's number from 1 on, or ``"each"``: an error to raise, or a function of
            the request that is called first.
    """

    name = "counted"
    paid = True

    def __init__(self):
        """No call came yet."""
        self.calls, self.script = [], {}
        self._lock = threading.Lock()

    def run(self, request, *, on_progress=None, sink=None):
        """Do what the script says, else give an oval that cost a credit."""
        with request.source.open() as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        with self._lock:
            self.calls.append(digest)
            step = self.script.get(len(self.calls), self.script.get("each"))
        if isinstance(step, BaseException):
            raise step
        if step is not None:
            step(request)
        made = super().run(request, on_progress=on_progress, sink=sink)
        return Result.from_bytes(made.content, engine=self.name, sent="all", billed=True)


@pytest.fixture
def counted(site):
    """The engine ``counted``, in use on the site."""
    engine = CountedEngine()

    def offer(register):
        register("counted", lambda _configuration, _variant: engine, summary="For tests: paid.")

    plugin = SimpleNamespace(rembg_register_engines=hookimpl(offer))
    default_manager().register(plugin, "engine of a test")
    site(ENGINE="counted")
    yield engine
    default_manager().unregister(plugin)


@pytest.fixture
def own_images(settings):
    """The site's image model is its own: with ``CutoutImageMixin``, and renditions of its own.

    Wagtail and this package connect to the signals of the image model when a site starts.
    """
    from wagtail.images.signal_handlers import register_signal_handlers

    from rembg_plugins.wagtail.replacement import watch_pictures

    settings.WAGTAILIMAGES_IMAGE_MODEL = "gallery.Photo"
    register_signal_handlers()
    watch_pictures()


@pytest.fixture
def site(settings, tmp_path):
    """Changes keys of ``REMBG``, as in ``site(DEFER=True)``; files lie in the test's folder."""
    settings.MEDIA_ROOT = tmp_path / "media"
    private = {"location": tmp_path / "cutouts", "base_url": None}
    rembg = {**settings.STORAGES["rembg"], "OPTIONS": private}
    settings.STORAGES = {**settings.STORAGES, "rembg": rembg}

    def change(**keys):
        settings.REMBG = {**settings.REMBG, **keys}

    caches["default"].clear()  # what another test asked for, of an object with the same number
    change()
    return change
