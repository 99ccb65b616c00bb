from __future__ import annotations

import pytest
from watch.rows import NOON, Clock
from watch.station import Ears

from rembg_plugins.core.errors import APITimeoutError
from rembg_plugins.watch.news import GateState, PictureNews
from rembg_plugins.watch.report import Remembering, Summary


@pytest.fixture
def ears():
    return Ears()


@pytest.fixture
def report(ears):
    return Remembering(ears, Clock())


def test_all_news_are_passed_on(ears, report):
    news = PictureNews(source=b"a.jpg", status="published")
    state, summary = GateState(), Summary(published=1)
    report.picture(news)
    report.gate(state)
    report.note("Something.", source=b"a.jpg")
    report.summary(summary)
    assert ears.pictures == [news]
    assert ears.gates == [state]
    assert ears.notes == [("Something.", {"source": b"a.jpg"})]
    assert ears.summaries == [summary]
    assert report.last_error is None


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"reason": "It has no end.", "error": ValueError("x")}, "It has no end."),
        ({"error": APITimeoutError("no answer")}, "no answer"),
        ({}, "parked"),
    ],
)
def test_what_went_wrong_last_is_remembered(report, facts, message):
    report.picture(PictureNews(source=b"a.jpg", status="parked", code="word", **facts))
    error = report.last_error
    assert (error.time, error.message, error.code, error.source) == (
        *(NOON, message),
        *("word", b"a.jpg"),
    )


def test_a_gate_that_is_not_open_is_remembered(report):
    report.gate(GateState(kind="paused", reason="slow down"))
    assert (report.last_error.message, report.last_error.source) == ("slow down", None)
    report.gate(GateState(kind="closed"))
    assert report.last_error.message == "closed"
    report.gate(GateState())
    assert report.last_error.message == "closed"


def test_a_picture_that_went_well_does_not_hide_what_went_wrong(report):
    report.picture(PictureNews(source=b"a.jpg", status="failed", reason="no good"))
    report.picture(PictureNews(source=b"b.jpg", status="published"))
    assert report.last_error.source == b"a.jpg"
