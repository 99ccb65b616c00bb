"""A clock that tests hand to what waits."""

from __future__ import annotations

import pytest


class Clock:
    """A time that only waiting moves."""

    def __init__(self):
        self.now, self.slept = 100.0, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()
