"""Fixtures of the command line's tests: an empty folder, pictures, a runner, a scripted engine."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from PIL import Image

from rembg_plugins.cli import cli
from rembg_plugins.core.hookspecs import hookimpl
from rembg_plugins.core.plugins import default_manager
from rembg_plugins.core.result import Result
from rembg_plugins.core.setting import SETTINGS
from rembg_plugins.testing.offline import OfflineEngine


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The current folder: empty, and no setting of ours anywhere."""
    monkeypatch.chdir(tmp_path)
    for info in SETTINGS.values():
        monkeypatch.delenv(info.variable, raising=False)
    return tmp_path


@pytest.fixture
def draw(folder):
    """Write a picture of one color: ``draw("a/cat.png", "red", size=(20, 10))``."""

    def write(name, color="red", size=(20, 10)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, color).save(path)
        return path

    return write


@pytest.fixture
def run():
    """Run ``rembg-plugins`` in this process: ``run("remove", "cat.png", input=b"...")``."""

    def invoke(*arguments, **settings):
        return CliRunner().invoke(cli, [str(one) for one in arguments], **settings)

    return invoke


@pytest.fixture
def plugin():
    """Register a plugin of functions by the names of their hooks; gone after the test."""
    registered = []

    def register(**functions):
        module = SimpleNamespace(**{name: hookimpl(one) for name, one in functions.items()})
        default_manager().register(module, f"test plugin {len(registered)}")
        registered.append(module)

    yield register
    for module in registered:
        default_manager().unregister(module)


class PaidEngine(OfflineEngine):
    """An oval for a credit; does what its script says about each call.

    Attributes:
        script: By the call's number from 1 on: an error to raise, or something to call.
        calls: The sizes of the pictures that it got.
    """

    name = "paid"
    paid = True

    def __init__(self):
        """No call came yet."""
        self.script = {}
        self.calls = []
        self._lock = threading.Lock()

    def run(self, request, *, on_progress=None, sink=None):
        """Do what the script says, else give an oval that cost a credit."""
        with self._lock:
            self.calls.append(request.source.size)
            step = self.script.get(len(self.calls), self.script.get("each"))
        if isinstance(step, BaseException):
            raise step
        if step is not None:
            step(request)
        result = super().run(request, sink=sink)
        return Result.from_bytes(result.content, engine=self.name, sent="all", billed=True)


@pytest.fixture
def paid(plugin):
    """The engine ``paid``, offered by a plugin."""
    engine = PaidEngine()

    def offer(register):
        register("paid", lambda _configuration, _variant: engine, summary="For tests: paid.")

    plugin(rembg_register_engines=offer)
    return engine
