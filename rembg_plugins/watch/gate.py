"""Whether a picture may be sent now: it holds the queue, never a single file.

Four things can speak against it: the API (:mod:`~rembg_plugins.watch.breaker`), the output
folder, the budget, and the credits that must stay in the account
(:mod:`~rembg_plugins.watch.credits`). The rate is the client's to keep; its throttle is asked,
and not kept a second time here.
"""

from __future__ import annotations

import random
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from rembg_plugins.core.outcomes import outcome
from rembg_plugins.watch.breaker import Breaker
from rembg_plugins.watch.budget import pause_until
from rembg_plugins.watch.credits import CreditGuard
from rembg_plugins.watch.news import GateState
from rembg_plugins.watch.pauses import Ladder, Pause, Rank
from rembg_plugins.watch.remembering import keep, recall
from rembg_plugins.watch.telling import Teller

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from rembg_plugins.core.errors import RembgError

LOOK_AGAIN_S = 0.25
"""When to ask again where calls that are under way leave no room, in s."""

_OUTPUT_S = 30.0
_LONGEST_OUTPUT_S = 600.0
_NEVER = -1  # the epoch of a call that was not announced


class Gate:
    """Says when calls may begin; used by many threads, each with one call at a time.

    Nothing here waits, except :meth:`refresh`.

    Args:
        jobs: Calls that may be under way at once, 1 or more.
        store: Keeps what must survive a restart.
        owner: Who sends, a digest of key and engine for instance: a limit that was another's
            is not waited for.
        delay: Gives how long the engine would wait now for its turn, in s; None: it never does.
        min_credits: Credits that must stay in the account.
        ask_credits: Gives those that are left; needed for the former.
        on_change: Called with each new state, once, by one thread at a time.
        clock: Gives the monotonic time in s.
        now: Gives the UNIX time in s.
        jitter: Gives a number from 0 to 1.
        who: Names the calling thread.
    """

    def __init__(
        self,
        jobs: int,
        store: MutableMapping[str, str],
        *,
        owner: str = "",
        delay: Callable[[], float] | None = None,
        min_credits: int | None = None,
        ask_credits: Callable[[], int | None] | None = None,
        on_change: Callable[[GateState], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
        who: Callable[[], int] = threading.get_ident,
    ) -> None:
        """Begin as the former run ended: with one call that tries, where it was stopped."""
        self._jobs = jobs
        self._delay = delay
        self._guard: CreditGuard | None = None
        if min_credits is not None and ask_credits is not None:
            self._guard = CreditGuard(min_credits, ask_credits, clock=clock, now=now)
        self._on_change = on_change
        self._clock = clock
        self._now = now
        self._who = who
        self._lock = threading.Lock()
        pause = recall(store, owner=owner, clock=clock(), now=now())
        self._breaker = Breaker(jobs, pause, clock=clock, now=now, jitter=jitter)
        self._keep = partial(keep, store=store, owner=owner)
        self._kept = self._breaker.lasting
        self._output: Pause | None = None
        self._outputs = Ladder(_OUTPUT_S, _LONGEST_OUTPUT_S)
        self._budget: Pause | None = None
        self._running: dict[int, int] = {}  # who, and in which epoch
        self._trying: int | None = None
        self._told: Pause | None = None
        self._teller = Teller()
        self._note_changes()
        self._teller.tell()

    @property
    def state(self) -> GateState:
        """What holds now."""
        with self._lock:
            self._expire()
            return self._state()

    def wait_s(self) -> float | None:
        """How long to wait until :meth:`begin` may succeed, in s; ask again then.

        None where nobody can know: something has to change first.
        """
        with self._lock:
            left = self._left_s()
            self._note_changes()
        self._teller.tell()
        if left == 0 and self._delay is not None:
            return max(0.0, self._delay())
        return left

    def begin(self) -> bool:
        """Take the place of one call, which must be given back by :meth:`end` or :meth:`cancel`.

        Returns:
            Whether there was one; else no call may begin, and nothing is to be given back.
        """
        with self._lock:
            may_begin = self._left_s() == 0
            if may_begin:
                self._running[self._who()] = self._breaker.epoch
                if any(pause.tries for pause in self._pauses()):
                    self._trying = self._who()
                if self._guard is not None:
                    self._guard.begun()
            self._note_changes()
        self._teller.tell()
        return may_begin

    def end(self, error: RembgError | None) -> None:
        """This thread's call has ended.

        Args:
            error: Why there is no picture; None where there is one.
        """
        with self._lock:
            epoch = self._leave()
            if self._guard is not None:
                self._guard.ended(billed=True if error is None else error.billed)
            if error is None:
                self._breaker.succeeded(epoch)
            else:
                self._breaker.failed(error, epoch)
            self._note_changes()
        self._teller.tell()

    def cancel(self) -> None:
        """This thread's call was not made after all."""
        with self._lock:
            self._leave()

    def output_failed(self, error: OSError) -> None:
        """Outputs cannot be written: nothing is paid for until one call has tried it again."""
        with self._lock:
            if self._output is None or self._left_of(self._output) == 0:
                row, seconds = outcome(error), self._outputs.climb()
                self._output = Pause(
                    reason=str(error),
                    remedy=row.remedy,
                    exit_code=row.exit_code,
                    rank=Rank.OUTAGE,
                    due=self._clock() + seconds,
                    until=self._now() + seconds,
                    tries=True,
                )
            self._note_changes()
        self._teller.tell()

    def output_ok(self) -> None:
        """An output was written."""
        with self._lock:
            self._output = None
            self._outputs.reset()
            self._note_changes()
        self._teller.tell()

    def budget_spent(self, until: float | None) -> None:
        """The budget is used up.

        Args:
            until: When it begins anew, in UNIX s; None: not in this run.
        """
        with self._lock:
            if self._budget is None or self._budget.until != until:
                self._budget = pause_until(until, clock=self._clock(), now=self._now())
            self._note_changes()
        self._teller.tell()

    def reopen(self) -> None:
        """A person has done something about it: let one call try at once.

        The budget stays spent, and a disk that fails is waited for as before.
        """
        with self._lock:
            self._breaker.reopen()
            self._trying = None
            if self._guard is not None:
                self._guard.ask_again()
            self._note_changes()
        self._teller.tell()

    def refresh(self) -> None:
        """Ask for the credits that are left, if that is due; this alone may take seconds."""
        guard = self._guard
        if guard is None:
            return
        with self._lock:
            if not guard.is_due:
                return
            guard.begin_question()
        answer = guard.question()
        with self._lock:
            guard.answered(answer)
            self._note_changes()
        self._teller.tell()

    # Below, the lock is held.

    def _leave(self) -> int:
        """Give the place back; gives the epoch in which it was taken."""
        if self._trying == self._who():
            self._trying = None
        return self._running.pop(self._who(), _NEVER)

    def _left_s(self) -> float | None:
        self._expire()
        waits = [self._left_of(pause) for pause in self._pauses()]
        known = [wait for wait in waits if wait is not None]
        if len(known) < len(waits):
            return None
        longest = max(known, default=0.0)
        return longest if longest > 0 or self._has_room() else LOOK_AGAIN_S

    def _has_room(self) -> bool:
        running = len(self._running)
        if self._guard is not None and not self._guard.has_room(running):
            return False
        if any(pause.tries for pause in self._pauses()):
            return self._trying is None and running < self._jobs
        return running < self._breaker.width

    def _expire(self) -> None:
        self._breaker.expire()
        if self._budget is not None and self._left_of(self._budget) == 0:
            self._budget = None

    def _pauses(self) -> list[Pause]:
        guarded = None if self._guard is None else self._guard.pause
        every = (self._breaker.pause, self._output, self._budget, guarded)
        return [pause for pause in every if pause is not None]

    def _left_of(self, pause: Pause) -> float | None:
        return pause.left_s(clock=self._clock(), now=self._now())

    def _shown(self) -> Pause | None:
        """The pause that a person has to know of first: the one that lasts longest."""

        def length(pause: Pause) -> tuple[bool, bool, float]:
            left = self._left_of(pause)
            return pause.kind == "closed", left is None, left or 0.0

        return max(self._pauses(), key=length, default=None)

    def _state(self) -> GateState:
        shown, running, width = self._shown(), len(self._running), self._breaker.width
        if shown is None:
            return GateState(running=running, width=width)
        return GateState(
            kind=shown.kind,
            reason=shown.reason,
            remedy=shown.remedy,
            until=shown.until,
            running=running,
            width=width,
            exit_code=shown.exit_code,
        )

    def _note_changes(self) -> None:
        """Put down what has to be told and kept, for when the lock is free again."""
        lasting = self._breaker.lasting
        if lasting is not self._kept:
            self._kept = lasting
            self._teller.note(partial(self._keep, lasting))
        shown = self._shown()
        is_new = shown is not None and not shown.says_the_same(self._told)
        if is_new or (shown is None and self._told is not None):
            self._told = shown
            if self._on_change is not None:
                self._teller.note(partial(self._on_change, self._state()))
