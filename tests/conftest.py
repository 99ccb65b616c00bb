from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

from rembg_plugins.api.window import REGISTRY

# How fast this machine is just now says nothing about the code; the same examples every time.
settings.register_profile(
    "any machine", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

MODES = (
    *("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB"),
    *("HSV", "I", "I;16", "I;16B", "F"),
)
"""The modes of Pillow."""


def _make_image(mode, size=(32, 24), seed=0):
    """Noise in any mode; where there is alpha, it has all values, 0 and 255 for certain."""
    random = np.random.default_rng(seed)
    width, height = size
    colors = Image.fromarray(random.integers(0, 256, (height, width, 3), np.uint8))
    levels = random.integers(0, 256, (height, width), np.uint8)
    levels.flat[0], levels.flat[-1] = 0, 255
    if mode in {"I", "I;16", "I;16B", "F"}:
        deep = random.integers(0, 0x10000, (height, width), np.uint16)
        deep.flat[0], deep.flat[-1] = 0, 0xFFFF
        if mode == "F":
            return Image.fromarray((deep / np.float32(0xFFFF)).astype(np.float32))
        if mode == "I;16B":
            return Image.frombytes("I;16B", size, deep.astype(">u2").tobytes())
        return Image.fromarray(deep.astype(np.int32) if mode == "I" else deep)
    if mode == "P":
        return colors.quantize(16)
    if mode == "PA":
        colors = colors.quantize(16)
    elif mode in {"LA", "La"}:
        colors = colors.convert("L")
    if mode in {"LA", "La", "PA", "RGBA", "RGBa"}:
        colors.putalpha(Image.fromarray(levels))
    return colors.convert(mode)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Under ``CI=true`` nothing is skipped: what a test needs is installed there, or it fails."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped in CI: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """The same for a module that skips itself whole: it never gets as far as a test."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid} was skipped in CI: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def _no_settings_of_ours(monkeypatch):
    """No key, engine or proxy of whoever runs the tests."""
    for name in tuple(os.environ):
        if name.startswith("REMBG_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _no_limit_of_another_test():
    """A server on loopback may get the port of an earlier one, that asked for a pause."""
    yield
    REGISTRY.clear()


@pytest.fixture
def make_image():
    """Make a picture of random pixels: ``make_image(mode, size=(32, 24), seed=0)``."""
    return _make_image


@pytest.fixture(params=MODES)
def any_mode(request):
    """Each mode of Pillow in turn."""
    return request.param


@pytest.fixture
def as_ordinary_user():
    """A folder that user 65534 may use, and this process as that user, if it is root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)
