"""How far a run of the watcher is, below its lines."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from rembg_plugins.cli.wording import count

if TYPE_CHECKING:
    from collections.abc import Callable

    from rembg_plugins.cli.watch_report import Lines
    from rembg_plugins.watch.news import GateState, PictureNews
    from rembg_plugins.watch.report import Report, Summary

_ENDS = ("published", "failed")
_COUNTED_S = 1.0  # between two counts of what is left


class ProgressReport:
    """A report that shows, below its lines, how many of all known pictures are published.

    Args:
        report: What writes the lines.
        lines: Where it writes them.
        left: Gives how many names still wait; asked once a second at most.
        clock: Gives the time in s.
    """

    def __init__(
        self,
        report: Report,
        lines: Lines,
        *,
        left: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is published yet."""
        self._report = report
        self._lines = lines
        self._left = left
        self._clock = clock
        self._lock = threading.Lock()
        self._done = self._known = 0
        self._due = clock()

    def picture(self, news: PictureNews) -> None:
        """Tell what became of one picture, and how far the run is."""
        self._report.picture(news)
        with self._lock:
            self._done += news.status in _ENDS
            if self._clock() >= self._due:
                self._known = self._done + self._left()
                self._due = self._clock() + _COUNTED_S
            self._known = max(self._known, self._done)
            if self._known:
                text = f"{self._done} of {count(self._known, 'picture')}"
                self._lines.show(self._done / self._known, text)

    def gate(self, state: GateState) -> None:
        """Tell that the gate has changed."""
        self._report.gate(state)

    def note(self, text: str, **facts: object) -> None:
        """Tell something else."""
        self._report.note(text, **facts)

    def summary(self, summary: Summary) -> None:
        """Tell what became of all."""
        self._lines.close()
        self._report.summary(summary)
