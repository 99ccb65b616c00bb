"""The run over many pictures: several at once, and none stops the others without need."""

from __future__ import annotations

import contextlib
import errno
import queue
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from rembg_plugins.cli.budget import Meter, NotStarted
from rembg_plugins.cli.interruption import (
    WORKER,
    LeftRunning,
    exit_code_of_signal,
    telling_of_signals,
)
from rembg_plugins.cli.progress import Progress
from rembg_plugins.cli.record import Record, Status, Tally
from rembg_plugins.cli.wording import count
from rembg_plugins.cli.work import Work
from rembg_plugins.core.adapter import Adapter
from rembg_plugins.core.errors import RembgError
from rembg_plugins.core.outcomes import outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rembg_plugins.cli.budget import Budget
    from rembg_plugins.cli.delivery import Delivery
    from rembg_plugins.cli.plan import Job
    from rembg_plugins.cli.progress import Bar
    from rembg_plugins.cli.report import Report
    from rembg_plugins.cli.targets import Target
    from rembg_plugins.core.options import Options
    from rembg_plugins.core.result import Result

T = TypeVar("T")

GRACE_S = 8.0
"""How long calls that are under way may go on after Ctrl-C or SIGTERM, in s: an answer of the API
takes 3 to 5, and containers are killed 10 after their SIGTERM."""

_TICK_S = 0.1  # between two looks at the bar
_IDLE_S = 1.0  # where there is none; on some systems Ctrl-C is heard of between two looks only
_AHEAD = 2  # finished pictures a worker that may wait to be written
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENODEV})


@dataclass(frozen=True, slots=True)
class _Left:
    """A worker has nothing more to do."""


