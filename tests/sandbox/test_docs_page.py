from __future__ import annotations

import shutil
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import sync_playwright

from rembg_plugins.api.openapi import document
from rembg_plugins.sandbox.keys import GOOD_KEY

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
ALPHA_AT = """(image, places) => {
    const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
    const drawing = canvas.getContext("2d");
    drawing.drawImage(image, 0, 0);
    return places.map(([x, y]) => drawing.getImageData(x, y, 1, 1).data[3]);
}"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A browser with a new profile."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("needs the chromium program")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=program,
            args=FLAGS,
            viewport={"width": 1200, "height": 1600},
        )
        context.set_default_timeout(PATIENCE_MS)
        yield context
        context.close()


@pytest.fixture
def asked():
    """Every URL that the page asks for."""
    return []


@pytest.fixture
def page(browser, sandbox, asked):
    """The reference with the key of a good account entered; it must not fail."""
    failures = []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto(f"{sandbox.url}/api/docs")
    page.locator("button.authorize").first.click()
    dialog = page.locator(".dialog-ux")
    dialog.locator("input").first.fill(GOOD_KEY)
    dialog.locator("button.authorize").first.click()
    dialog.locator("button.btn-done").first.click()
    yield page
    page.close()
    assert failures == []


def opened(page, operation):
    """The part of the page about one operation."""
    part = page.locator(f"[id$=-{operation}]")
    part.locator("button.opblock-summary-control").click()
    return part


def executed(part):
    """Press the button, and give the status that is shown."""
    part.locator("button.execute").click()
    return part.locator(".live-responses-table .response .response-col_status").inner_text().strip()


def is_of(url, sandbox):
    """Whether a URL leads to the sandbox, or to what the page has already."""
    parts = urlsplit(url)
    return parts.scheme in {"blob", "data"} or parts.netloc == urlsplit(sandbox.url).netloc


def test_a_person_gets_a_cut_out_in_the_browser(page, sandbox, encode, tmp_path, asked):
    picture = tmp_path / "cat.png"
    picture.write_bytes(encode((120, 90)))
    removal = opened(page, "removeBackground")
    removal.locator("input[type=file]").set_input_files(picture)
    assert executed(removal) == "200"
    shown = removal.locator(".live-responses-table img")
    shown.wait_for()
    assert shown.evaluate(ALPHA_AT, [[0, 0], [60, 45], [119, 89]]) == [0, 255, 0]
    [call] = sandbox.calls
    assert (call["account"], call["filename"], call["billed"]) == (GOOD_KEY, "cat.png", True)
    assert f"{sandbox.url}/rmbg" in asked
    assert [url for url in asked if not is_of(url, sandbox)] == []


def test_a_person_gets_the_usage_in_the_browser(page, sandbox, asked):
    usage = opened(page, "membershipUsage")
    assert executed(usage) == "200"
    assert '"membership": "Sandbox"' in usage.locator(".live-responses-table").inner_text()
    assert [url for url in asked if not is_of(url, sandbox)] == []


def test_every_operation_is_shown_with_its_summary(page):
    text = page.locator("#reference").inner_text()
    for methods in document()["paths"].values():
        for operation in methods.values():
            assert operation["summary"] in text
