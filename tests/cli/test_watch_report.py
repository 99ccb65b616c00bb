from __future__ import annotations

import io
import json
import os
import re
import sys
import threading
from dataclasses import fields

import pytest

from rembg_plugins.cli import watch_report
from rembg_plugins.cli.watch_report import HumanReport, JsonReport, Lines
from rembg_plugins.core.errors import FieldError, InternalServerError, ValidationError
from rembg_plugins.watch.news import GateState, PictureNews
from rembg_plugins.watch.report import Summary

NOW = 1_900_000_000.0
PUBLISHED = PictureNews(
    source=b"a/cat.jpg",
    output=b"a/cat.png",
    status="published",
    sha256=b"\1" * 32,
    credits=1,
    size_px=(800, 600),
    format="PNG",
    coverage=0.25,
    elapsed_s=3.5,
)
REFUSED = ValidationError(
    errors=[FieldError(field="image", message="Too\x1b wide.", code="too_wide")]
)


@pytest.fixture
def human(capsys):
    """What a report writes for people: its lines to stdout, and to stderr."""

    def tell(call):
        call(HumanReport())
        out, err = capsys.readouterr()
        return out.splitlines(), err.splitlines()

    return tell


@pytest.fixture
def objects(capsys):
    """The objects that a report writes for programs."""

    def tell(*calls):
        report = JsonReport(now=lambda: NOW)
        for call in calls:
            call(report)
        out, err = capsys.readouterr()
        assert err == ""
        return [json.loads(line) for line in out.splitlines()]

    return tell


def test_a_picture_is_one_line(human):
    out, err = human(lambda report: report.picture(PUBLISHED))
    assert (out, err) == (["a/cat.jpg -> a/cat.png (800 × 600 px)"], [])


def test_a_twin_names_whose_cut_out_it_shares(human):
    news = PictureNews(source=b"b.jpg", output=b"b.png", status="published", same_as=b"\xff.jpg")
    out, _ = human(lambda report: report.picture(news))
    assert out == [r"b.jpg -> b.png, the same picture as \xff.jpg"]


def test_names_cannot_write_over_the_terminal(human):
    news = PictureNews(source=b"\x1b[2J\n\xff.jpg", status="failed", reason="\x1b[2J", code="x")
    out, err = human(lambda report: report.picture(news))
    assert out == []
    assert err == [r"\x1b[2J\n\xff.jpg: failed: \x1b[2J"]


def test_what_is_wrong_is_told_with_its_note(human):
    news = PictureNews(source=b"c.jpg", status="failed", error=REFUSED, note="/f/c.jpg.error.json")
    out, err = human(lambda report: report.picture(news))
    assert out == []
    assert err == [r"c.jpg: failed: Too\x1b wide.", "  /f/c.jpg.error.json says more."]


def test_a_parked_picture_says_who_decides(human):
    news = PictureNews(source=b"c.jpg", status="parked", reason="Nobody knows.")
    _, err = human(lambda report: report.picture(news))
    assert err[0] == "c.jpg: parked: Nobody knows."
    assert "ledger resolve" in err[1]


def test_a_picture_that_is_tried_again_is_no_failure(human):
    news = PictureNews(source=b"c.jpg", status="again", error=InternalServerError("500."))
    _, err = human(lambda report: report.picture(news))
    assert err == ["c.jpg: will be tried again: 500."]


def test_warnings_are_told_beside_the_line(human):
    news = PictureNews(source=b"c", output=b"c.png", status="published", warnings=("It is empty.",))
    out, err = human(lambda report: report.picture(news))
    assert out == ["c -> c.png"]
    assert err == ["c: warning: It is empty."]


def test_a_gate_says_why_until_when_and_what_to_do(human):
    paused = GateState(kind="paused", reason="Too many.", remedy="Wait.", until=NOW)
    _, err = human(lambda report: report.gate(paused))
    assert re.fullmatch(r"Sending is paused until 2030-03-1\d .+: Too many\.", err[0])
    assert err[1] == "  Wait."
    _, err = human(lambda report: report.gate(GateState(kind="closed", reason="No key.")))
    assert err == ["Sending is stopped: No key."]
    out, err = human(lambda report: report.gate(GateState(width=4)))
    assert (out, err) == (["Pictures are sent, 4 calls at once."], [])


def test_a_note_names_its_picture(human):
    _, err = human(lambda report: report.note("It grows.", source=b"c\n", seconds=3))
    assert err == [r"c\n: It grows."]


def test_the_summary_counts_what_there_is(human):
    out, _ = human(lambda report: report.summary(Summary(published=2)))
    assert out == ["2 published, 0 failed; no credits spent"]
    summary = Summary(
        published=2, failed=1, parked=3, left=4, credits=1, in_doubt=2, stopped="No key."
    )
    out, err = human(lambda report: report.summary(summary))
    assert out == ["2 published, 1 failed, 3 parked, 4 left; 1 credit spent, 2 in doubt"]
    assert err == ["Stopped: No key."]


def documented(kind):
    """The fields of an object, as the module's text names them."""
    text = watch_report.__doc__.split(f'"type": "{kind}"', 1)[1].split('- ``{"type"', 1)[0]
    return set(re.findall(r"``(\w+)``", text))


def test_the_objects_have_the_documented_fields_and_no_others(objects):
    failed = PictureNews(source=b"\xff", status="failed", error=REFUSED, note="n", code="too_wide")
    picture, wrong, gate, note, summary = objects(
        lambda report: report.picture(PUBLISHED),
        lambda report: report.picture(failed),
        lambda report: report.gate(GateState()),
        lambda report: report.note("Hm.", source=b"\xff", path=os.curdir),
        lambda report: report.summary(Summary()),
    )
    every = {"type", "time"}
    values = {"published", "failed", "parked", "again", "open", "paused", "closed"}
    assert picture.keys() == wrong.keys()
    members = {"class", "message", "errors", "exit_code"}
    assert documented("picture") - values - members == picture.keys() - every
    assert wrong["error"].keys() == members
    assert documented("gate") - values == gate.keys() - every
    assert documented("note") == note.keys() - every
    assert documented("summary") == summary.keys() - every == {one.name for one in fields(Summary)}
    assert {one["time"] for one in (picture, gate, note, summary)} == {NOW}
    assert wrong["source"] == "\udcff"
    assert wrong["reason"] == r"Too\x1b wide."
    assert note["facts"] == {"source": "\udcff", "path": "."}
    assert picture["sha256"] == "01" * 32
    assert (picture["width"], picture["height"]) == (800, 600)


class Slow(io.StringIO):
    """A stream that takes a text character by character."""

    def write(self, text):
        super().write(text[:0])  # refuses bytes, as any stream of text
        for character in text:
            super().write(character)
        return len(text)


def test_lines_of_many_threads_do_not_mix(monkeypatch):
    stream, report, barrier = Slow(), JsonReport(), threading.Barrier(4)
    monkeypatch.setattr(sys, "stdout", stream)

    def tell():
        barrier.wait()
        for _ in range(50):
            report.picture(PUBLISHED)

    threads = [threading.Thread(target=tell) for _ in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 200
    assert {json.loads(line)["status"] for line in lines} == {"published"}


def test_a_broken_stream_raises_nothing_and_the_other_goes_on(monkeypatch, capsys):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as broken:
        monkeypatch.setattr(sys, "stdout", broken)
        lines = Lines()
        for _ in range(3):
            lines.write("x" * 100_000)
        lines.write("heard", err=True)
        monkeypatch.undo()
        assert capsys.readouterr().err == "heard\n"
        os.dup2(os.open(os.devnull, os.O_WRONLY), broken.fileno())
