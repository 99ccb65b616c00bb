from __future__ import annotations

import logging

import pytest
from api.virtual import Timeline

from rembg_plugins.api.throttle import (
    HOLD_S,
    SETTLE_S,
    Throttle,
    Unlimited,
    UploadMeter,
    heed,
    settle,
)
from rembg_plugins.core import errors
from rembg_plugins.core.errors import ResponseInfo


class Recorded:
    """A throttle, and its slots, that write down what they are told."""

    def __init__(self, failing=()):
        self.told = []
        self._failing = failing

    def _tell(self, name, *what):
        self.told.append((name, *what))
        if name in self._failing:
            raise ValueError(name)

    def begin(self):
        self._tell("begin")
        return self

    def counted(self, within_s=0.0):
        self._tell("counted", within_s)

    def hold(self, seconds):
        self._tell("hold", seconds)

    def delay(self):
        return 7.0


def refusal(cls=errors.RateLimitError, *, status=429, retry_after=None, final=False):
    return cls("no", response=ResponseInfo(status=status, retry_after=retry_after), final=final)


@pytest.mark.parametrize(
    ("retry_after", "held"),
    [(45.0, [45.0]), (0.25, [0.25]), (3600.0, [3600.0]), (3600.1, []), (1e12, []),
     (None, [HOLD_S]), (0.0, [HOLD_S])],
)  # fmt: skip
def test_a_short_term_refusal_holds_as_long_as_it_asks_for(retry_after, held):
    throttle = Recorded()
    heed(throttle, refusal(retry_after=retry_after))
    assert throttle.told == [("hold", seconds) for seconds in held]


@pytest.mark.parametrize(
    "error",
    [
        refusal(errors.DailyQuotaError, retry_after=5.0, final=True),
        refusal(errors.MonthlyQuotaError, final=True),
        refusal(errors.InternalServerError, status=503, retry_after=5.0),
        refusal(errors.BadRequestError, status=400),
        errors.APIConnectionError("lost"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_nothing_else_holds_anybody(error):
    throttle = Recorded()
    heed(throttle, error)
    assert throttle.told == []


@pytest.mark.parametrize("act", [settle, lambda throttle: heed(throttle, refusal())])
def test_a_throttle_that_fails_after_the_request_is_logged_and_hides_nothing(act, caplog):
    with caplog.at_level(logging.ERROR):
        act(Recorded(failing=("counted", "hold")))
    assert "The throttle failed after" in caplog.text
    assert "ValueError" in caplog.text


def test_a_meter_tells_the_slot_once_the_whole_body_has_left():
    slot, events, time = Recorded(), [], Timeline()
    meter = UploadMeter(100, events.append, slot=slot, clock=time.clock)
    meter.advance(0)
    meter.advance(99)
    assert slot.told == []
    meter.advance(100)
    assert slot.told == [("counted", SETTLE_S)]
    assert [event.loaded for event in events] == [99, 100]
    assert {event.direction for event in events} == {"upload"}


def test_without_a_throttle_nobody_waits():
    throttle: Throttle = Unlimited()
    for _ in range(1000):
        throttle.begin().counted()
    throttle.hold(1e9)
    assert throttle.delay() == 0
