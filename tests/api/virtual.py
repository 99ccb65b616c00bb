"""Time that passes only where somebody sleeps, for one thread or for many."""

from __future__ import annotations

import heapq
import itertools
import threading

PATIENCE_S = 60  # of real time, for threads that never come


class Timeline:
    """One thread's time; what was planned for a moment happens while the thread sleeps."""

    def __init__(self):
        self.now = 1000.0
        self.slept = []
        self._plans = []
        self._order = itertools.count()

    def clock(self):
        return self.now

    def plan(self, delay, event):
        heapq.heappush(self._plans, (self.now + delay, next(self._order), event))

    def sleep(self, seconds):
        assert seconds > 0
        self.slept.append(seconds)
        end = self.now + seconds
        while self._plans and self._plans[0][0] <= end:
            self.now, _, event = heapq.heappop(self._plans)
            event()
        self.now = end


class SharedTime:
    """Many threads' time: it goes on to the next awakening when all of them sleep."""

    def __init__(self, threads):
        self.now = 1000.0
        self._awake = threads
        self._asleep = []
        self._order = itertools.count()
        self._changed = threading.Condition()

    def clock(self):
        return self.now

    def sleep(self, seconds):
        with self._changed:
            end = self.now + seconds
            mine = (end, next(self._order))
            heapq.heappush(self._asleep, mine)
            self._fall_asleep()
            assert self._changed.wait_for(lambda: mine not in self._asleep, PATIENCE_S)

    def leave(self):
        """Be told that a thread has ended."""
        with self._changed:
            self._fall_asleep()

    def _fall_asleep(self):
        self._awake -= 1
        if self._awake or not self._asleep:
            return
        self.now = max(self.now, self._asleep[0][0])
        while self._asleep and self._asleep[0][0] <= self.now:
            heapq.heappop(self._asleep)
            self._awake += 1
        self._changed.notify_all()


def most_in_a_window(arrivals, seconds):
    """The most requests that a server counts in any stretch of so many s, both ends included."""
    arrivals = sorted(arrivals)
    return max(
        sum(first <= other <= first + seconds for other in arrivals[at:])
        for at, first in enumerate(arrivals)
    )
