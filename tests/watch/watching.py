"""A watcher beside a test: on clocks that can be put forward, led by a scripted engine."""

from __future__ import annotations

import time

from watch.station import PATIENCE_S, until

from rembg_plugins.core.errors import APITimeoutError, ResponseInfo, ValidationError
from rembg_plugins.watch.watcher import Watcher

REFUSED = ValidationError("It is no good.", sent="nothing", billed=False)
NO_ANSWER = APITimeoutError("no answer", sent="all", billed=None)


def answered(cls, status, **facts):
    """An error that the API has answered with, which cost nothing."""
    response = ResponseInfo(status=status, **facts)
    return cls("It did not work.", response=response, sent="all", billed=False)


class Ahead:
    """A clock that can be put forward."""

    def __init__(self, clock):
        """It shows the same so far."""
        self.clock, self.ahead_s = clock, 0.0

    def __call__(self):
        """The time in s."""
        return self.clock() + self.ahead_s


class Watchers:
    """Makes watchers of a station's folders, one after the other on the same clocks."""

    def __init__(self, station):
        """None was made yet."""
        self._station = station
        self._now, self._clock = Ahead(time.time), Ahead(time.monotonic)

    def __call__(self, *, once=True, confirm=None, **arguments):
        """Make one, with settings."""
        parts = self._station.unopened(**arguments)
        parts.now, parts.clock = self._now, self._clock
        return Watcher(parts=parts, once=once, confirm=confirm, clock=self._clock)

    def put_forward(self, seconds):
        """Let so many s pass."""
        self._now.ahead_s += seconds
        self._clock.ahead_s += seconds

    def let_time_pass_at(self, kind, word, seconds):
        """Let so many s pass at each news of a kind that have a word."""
        tell = getattr(self._station.ears, kind)

        def hear(news):
            tell(news)
            if word in repr(news):
                self.put_forward(seconds)

        setattr(self._station.ears, kind, hear)

    def end_of_patience(self, watcher, run_beside):
        """Let a run be held up, and wait in vain; gives its summary."""
        future = run_beside(watcher)
        until(lambda: watcher._held_up_since is not None or future.done())
        self.put_forward(301)
        return future.result(PATIENCE_S)
