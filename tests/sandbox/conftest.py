from __future__ import annotations

import asyncio
import contextlib
import io
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image
from sandbox.node import serving
from sandbox.running import PATIENCE_S, RunningSandbox


@pytest.fixture
def start():
    """Starts a sandbox; all of them are stopped after the test."""
    running = []

    def begin(**settings):
        running.append(RunningSandbox(**settings))
        return running[-1]

    yield begin
    for sandbox in running:
        sandbox.stop()


@pytest.fixture(scope="session")
def _served():
    sandbox = RunningSandbox()
    yield sandbox
    sandbox.stop()


@pytest.fixture
def sandbox(_served):
    """A sandbox with the offline engine, as if just started."""
    _served.reset()
    return _served


class Gate:
    """Holds a call where it would sleep, until the test lets it go on."""

    def __init__(self):
        self._reached, self._open = threading.Event(), threading.Event()
        self.times = 0

    async def wait(self, _):
        self.times += 1
        self._reached.set()
        await asyncio.to_thread(self._open.wait, PATIENCE_S)

    def reached(self):
        assert self._reached.wait(PATIENCE_S)

    def open(self):
        self._open.set()

    @contextlib.contextmanager
    def calling(self, function, *arguments):
        """A call in another thread, held at the gate."""
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(function, *arguments)
            self.reached()
            try:
                yield future
            finally:
                self.open()


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture(scope="session")
def _with_client(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("npm")) as both:
        yield both


@pytest.fixture
def served(_with_client):
    """The vendor's client, and a sandbox without calls."""
    _with_client.control("reset")
    return _with_client


@pytest.fixture(scope="session")
def encode():
    """Encoded noise-free pictures: ``encode((w, h), format="PNG")``."""

    def make(size=(40, 30), format="PNG", color=(200, 30, 40)):
        file = io.BytesIO()
        Image.new("RGB", size, color).save(file, format)
        return file.getvalue()

    return make


@pytest.fixture(scope="session")
def picture(encode):
    return encode()
