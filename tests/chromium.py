"""Chromium without a window, from the system's packages."""

from __future__ import annotations

import contextlib
import shutil

import pytest
from playwright.sync_api import sync_playwright

PATIENCE_MS = 60_000  # for what takes a moment; nothing ever waits so long if all is well
FLAGS = [
    "--no-sandbox",  # of the browser: root may not have it
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PIXELS_AT = """(image, places) => {
    const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
    const drawing = canvas.getContext("2d");
    drawing.drawImage(image, 0, 0);
    return places.map(([x, y]) => Array.from(drawing.getImageData(x, y, 1, 1).data));
}"""
"""The red, green, blue and alpha of a picture in a page, at places in its own px."""


@contextlib.contextmanager
def chromium(profile, *, width=1200, height=1600):
    """A browser with a new profile in a folder, until the block ends."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("needs the chromium program")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=program,
            args=FLAGS,
            viewport={"width": width, "height": height},
        )
        context.set_default_timeout(PATIENCE_MS)
        yield context
        context.close()
