from __future__ import annotations

import importlib.util
import io
import re
import sys

import pytest

from rembg_plugins.cli import progress
from rembg_plugins.cli.progress import PlainBar, Progress, RichBar, open_bar


class Screen(io.StringIO):
    """A terminal that only understands a carriage return, and shows what is on it."""

    def isatty(self):
        return True

    @property
    def shown(self):
        line = []
        for piece in self.getvalue().split("\r"):
            line[: len(piece)] = piece
        return "".join(line).rstrip()


@pytest.fixture
def turn_on(monkeypatch):
    """Put a terminal in standard error's place; in the test, since pytest resets it before."""

    def replace():
        made = Screen()
        monkeypatch.setattr(sys, "stderr", made)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "60")
        return made

    return replace


def test_our_own_bar_grows_and_leaves_nothing_behind(turn_on):
    screen = turn_on()
    with Progress(4, PlainBar()) as run:
        run.draw()
        assert screen.shown == "[........................]   0%  0 of 4 pictures"
        run.advance()
        run.draw(0.5)
        assert screen.shown == "[#########...............]  38%  1 of 4 pictures"
        run.clear()
        assert screen.shown == ""
        run.draw()
    assert screen.shown == ""
    assert "\n" not in screen.getvalue()


def test_our_own_bar_never_wraps(turn_on, monkeypatch):
    screen = turn_on()
    monkeypatch.setenv("COLUMNS", "30")
    Progress(4, PlainBar()).draw()
    assert len(screen.shown) <= 29


def test_the_bar_never_passes_its_end(turn_on):
    screen = turn_on()
    run = Progress(1, PlainBar())
    run.advance()
    run.draw(1.0)
    assert "100%  1 of 1 picture" in screen.shown


def test_the_bar_of_rich_shows_the_same(turn_on):
    screen = turn_on()
    pytest.importorskip("rich")
    with Progress(2, RichBar()) as run:
        run.advance()
        run.draw()
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
        assert "1 of 2 pictures" in text
        assert "50%" in text
    assert screen.getvalue().endswith(("\x1b[?25h", "\x1b[2K", "\r"))


def test_without_rich_the_bar_is_our_own(turn_on, monkeypatch):
    turn_on()
    real = importlib.util.find_spec
    monkeypatch.setattr(progress, "find_spec", lambda name: None if name == "rich" else real(name))
    assert isinstance(open_bar(), PlainBar)


def test_there_is_no_bar_without_a_terminal_that_can_show_it(turn_on, monkeypatch):
    turn_on()
    assert open_bar() is not None
    monkeypatch.setenv("TERM", "dumb")
    assert open_bar() is None
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert open_bar() is None


def test_without_a_bar_nothing_is_drawn(turn_on):
    screen = turn_on()
    with Progress(2, None) as run:
        run.advance()
        run.draw()
        assert not run.is_shown
    assert screen.getvalue() == ""
