"""A run of the watcher, from its locks to its last line."""

from __future__ import annotations

import contextlib
import queue
import signal
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.core.outcomes import (
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_SOME_FAILED,
    EXIT_TERMINATED,
    EXIT_USAGE,
    EXIT_WORK_LEFT,
    outcome,
)
from rembg_plugins.core.paid_calls import ASK_ABOVE
from rembg_plugins.watch.lock import EXIT_LOCKED, LostLockError
from rembg_plugins.watch.report import Summary
from rembg_plugins.watch.states import ContentState
from rembg_plugins.watch.vitals import Vitals, ticking

if TYPE_CHECKING:
    from collections.abc import Callable

    from rembg_plugins.watch.parts import Parts

DRAIN_S = 60.0
"""How long calls that are under way may go on after SIGTERM or Ctrl-C, in s."""

_TICK_S = 1.0
_ONCE_PATIENCE_S = 300.0  # how long a run with --once waits for a gate that is not open


class _EndedError(Exception):
    """A signal came before anything had begun."""


@dataclass(slots=True, kw_only=True)
class Watcher:
    """Runs the parts until a signal comes, or with ``once`` until all is done.

    Args:
        parts: What does the work.
        once: Whether to end when all is done.
        confirm: Asked with the number of paid pictures, if those are more than
            :data:`~rembg_plugins.core.paid_calls.ASK_ABOVE`; None asks nobody.
        clock: Gives the time in s.
    """

    parts: Parts
    once: bool = False
    confirm: Callable[[int], bool] | None = None
    clock: Callable[[], float] = time.monotonic
    signals: queue.SimpleQueue[int] = field(default_factory=queue.SimpleQueue)
    _signal: int | None = None
    _drain_until: float = 0.0
    _stopped: str | None = None
    _held_up_since: float | None = None
    _began: bool = False

    def run(self) -> Summary:
        """Watch.

        Returns:
            What became of all pictures, with the exit code.

        Raises:
            AlreadyWatched: Another watcher holds INBOX or OUTBOX.
            ConfigurationError: The ledger cannot be used.
            OSError: The state folder or OUTBOX cannot be used.
        """
        with ExitStack() as stack:
            try:
                self.parts.open(stack, sleep=self._wait)
            except _EndedError:
                summary = Summary(exit_code=self._signal_code())
                self.parts.report.summary(summary)
                return summary
            vitals = Vitals(parts=self.parts)
            stack.callback(vitals.end)
            vitals.service.ready()
            if not self.once:
                self.parts.greet()
            if self.confirm is not None:
                self.confirm = partial(self._ask, vitals, self.confirm)
            finding = self._start_finding()
            try:
                self._loop(vitals, finding)
            finally:
                self.parts.finder.stop()
                self.parts.workers.stop()
            finding.join(_TICK_S)
            summary = self._summary()
            self.parts.report.summary(summary)
            return summary

    def _wait(self, seconds: float) -> None:
        """Wait before anything has begun; a signal ends the run."""
        with contextlib.suppress(queue.Empty):
            self._signal = self.signals.get(timeout=seconds)
            raise _EndedError

    def _start_finding(self) -> threading.Thread:
        finding = threading.Thread(target=self._find, name="rembg-plugins finder", daemon=True)
        finding.start()
        return finding

    def _find(self) -> None:
        try:
            self.parts.finder.run(once=self.once)
        except BaseException as problem:  # noqa: BLE001 - the main thread tells of it
            self.parts.workers.problem = self.parts.workers.problem or problem
            self.parts.workers.stop()

    def _loop(self, vitals: Vitals, finding: threading.Thread) -> None:
        """Tick until there is a reason to end."""
        while True:
            # First of all: to count a million pictures for the status takes a moment.
            if not self._began and not self._begin():
                return
            self._tick(vitals)
            finding = self._look_again(finding)
            if self._is_over(finding):
                return
            try:
                self._interrupt(self.signals.get(timeout=_TICK_S if not self.once else 0.1))
            except queue.Empty:
                continue

    def _tick(self, vitals: Vitals) -> None:
        """See to the signs of life; where they fail, what is under way may end all the same."""
        workers = self.parts.workers
        try:
            vitals.tick(is_draining=self._signal is not None)
        except (OSError, ConfigurationError) as problem:
            workers.problem = workers.problem or problem
            workers.stop()

    def _begin(self) -> bool:
        """Let the workers begin, once what it costs is confirmed; gives whether to go on."""
        parts = self.parts
        if parts.is_paid and self.confirm is not None:
            if not parts.finder.has_settled and parts.workers.problem is None:
                return True
            # What has no end yet may be a picture all the same, as a TIFF is.
            paid = parts.ledger.contents.count_to_send() + parts.finder.undecided_at_start
            most = ASK_ABOVE if self._tell_of_other_ledger() is None else 0
            if paid > most and not self.confirm(paid):
                self._stopped = f"{paid} pictures would be paid for, which was not confirmed."
                return False
        elif parts.is_paid:
            self._tell_of_other_ledger()
        parts.origin.remember()
        self._began = True
        parts.workers.start()
        return True

    def _ask(self, vitals: Vitals, confirm: Callable[[int], bool], paid: int) -> bool:
        """Ask, while another thread sees to the signs of life: an answer may take a day."""
        with ticking(partial(self._tick, vitals), _TICK_S):
            return confirm(paid)

    def _tell_of_other_ledger(self) -> str | None:
        """Where another ledger lies that has paid for this INBOX before, if there is one."""
        other = self.parts.origin.other()
        if other is not None:
            self.parts.report.note(
                f"OUTBOX was filled from another ledger of this INBOX, in {other}: what that one "
                f"has paid for would be paid for again. To go on with it, say --state {other}."
            )
        return other

    def _is_over(self, finding: threading.Thread) -> bool:
        workers = self.parts.workers
        if workers.problem is not None:
            return not workers.are_busy or self.clock() > self._patience()
        if self._signal is not None:
            return not workers.are_busy or self.clock() > self._drain_until
        return self.once and self._began and not finding.is_alive() and self._is_done()

    def _look_again(self, finding: threading.Thread) -> threading.Thread:
        """Let the finder look at what has changed meanwhile; gives its thread."""
        parts = self.parts
        if not parts.look_again.is_set() or parts.workers.is_draining:
            return finding
        if self.once and finding.is_alive():  # it is about to end: wait for that
            return finding
        parts.look_again.clear()
        parts.finder.wake()
        return self._start_finding() if self.once else finding

    def _is_done(self) -> bool:
        """Whether a run with ``once`` has nothing left to wait for."""
        parts = self.parts
        gate, put_off = parts.gate.state, [str(one) for one in parts.workers.troubles.values()]
        if gate.kind == "open" and not put_off:
            self._held_up_since = None
        elif self._held_up_since is None:
            self._held_up_since = self.clock()
        if not parts.workers.are_idle:
            return False
        is_work_left = parts.ledger.paths.is_work_left()
        if not is_work_left and not parts.ledger.contents.count_to_send(limit=1):
            return True
        if self._held_up_since is None:
            return False
        waited = self.clock() - self._held_up_since
        too_long = gate.until is not None and gate.until - parts.now() > _ONCE_PATIENCE_S
        if gate.kind == "closed" or too_long or waited > _ONCE_PATIENCE_S:
            self._stopped = gate.reason or put_off[0]
            return True
        return False

    def _patience(self) -> float:
        if not self._drain_until:
            self._drain_until = self.clock() + DRAIN_S
        return self._drain_until

    def _interrupt(self, number: int) -> None:
        """The first signal drains; the second stops at once."""
        parts = self.parts
        if self._signal is not None:
            self._drain_until = self.clock() - 1
            parts.workers.stop()
            return
        self._signal = number
        self._drain_until = self.clock() + DRAIN_S
        parts.finder.stop()
        parts.workers.drain()
        running = len(parts.workers.sending)
        if running:
            parts.report.note(
                f"Stopping; {running} under way may take {DRAIN_S:.0f} s to end. "
                "Once more stops at once."
            )

    def _tell_of_doubts(self) -> int:
        """Name what is still being sent though the run ends; gives how many pictures that are."""
        parts, doubts = self.parts, 0
        if not parts.is_paid:
            return 0
        for sha256 in list(parts.workers.sending):
            content = parts.ledger.contents.get(sha256)
            if content is None or content.state is not ContentState.SENDING:
                continue
            doubts += 1
            row = next(iter(parts.ledger.paths.of_content(sha256, limit=1)), None)
            parts.report.note(
                "It was being sent: nobody can know whether it is paid for.",
                source=row.place.relative if row else b"",
            )
        return doubts

    def _summary(self) -> Summary:
        parts = self.parts
        doubts = self._tell_of_doubts()
        contents, run = parts.ledger.contents.states(), parts.ledger.tally.run
        problem = parts.workers.problem
        stopped = self._stopped if problem is None else str(problem)
        return Summary(
            published=run["published"],
            failed=run["failed"],
            parked=contents.get(ContentState.PARKED, 0),
            left=parts.ledger.contents.count_to_send(),
            credits=run["billed"],
            in_doubt=run["in_doubt"] + doubts,
            stopped=stopped,
            exit_code=self._exit_code(contents.get(ContentState.PARKED, 0)),
        )

    def _exit_code(self, parked: int) -> int:
        parts = self.parts
        problem = parts.workers.problem
        if problem is not None:
            return EXIT_LOCKED if isinstance(problem, LostLockError) else outcome(problem).exit_code
        if self._signal is not None:
            return self._signal_code()
        if not self._began:
            return EXIT_USAGE
        if self._stopped is not None:
            put_off = outcome(OSError).exit_code if parts.workers.troubles else EXIT_WORK_LEFT
            return parts.gate.state.exit_code or put_off
        if parts.ledger.tally.run["failed"]:
            return EXIT_SOME_FAILED
        return EXIT_WORK_LEFT if parked or parts.finder.given_up else EXIT_OK

    def _signal_code(self) -> int:
        return EXIT_TERMINATED if self._signal == signal.SIGTERM else EXIT_INTERRUPTED
