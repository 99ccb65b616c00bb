from __future__ import annotations

from rembg_plugins.cli import watch_report
from rembg_plugins.cli.watch_progress import ProgressReport
from rembg_plugins.cli.watch_report import HumanReport, Lines
from rembg_plugins.watch.news import GateState, PictureNews
from rembg_plugins.watch.report import Summary

PUBLISHED = PictureNews(source=b"a/cat.jpg", output=b"a/cat.png", status="published")


class Screen:
    """A terminal's lines with a bar below them: each thing that was drawn, in order."""

    def __init__(self):
        self.seen = []

    def draw(self, share, text):
        self.seen.append((share, text))

    def clear(self):
        self.seen.append("clear")


def test_a_bar_shows_what_is_published_of_all_that_is_known():
    bar, clock, left = Screen(), [0.0], [3]
    lines = Lines(bar)
    report = ProgressReport(HumanReport(lines), lines, left=lambda: left[0], clock=lambda: clock[0])
    parked = PictureNews(source=b"c.jpg", status="parked", reason="Nobody knows.")
    failed = PictureNews(source=b"c.jpg", status="failed", reason="No.")
    report.picture(PUBLISHED)
    left[0] = 5  # not asked for again so soon
    report.picture(failed)
    report.picture(parked)
    assert [one for one in bar.seen if one != "clear"][-1] == (0.5, "2 of 4 pictures")
    clock[0] = 1.0
    report.picture(PUBLISHED)
    assert bar.seen[-1] == (3 / 8, "3 of 8 pictures")


def test_each_line_takes_the_bar_s_place_and_the_last_takes_it_for_good(capsys, monkeypatch):
    bar = Screen()
    lines = Lines(bar)
    report = ProgressReport(HumanReport(lines), lines, left=lambda: 1)
    monkeypatch.setattr(
        watch_report.click, "echo", lambda text, *, err: bar.seen.append(f"{text}|{err}")
    )
    report.picture(PUBLISHED)
    bar.seen.clear()
    report.note("Hm.")
    report.gate(GateState(width=4))
    report.summary(Summary())
    report.note("Late.")
    shown = (0.5, "1 of 2 pictures")
    assert bar.seen == [
        *("clear", "Hm.|True", shown),
        *("clear", "Pictures are sent, 4 calls at once.|False", shown),
        *("clear", "0 published, 0 failed; no credits spent|False", "Late.|True"),
    ]


def test_a_bar_whose_terminal_has_gone_is_given_up(capsys):
    class Gone(Screen):
        def draw(self, share, text):
            raise OSError(5, "Input/output error")

    lines = Lines(Gone())
    lines.show(0.5, "1 of 2")
    lines.write("on", err=True)
    assert capsys.readouterr().err == "on\n"
