"""Storms of 429s and outages: workers, a gate and an API on one clock that nobody waits for."""

from __future__ import annotations

import heapq
import math
import random
from collections import deque

import pytest

from rembg_plugins.core import errors
from rembg_plugins.core.errors import ResponseInfo
from rembg_plugins.watch.gate import Gate

NOON = 1_774_958_400.0  # 2026-03-31T12:00Z
HOUR = 3600.0


class Storm:
    """So many pictures, sent by workers; what failed is sent again, as the ledger does it.

    Args:
        answer: Gives the error that a call gets that begins at a time (s), or None.
    """

    def __init__(self, answer, *, pictures=1000, jobs=16, latency=4.0, seed=1):
        self.time = 0.0
        self.answer = answer
        self.waiting = deque(range(pictures))
        self.latency = latency
        self.random = random.Random(seed)
        self.worker = 0
        self.begun = []  # the time of each call
        self.ended = []  # the time of each, and how it ended
        self.states = []
        self.gate = Gate(
            jobs,
            {},
            on_change=self.states.append,
            clock=lambda: self.time,
            now=lambda: NOON + self.time,
            jitter=lambda: 0.5,
            who=lambda: self.worker,
        )
        self.agenda = [(0.0, worker, None) for worker in range(jobs)]

    def run(self, until=40 * HOUR):
        while self.agenda and self.agenda[0][0] <= until:
            self.time, self.worker, call = heapq.heappop(self.agenda)
            if call is not None:
                self.end(*call)
            self.begin()
        return self

    def begin(self):
        if not self.waiting:
            return
        wait = self.gate.wait_s()
        if wait == 0:
            assert self.gate.begin()
            self.begun.append(self.time)
            error = self.answer(self.time)
            quick = 0.1 + 0.2 * self.random.random()
            took = quick if error is not None else self.latency * (0.8 + 0.4 * self.random.random())
            call = (self.waiting.popleft(), error)
            heapq.heappush(self.agenda, (self.time + took, self.worker, call))
        elif wait is not None:
            heapq.heappush(self.agenda, (self.time + wait, self.worker, None))

    def end(self, picture, error):
        self.gate.end(error)
        self.ended.append((self.time, error))
        if error is not None:
            self.waiting.append(picture)

    @property
    def refusals(self):
        return sum(error is not None for _, error in self.ended)

    @property
    def done(self):
        return sum(error is None for _, error in self.ended)

    def begun_between(self, start, end):
        return sum(start <= time < end for time in self.begun)


def short(asked):
    return errors.RateLimitError("429", response=ResponseInfo(status=429, retry_after=asked))


def daily():
    return errors.DailyQuotaError("daily", response=ResponseInfo(status=429), final=True)


def test_without_trouble_the_gate_costs_nothing():
    storm = Storm(lambda _time: None, latency=2.0).run()
    assert (storm.done, storm.refusals, storm.states) == (1000, 0, [])
    assert storm.time <= 1000 / 16 * 2.0 / 0.95


@pytest.mark.parametrize("seed", range(5))
def test_a_storm_with_retry_after_is_held_and_the_width_comes_back(seed):
    storm = Storm(lambda time: short(60.0) if 20 <= time < 200 else None, seed=seed).run()
    assert storm.done == 1000
    assert storm.refusals <= 16 + 8 + 4 + 2, "those under way, and ever fewer after each minute"
    assert storm.begun_between(26, 80) == 0
    assert storm.gate.state.width == 16


def test_a_storm_that_does_not_say_how_long_is_tried_ever_more_rarely():
    storm = Storm(lambda time: short(None) if time < 1800 else None).run()
    assert storm.done == 1000
    assert storm.refusals <= 16 + 8 + 4 + 2 + 1 + 1 + 1800 / 60
    assert storm.begun_between(300, 1800) <= 1500 / 60 + 1


def test_an_api_that_bears_less_than_all_jobs_is_never_drummed_upon():
    """It takes 40 calls in 10 s, and tells the others when there is room again."""
    counted = deque()

    def answer(time):
        while counted and counted[0] <= time - 10:
            counted.popleft()
        if len(counted) >= 40:
            return short(math.ceil(counted[0] + 10 - time))
        counted.append(time)
        return None

    storm = Storm(answer, jobs=16, latency=1.0).run()
    assert storm.done == 1000
    assert storm.refusals <= 0.25 * storm.done
    assert storm.time <= 1.5 * 1000 / 4, "and loses no more than a third of what it bears"


def test_a_daily_limit_costs_one_call_when_it_may_have_passed():
    storm = Storm(lambda time: daily() if time < 36.25 * HOUR else None, pictures=100).run()
    assert storm.done == 100
    midnight = 12 * HOUR
    assert storm.begun_between(0, 60) == 16
    assert storm.begun_between(60, midnight) == 0
    assert storm.begun_between(midnight, midnight + 2.5 * HOUR) == 3
    assert storm.begun_between(midnight + 2.5 * HOUR, midnight + 24 * HOUR) == 0
    assert storm.begun_between(midnight + 24 * HOUR, 36.25 * HOUR) == 1


@pytest.mark.parametrize(
    ("error", "most"),
    [
        (errors.InternalServerError("503", response=ResponseInfo(status=503)), 16 + 6 + 60),
        (errors.APITimeoutError("time-out", sent="all", billed=None), 16 + 8),
    ],
    ids=["free", "in doubt"],
)
def test_an_outage_of_an_hour_costs_few_calls_and_is_over_by_itself(error, most):
    storm = Storm(lambda time: error if 60 <= time < 60 + HOUR else None).run()
    assert storm.done == 1000
    assert storm.refusals <= most
    assert storm.begun_between(120, HOUR) <= most - 16
    assert storm.gate.state.width == 16
    assert [state.kind for state in storm.states][-1] == "open"


def test_a_refused_key_ends_everything_with_the_calls_under_way():
    denied = errors.AuthenticationError("401", response=ResponseInfo(status=401))
    storm = Storm(lambda time: denied if time >= 60 else None).run()
    assert storm.refusals <= 16
    assert storm.begun_between(60 + 5, 1e9) == 0
    assert storm.gate.state.kind == "closed"
