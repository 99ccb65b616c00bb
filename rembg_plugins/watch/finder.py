"""The thread that finds the pictures of INBOX: when to look, and at what."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rembg_plugins.watch.health import Scan
from rembg_plugins.watch.hints import Hints
from rembg_plugins.watch.intake import Intake
from rembg_plugins.watch.scan import AT_ONCE, Scanner
from rembg_plugins.watch.settle import Settling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rembg_plugins.watch.filesystem import Filesystem
    from rembg_plugins.watch.intake import Sink
    from rembg_plugins.watch.records import Place
    from rembg_plugins.watch.scan import Candidates
    from rembg_plugins.watch.selection import Selection

HINTED_S = 30.0
"""How long between two scans where the system tells of changes, in s."""

POLLED_S = 2.0
"""The same where it does not."""

HINTED_SHARE = 200
"""How many times what a scan costs until the next, at least, where the system tells of
changes: 0.5 % of a core."""

POLLED_SHARE = 25
"""The same where it does not: 4 % of a core."""

ONCE_PATIENCE_S = 90.0
"""For how long a run that ends waits for files that somebody is writing, in s."""

_AT_A_STRETCH_S = 0.05  # for which a scan goes on before others have their turn
_SILENT_S = 5.0  # for which a run that ends waits for files without a word
_AWAY_S = 2.0  # until INBOX is looked for again


@dataclass(slots=True, kw_only=True)
class Finder:
    """Looks for pictures until it is told to stop.

    Attributes:
        inbox: The real path of INBOX.
        selection: What of it is meant.
        paths: The names of the ledger.
        filesystem: What INBOX lies on.
        tell: Told in one sentence, with the path below INBOX, of what a person should know.
        poll_s: How long between two scans, in s; None asks the system for news of changes.
        settle_s: See :class:`~rembg_plugins.watch.settle.Settling`.
        transcode: Whether kinds of pictures that the API does not take are re-encoded later.
        hold: See :func:`~rembg_plugins.watch.reading.take`.
        clock: Gives the time in s.
        now: Gives the UNIX time in s.
        work: Gives the time in s for which the calling thread has kept a core busy.
        has_settled: Whether everything that lay in INBOX at the start was decided on, but for
            what is being written or has no end yet; what lands later does not count.
        given_up: How many files a run that ends could not decide on.
    """

    inbox: Path
    selection: Selection
    paths: Sink
    filesystem: Filesystem
    tell: Callable[[str, bytes], None]
    poll_s: float | None = None
    settle_s: float | None = None
    transcode: bool = False
    hold: Callable[[bytes, bytes], None] | None = None
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    work: Callable[[], float] = time.thread_time
    has_settled: bool = field(default=False, init=False)
    given_up: int = field(default=0, init=False)
    _last_scan: Scan | None = field(default=None, init=False)
    _scanner: Scanner = field(init=False, repr=False)
    _settling: Settling = field(init=False, repr=False)
    _intake: Intake = field(init=False, repr=False)
    _hints: Hints = field(init=False, repr=False)
    _scan: Iterator[Candidates] | None = field(default=None, init=False, repr=False)
    _scan_s: float = field(default=0.0, init=False)
    _work_s: float = field(default=0.0, init=False)
    _scan_due: float = field(default=0.0, init=False)
    _is_overdue: bool = field(default=False, init=False)
    _first_seen: float | None = field(default=None, init=False)
    _at_start: frozenset[Place] | None = field(default=None, init=False, repr=False)
    _told_waiting: bool = field(default=False, init=False)
    _is_stopped: bool = field(default=False, init=False)
    _wanted: threading.Event = field(default_factory=threading.Event, init=False, repr=False)

    def __post_init__(self) -> None:
        inbox, is_network = os.fspath(self.inbox), self.filesystem.is_network
        self._scanner = Scanner(
            inbox,
            selection=self.selection,
            rows=self.paths,
            with_inode=not is_network,
            tell=self.tell,
        )
        self._settling = Settling(inbox, is_network=is_network, settle_s=self.settle_s)
        self._intake = Intake(
            inbox,
            settling=self._settling,
            paths=self.paths,
            transcode=self.transcode,
            tell=self.tell,
            clock=self.clock,
            hold=self.hold,
        )
        self._hints = Hints(
            inbox, clock=self.clock, wake=self._wanted.set, tell=self.tell, off=self._why_no_hints()
        )
        self._scan_due = self.clock()

    def run(self, *, once: bool = False) -> None:
        """Find until :meth:`stop`; with ``once`` until all that lies in INBOX is decided on."""
        if once:
            self._hints.turn_off("the run ends by itself")
        try:
            while not self._is_stopped:
                self.step()
                if once and self._is_through():
                    return
                self._wanted.wait(max(0.0, self.next_due - self.clock()))
                self._wanted.clear()
        finally:
            self._hints.stop()

    def stop(self) -> None:
        """Let :meth:`run` return; may be called by any thread."""
        self._is_stopped = True
        self._wanted.set()

    def wake(self) -> None:
        """Look at all of INBOX now; may be called by any thread."""
        self._is_overdue = True
        self._wanted.set()

    @property
    def last_scan(self) -> Scan | None:
        """The last look at all of INBOX, and whether the system tells of changes since."""
        scan = self._last_scan
        if scan is None:
            return None
        is_on = self._hints.is_on  # asked once: the listener is a thread of its own
        why = None if is_on else self._hints.why
        return replace(scan, every_s=self.every_s, hints=is_on, why=why)

    @property
    def every_s(self) -> float:
        """How long between two scans, by what the last one cost; in s."""
        # A server is busy for as long as we look; this machine only while we keep it busy.
        cost_s = self._scan_s if self.filesystem.is_network else self._work_s
        if self._hints.is_on:
            return max(HINTED_S, HINTED_SHARE * cost_s)
        polled = max(self.poll_s or POLLED_S, POLLED_SHARE * cost_s)
        return polled if self._scanner.identity is not None else min(polled, _AWAY_S)

    @property
    def next_due(self) -> float:
        """When there is something to do next, in s of the clock."""
        times = [self._settling.next_due, self._hints.next_due]
        if self._scan is None:
            times.append(self._next_scan)
        elif self._has_room():
            return self.clock()
        return min((moment for moment in times if moment is not None), default=self.clock())

    @property
    def _next_scan(self) -> float:
        has_gone_deaf = (
            self._last_scan is not None and self._last_scan.hints and not self._hints.is_on
        )
        return 0.0 if self._is_overdue or has_gone_deaf else self._scan_due

    @property
    def undecided(self) -> int:
        """How many files are kept an eye on: they are written to, or have no end yet."""
        return len(self._settling)

    @property
    def undecided_at_start(self) -> int:
        """How many of them have lain in INBOX since the start: they may be pictures yet."""
        return len(self._settling.places & (self._at_start or frozenset()))

    @property
    def unreadable(self) -> int:
        """How many files could not be read, and are tried again."""
        return self._intake.unreadable

    def step(self) -> None:
        """Do what is due now, a little of it: at most about a thousand files are looked at."""
        self._follow_news()
        self._follow_scan()
        self._intake.decide(lambda: self._is_stopped)
        if self._at_start is not None and not self._settling.is_resting(self._at_start):
            self.has_settled = True
        if self.has_settled and self._scan is None:
            # Not before: to begin to listen to a million files holds up all threads for seconds.
            self._hints.check(self._scanner.identity)

    def _follow_news(self) -> None:
        news = self._hints.take()
        if news.everything:
            self._is_overdue = True
        if news.places:
            self._see(self._scanner.files_at(news.places))
        for tree in news.trees:
            for candidates in self._scanner.tree(tree):
                if self._is_stopped or not self._see(candidates):
                    return

    def _follow_scan(self) -> None:
        """Go on with the scan that is under way, or begin the one that is due."""
        if self._scan is None:
            if self.clock() < self._next_scan:
                return
            self._is_overdue = False
            self._scanner.is_there()
            self._scan = self._scanner.scan()
            self._scan_s = self._work_s = 0.0
        began, worked = self.clock(), self.work()
        while self._has_room() and not self._is_stopped:
            candidates = next(self._scan, None)
            if candidates is None:
                self._scan = None
                break
            self._see(candidates)
            if candidates or self._wanted.is_set() or self.clock() > began + _AT_A_STRETCH_S:
                break
        self._scan_s += self.clock() - began
        self._work_s += self.work() - worked
        if self._scan is None:
            self._end_scan()
        elif self._last_scan is not None:  # it gets on, however long it takes
            self._last_scan = replace(self._last_scan, at=self.now())

    def _end_scan(self) -> None:
        if self._at_start is None and not self._is_overdue:
            self._at_start = self._settling.places
        self._scan_due = self.clock() + self.every_s
        self._last_scan = Scan(
            at=self.now(),
            elapsed_s=self._scan_s,
            files=self._scanner.files,
            every_s=self.every_s,
            hints=self._hints.is_on,
            why=self._hints.why,
        )

    def _see(self, candidates: Candidates) -> bool:
        if self._intake.see(candidates):
            return True
        self._is_overdue = True  # there is no room: the others are found again by the next scan
        return False

    def _has_room(self) -> bool:
        """Whether all that is found by one step of a scan can be kept an eye on."""
        if self._settling.room < AT_ONCE:
            self._settling.make_room()
        return self._settling.room >= AT_ONCE

    def _is_through(self) -> bool:
        """Whether a run that ends has decided on everything, or has waited long enough."""
        if self._last_scan is None or self._scan is not None or self._is_overdue:
            return False
        if self._first_seen is None:
            self._first_seen = self.clock()
        waited_s = self.clock() - self._first_seen
        is_patient = waited_s < ONCE_PATIENCE_S
        if len(self._settling) and (is_patient or self._settling.is_resting()):
            if waited_s >= _SILENT_S and not self._told_waiting:
                self._told_waiting = True
                self._tell_waiting()
            return False
        self.given_up = self._intake.give_up()
        return True

    def _tell_waiting(self) -> None:
        places = sorted(self._settling.places, key=lambda place: place.relative)
        more = "" if len(places) == 1 else f" It is one of {len(places)}."
        self.tell(f"Waiting: it is being written, or has no end yet.{more}", places[0].relative)

    def _why_no_hints(self) -> str | None:
        if self.poll_s is not None:
            return "polling was asked for"
        if self.filesystem.is_network:
            return f"INBOX lies on a network file system ({self.filesystem.name})"
        return None
