"""The demo in a process of its own, and pages of it in a browser; makes the docs' screenshots.

``python tests/demo/visiting.py`` writes ``docs/images/demo-shop.png`` and ``demo-product.png``.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]
PATIENCE_S = 300  # a first start makes a database; nothing waits so long if all is well
_COLORS = 255  # of a screenshot: enough for these, in a third of the bytes
_BAD = 400  # statuses from here on
_IMAGES = ROOT / "docs" / "images"


class Demo:
    """A demo that runs: its URL, with a slash at its end, its login and its process."""

    def __init__(self, process, text):
        """It said all of that when it was ready."""
        self.process = process
        words = text.split()
        self.url = words[words.index("Shop:") + 1]
        self.user, self.password = words[words.index("as") + 1].rstrip(","), words[-1]


@contextlib.contextmanager
def running(folder):
    """The demo with its data in a folder, until the block ends."""
    command = [sys.executable, str(ROOT / "demo" / "manage.py"), "demo", "--port", "0"]
    env = {**os.environ, "DEMO_DATA": str(folder), "PYTHONUNBUFFERED": "1"}
    env.pop("DJANGO_SETTINGS_MODULE", None)  # that of the tests' own site
    log = Path(folder).with_name(f"{Path(folder).name}-log.txt")
    with (
        log.open("a") as errors,
        subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        giving_up = threading.Timer(PATIENCE_S, process.kill)
        giving_up.start()
        try:
            yield Demo(process, _read_greeting(process, log))
        finally:
            giving_up.cancel()
            process.terminate()


def _read_greeting(process, log):
    text = ""
    while "Admin:" not in text:
        line = process.stdout.readline()
        assert line, f"The demo ended:\n{text}\n{log.read_text()}"
        text += line
    return text


@contextlib.contextmanager
def visit(browser, url):
    """A page with all of its pictures; nothing of it may fail, or come from elsewhere."""
    wrong = []
    page = browser.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("requestfailed", lambda request: wrong.append(request.url))
    page.on("response", lambda got: wrong.append(got.url) if got.status >= _BAD else None)
    home = "/".join(url.split("/")[:3])
    page.on("request", lambda sent: wrong.append(sent.url) if home not in sent.url else None)
    page.goto(url, wait_until="load")
    yield page
    page.close()
    assert not wrong, wrong


def main():
    """Make the screenshots."""
    from chromium import chromium

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            running(folder / "data") as demo,
            chromium(folder / "profile", width=1080, height=700) as browser,
        ):
            browser.set_default_timeout(1000 * PATIENCE_S)
            for path, file in (("", "demo-shop.png"), ("espresso-doppio/", "demo-product.png")):
                with visit(browser, demo.url + path) as page:
                    shot = Image.open(io.BytesIO(page.screenshot(full_page=True)))
                smaller = shot.convert("RGB").resize((900, round(shot.height * 900 / shot.width)))
                few = smaller.quantize(_COLORS, kmeans=1)
                smaller.quantize(palette=few).save(_IMAGES / file, optimize=True)


if __name__ == "__main__":
    sys.path.append(str(ROOT / "tests"))
    main()
