"""To whom the watcher tells what it does; how that is written is the command line's business."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rembg_plugins.watch.health import LastError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rembg_plugins.watch.news import GateState, PictureNews


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What became of all pictures in a run.

    Attributes:
        published: Outputs that were written.
        failed: Files that failed.
        parked: Pictures in INBOX that a person has to decide on.
        left: Pictures that are still to be done, parked ones aside.
        credits: Spent for certain.
        in_doubt: Calls of which nobody can know, those that were still under way among them.
        stopped: Why the run ended with work left; None where it did not.
        exit_code: What the command ends with.
    """

    published: int = 0
    failed: int = 0
    parked: int = 0
    left: int = 0
    credits: int = 0
    in_doubt: int = 0
    stopped: str | None = None
    exit_code: int = 0


class Report(Protocol):
    """Tells of a run; called from several threads, and never raises."""

    def picture(self, news: PictureNews) -> None:
        """Tell what became of one picture."""

    def gate(self, state: GateState) -> None:
        """Tell that the gate has changed."""

    def note(self, text: str, **facts: object) -> None:
        """Tell something else, a sentence; the facts are for programs."""

    def summary(self, summary: Summary) -> None:
        """Tell what became of all."""


class Remembering:
    """Passes news on, and remembers what went wrong last.

    Args:
        report: To whom.
        now: Gives the UNIX time in s.

    Attributes:
        last_error: What went wrong last; None where nothing did.
    """

    def __init__(self, report: Report, now: Callable[[], float]) -> None:
        """Nothing went wrong yet."""
        self._report = report
        self._now = now
        self.last_error: LastError | None = None

    def picture(self, news: PictureNews) -> None:
        """Tell what became of one picture."""
        if news.status != "published":
            message = news.reason or str(news.error or "") or news.status
            self._remember(message, news.code, news.source)
        self._report.picture(news)

    def gate(self, state: GateState) -> None:
        """Tell that the gate has changed."""
        if state.kind != "open":
            self._remember(state.reason or state.kind, None, None)
        self._report.gate(state)

    def note(self, text: str, **facts: object) -> None:
        """Tell something else."""
        self._report.note(text, **facts)

    def summary(self, summary: Summary) -> None:
        """Tell what became of all."""
        self._report.summary(summary)

    def _remember(self, message: str, code: str | None, source: bytes | None) -> None:
        self.last_error = LastError(time=self._now(), message=message, code=code, source=source)
