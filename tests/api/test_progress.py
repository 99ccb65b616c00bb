from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from rembg_plugins.api.progress import Meter

CONTRACT = json.loads((Path(__file__).parents[1] / "contract" / "progress.json").read_text())


@pytest.mark.parametrize("direction", ["upload", "download"])
def test_events_are_those_of_the_vendors_client(direction):
    expected = [event for event in CONTRACT if event.get(direction)]
    events = []
    meter = Meter(direction, expected[0]["total"], events.append, clock=lambda: 0.0)
    for event in expected:
        meter.advance(event["loaded"])
    meter.finish(expected[-1]["loaded"])
    for event, wanted in zip(events, expected, strict=True):
        found = dataclasses.asdict(event)
        assert found.pop("direction") == direction
        assert found == {name: value for name, value in wanted.items() if name != direction}


def test_rate_and_rest_are_told_as_soon_as_time_has_passed():
    events, times = [], iter([100.0, 100.0, 102.0, 104.0])
    meter = Meter("upload", 1000, events.append, clock=lambda: next(times))
    for loaded in (100, 500, 1000):
        meter.advance(loaded)
    assert [(event.rate, event.estimated) for event in events] == [
        (None, None), (250.0, 2.0), (250.0, 0.0),
    ]  # fmt: skip


def test_what_is_no_news_is_not_told():
    events = []
    meter = Meter("upload", 10, events.append)
    for loaded in (0, 4, 4, 10, 10):
        meter.advance(loaded)
    meter.finish(10)
    assert [event.bytes for event in events] == [4, 6]


def test_an_unknown_total_is_known_at_the_end():
    events = []
    meter = Meter("download", None, events.append)
    meter.advance(7)
    meter.finish(7)
    assert [(event.total, event.progress, event.bytes) for event in events] == [
        (None, None, 7), (7, 1.0, 0),
    ]  # fmt: skip


def test_nothing_at_all_is_done_at_once():
    events = []
    Meter("download", 0, events.append).finish(0)
    assert [(event.loaded, event.total, event.progress) for event in events] == [(0, 0, 1.0)]


def test_more_than_announced_is_not_more_than_all():
    events = []
    Meter("download", 5, events.append).advance(9)
    assert events[0].progress == 1.0