@dataclass(slots=True, kw_only=True)
class Batch:
    """One run; everything that it tells or writes is told and written by the calling thread.

    Attributes:
        adapter: Cuts out; its engine is metered call by call.
        options: What to make of the pictures.
        budget: Of the whole run.
        delivery: Writes results.
        report: Tells what happens.
        tally: Counts it.
        bar: Shows it; None shows nothing.
        workers: How many pictures are worked on at once.
        transcode: See :meth:`Adapter.remove`.
        accept_downscaled: Likewise.
        fresh: Likewise.
    """

    adapter: Adapter
    options: Options
    budget: Budget
    delivery: Delivery
    report: Report
    tally: Tally
    bar: Bar | None = None
    workers: int = 1
    transcode: bool = False
    accept_downscaled: bool = False
    fresh: bool = False
    _waiting: deque[Job] = field(default_factory=deque)
    _under_way: dict[int, Work] = field(default_factory=dict)
    _news: queue.SimpleQueue[Work | _Left | int] = field(default_factory=queue.SimpleQueue)
    _room: threading.Semaphore = field(default_factory=threading.Semaphore)
    _deadline: float | None = None
    _is_unheard: bool = False
    _progress: Progress = field(init=False)

    def run(self, jobs: Sequence[Job]) -> None:
        """Do the jobs; returns when all is done, or as much as there will be."""
        self._waiting.extend(jobs)
        self._progress = Progress(sum(len(job.targets) for job in jobs), self.bar)
        workers = min(self.workers, len(jobs))
        self._room = threading.Semaphore(workers * _AHEAD)
        with telling_of_signals(self._news.put), self._progress:
            for _ in range(workers):
                threading.Thread(target=self._work, name=WORKER, daemon=True).start()
            try:
                self._listen(workers)
            finally:
                self.budget.halt()
            self._end()

    def _end(self) -> None:
        """Tell of what was not finished, and of what was not begun."""
        with contextlib.suppress(queue.Empty):
            while True:
                if isinstance(news := self._news.get_nowait(), Work):
                    self._finish(news)
        for work in list(self._under_way.values()):
            self._leave(work)
        for job in self._waiting:
            self._tell_all(job.targets, "not_started")

    def _listen(self, workers: int) -> None:
        """Hear of everything until the workers have left, or may wait no longer."""
        while workers:
            self._progress.draw(sum(work.share for work in list(self._under_way.values())))
            try:
                news = self._news.get(timeout=_TICK_S if self._progress.is_shown else _IDLE_S)
            except queue.Empty:
                news = None
            if isinstance(news, int):
                if self._deadline is not None:  # the second time: at once
                    return
                self._interrupt(news)
            elif isinstance(news, Work):
                self._finish(news)
            elif news is not None:
                workers -= 1
            if self._deadline is not None and time.monotonic() >= self._deadline:
                return

    def _interrupt(self, number: int) -> None:
        self.tally.signalled = exit_code_of_signal(number)
        self._deadline = time.monotonic() + GRACE_S
        self.budget.halt()
        running = len(self._under_way)
        if running:
            self._say(
                self.report.note,
                f"Stopping; {count(running, 'picture')} under way may take {GRACE_S:.0f} s to end. "
                "Once more stops at once.",
            )

    def _work(self) -> None:
        """What each worker does: one job after the other."""
        while True:
            self._room.acquire()
            try:
                job = None if self.budget.halted else self._waiting.popleft()
            except IndexError:
                job = None
            if job is None:
                break
            work = Work(job, Meter(self.adapter.engine, self.budget))
            self._under_way[id(work)] = work
            self._cut_out(work)
            self._news.put(work)
        self._room.release()
        self._news.put(_Left())

    def _cut_out(self, work: Work) -> None:
        adapter = Adapter(
            work.meter,
            store=self.adapter.store,
            retry=self.adapter.retry,
            sleep=self.budget.pause,
        )
        try:
            result = adapter.remove(
                work.job.source,
                self.options,
                on_progress=work.follow if self._progress.is_shown else None,
                transcode=self.transcode,
                accept_downscaled=self.accept_downscaled,
                fresh=self.fresh,
            )
            work.result = result  # first, so that nothing that fails below loses it
            _ = result.content, result.warnings  # made here, where several work at once
        except NotStarted as error:
            work.error = work.meter.error or error
        except BaseException as error:  # noqa: BLE001 - it is told of by the other thread
            work.error = error
        if work.error is not None and _stops_all(work.error):
            self.budget.halt()

    def _finish(self, work: Work) -> None:
        """Write what a worker has made, and tell of it."""
        del self._under_way[id(work)]
        self._room.release()
        if work.result is not None:
            self._deliver(work, work.result)
        elif isinstance(work.error, NotStarted):
            self._tell_all(work.job.targets, "not_started")
        elif work.error is not None:
            self._fail(work, work.error)
        self.tally.limited = self.budget.exhausted

    def _deliver(self, work: Work, result: Result) -> None:
        twin = None
        for target in work.job.targets:
            try:
                self.delivery.deliver(result, target)
            except (RembgError, OSError) as error:
                self._tell_failure(work, target, error, result)
                self._stop_where_all_fail(error)
            else:
                self._tell(
                    Record(
                        target=target,
                        status="done",
                        result=result,
                        same_as=twin,
                        credits=work.spent_on(target),
                        in_doubt=work.in_doubt_on(target),
                    )
                )
            twin = twin or target

    def _fail(self, work: Work, error: BaseException) -> None:
        refused = error.result if isinstance(error, RembgError) else None
        for target in work.job.targets:
            self._tell_failure(work, target, error, refused)
        self._stop_where_all_fail(error)

    def _tell_failure(
        self, work: Work, target: Target, error: BaseException, result: Result | None
    ) -> None:
        """Tell why there is no output; what was paid for is kept, once."""
        rescued = None
        if result is not None and work.is_first(target):
            rescued = self.delivery.rescue(result)
        self._tell(
            Record(
                target=target,
                status="failed",
                error=error,
                rescued=rescued,
                credits=work.spent_on(target),
                in_doubt=work.in_doubt_on(target),
            )
        )

    def _stop_where_all_fail(self, error: BaseException) -> None:
        if _stops_all(error):
            self.budget.halt()
            self.tally.stopped_by = self.tally.stopped_by or error

    def _leave(self, work: Work) -> None:
        """Tell of a job whose call goes on while the run ends."""
        error = LeftRunning("It was still under way when the run ended.")
        if work.meter.running and work.meter.is_paid:
            work.meter.in_doubt += 1
        for target in work.job.targets:
            self._tell_failure(work, target, error, None)

    def _tell_all(self, targets: Sequence[Target], status: Status) -> None:
        for target in targets:
            self._tell(Record(target=target, status=status))

    def _tell(self, record: Record) -> None:
        self.tally.add(record)
        self._progress.advance()
        if record.rescued or not isinstance(record.error, BrokenPipeError):
            self._say(self.report.picture, record)

    def _say(self, tell: Callable[[T], None], what: T) -> None:
        """Report something, as long as anybody hears it.

        Once nobody does, no more is begun; what is under way is paid for, and written still.
        """
        if self._is_unheard:
            return
        try:
            self._progress.clear()
            tell(what)
        except OSError as error:
            self._is_unheard = True
            self.budget.halt()
            self.tally.stopped_by = self.tally.stopped_by or error


def _stops_all(error: BaseException) -> bool:
    """Whether every further picture would fail alike."""
    if isinstance(error, NotStarted):
        return False
    if isinstance(error, OSError):
        return error.errno in _DISK or isinstance(error, BrokenPipeError)
    return outcome(error).watcher in {"park", "stop"}
