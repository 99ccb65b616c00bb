from __future__ import annotations

import io

import pytest
from PIL import Image
from sandbox.running import RunningSandbox


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
