from __future__ import annotations

import sqlite3

import psutil
import pytest
from chromium import PIXELS_AT, chromium
from demo.visiting import running, visit

CORNERS = [[0, 0], [399, 0], [0, 399], [399, 399]]
MIDDLE = [200, 200]
YELLOW = [255, 203, 71, 255]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(folder):
    """A demo that was started for the first time."""
    with running(folder / "data") as demo:
        yield demo


@pytest.fixture(scope="module")
def browser(folder):
    with chromium(folder / "profile") as browser:
        browser.set_default_timeout(300_000)  # the first view cuts out, maybe on a busy machine
        yield browser


def alphas(picture, places):
    return [alpha for *_, alpha in picture.evaluate(PIXELS_AT, places)]


def test_transparency_is_where_the_background_was(demo, browser):
    with visit(browser, demo.url) as page:
        coffee, cat, rocket = page.locator("img.cutout").all()
        assert alphas(coffee, CORNERS) == [0, 0, 0, 0]
        assert alphas(coffee, [MIDDLE])[0] > 230
        background, face = alphas(cat, [[300, 150], [150, 150]])
        assert background == 0
        assert face > 230
        assert alphas(rocket, CORNERS[:2]) == [0, 0]
        assert alphas(rocket, [MIDDLE])[0] > 200
        for original in page.locator("img:not(.cutout)").all():
            assert alphas(original, [[0, 0], [150, 150]]) == [255, 255]


def test_a_product_is_shown_in_every_way(demo, browser):
    with visit(browser, f"{demo.url}espresso-doppio/") as page:
        photo, cutout, colored, mask, chosen = page.locator("figure img").all()
        places = [[0, 0], [200, 133]]
        assert alphas(photo, places) == [255, 255]
        assert alphas(cutout, places)[0] == 0
        corner, middle = colored.evaluate(PIXELS_AT, places)
        assert corner == YELLOW
        assert middle != YELLOW
        corner, middle = mask.evaluate(PIXELS_AT, places)
        assert corner == [0, 0, 0, 255]
        assert min(middle) > 230
        assert chosen.evaluate("image => image.currentSrc").endswith(".width-400.avif")
        assert alphas(chosen, places)[0] == 0


def test_somebody_may_log_in_on_this_machine(demo, browser):
    with visit(browser, f"{demo.url}admin/login/") as page:
        page.locator("[name=username]").fill(demo.user)
        page.locator("[name=password]").fill(demo.password)
        page.locator("[type=submit]").click()
        page.wait_for_url(f"{demo.url}admin/")
    listening = psutil.Process(demo.process.pid).net_connections("tcp")
    assert {one.laddr.ip for one in listening} == {"127.0.0.1"}


def test_a_second_start_keeps_everything(demo, browser, folder):
    with visit(browser, demo.url):
        pass
    data = folder / "data"
    with sqlite3.connect(data / "shop.sqlite3") as database:
        database.execute("UPDATE wagtailcore_page SET title = 'Ristretto' WHERE slug LIKE 'esp%'")
    database.close()
    kept = {path: path.stat().st_mtime_ns for path in data.rglob("*.*") if path.parent != data}
    assert len(list(data.glob("cutouts/**/*.zip"))) == 3
    with running(data) as again, visit(browser, again.url) as page:
        assert again.password == demo.password
        assert page.locator("h2").all_inner_texts()[0] == "Ristretto"
        assert len(page.locator("h2").all()) == 3
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
