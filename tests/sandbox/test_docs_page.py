from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from chromium import PIXELS_AT, chromium

from rembg_plugins.api.openapi import document
from rembg_plugins.sandbox.keys import GOOD_KEY


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A browser with a new profile."""
    with chromium(tmp_path_factory.mktemp("profile")) as context:
        yield context


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
    pixels = shown.evaluate(PIXELS_AT, [[0, 0], [60, 45], [119, 89]])
    assert [alpha for *_, alpha in pixels] == [0, 255, 0]
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
