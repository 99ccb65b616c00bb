"""The gate against what the requirement says, judged by the history of what happened."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rembg_plugins.core import errors
from rembg_plugins.core.errors import ResponseInfo
from rembg_plugins.watch.gate import LOOK_AGAIN_S, Gate

NOON = 1_774_958_400.0  # 2026-03-31T12:00Z
MIDNIGHT = NOON + 12 * 3600
DAY = 86_400.0
THREADS = range(6)
ROUNDING_S = 1e-3  # UNIX times have few digits behind the point


def answer(cls, status, asked=None, **facts):
    return cls(cls.__name__, response=ResponseInfo(status=status, retry_after=asked), **facts)


ENDS = st.one_of(
    st.just(("success", None)),
    st.sampled_from([None, 0.0, 2.0, 45.0, 900.0]).map(
        lambda asked: ("short", answer(errors.RateLimitError, 429, asked))
    ),
    st.sampled_from(
        [
            ("busy", answer(errors.InternalServerError, 503)),
            ("doubt", errors.APITimeoutError("time-out", sent="all", billed=None)),
            ("limit", answer(errors.DailyQuotaError, 429, final=True)),
            ("limit", answer(errors.MonthlyQuotaError, 429, final=True)),
            ("closed", answer(errors.AuthenticationError, 401)),
            ("closed", answer(errors.DownscaledResultError, 200, billed=True)),
            ("file", answer(errors.NotAnImageError, 200, billed=True)),
            ("nothing", None),
        ]
    ),
)
"""How a call ends."""

LASTS = {"limit", "closed"}
"""What a restart does not mend."""


class GateMachine(RuleBasedStateMachine):
    """Calls begin and end in every order, and time goes by.

    The history holds ``(when, what, until)``: what happened, and until when nobody may send
    because of it. A call is known by its place in the history.
    """

    @initialize(jobs=st.integers(1, 6))
    def start(self, jobs):
        self.jobs = jobs
        self.time = 0.0
        self.thread = 0
        self.store = {}
        self.history = []
        self.running = {}
        self.told = []
        self.open_gate()

    def open_gate(self):
        self.gate = Gate(
            self.jobs,
            self.store,
            on_change=self.told.append,
            clock=lambda: self.time,
            now=lambda: NOON + self.time,
            jitter=lambda: 1.0,
            who=lambda: self.thread,
        )

    # What the history says.

    def last(self, *what, before=None):
        """The place of the last event of that kind, or -1."""
        events = enumerate(self.history[:before])
        places = [place for place, event in events if event[1] in what]
        return places[-1] if places else -1

    def must_wait(self):
        """Whether somebody was promised that nothing is sent by now."""
        return any(
            until is not None and self.time < until - ROUNDING_S
            for place, (_, what, until) in enumerate(self.history)
            if what in {"short", "busy"} and place > self.last("restart", "reopen", "success")
        )

    def is_closed(self):
        """Whether a call found out that nothing helps, and nobody has done anything since."""
        since = self.last("restart", "reopen")
        return any(
            what == "closed" and began > since for _, what, began in self.history[since + 1 :]
        )

    def may_be_closed(self):
        """The same, where the call may have begun before somebody did something."""
        return self.last("closed") > self.last("restart", "reopen")

    def trouble(self):
        """The place of the last event that only a call that succeeds can mend, or -1."""
        busy = self.last("busy")
        return max(self.last(*LASTS), busy if busy > self.last("restart") else -1)

    def doubts(self):
        """When the third of at least three failures in doubt came, if nothing else came since."""
        since = self.last("success", "short", "busy", "limit", "closed", "restart", "reopen")
        doubts = [when for when, what, _ in self.history[since + 1 :] if what == "doubt"]
        is_alone = since < 0 or self.history[since][1] in {"restart", "success"}
        return doubts[2] if len(doubts) > 2 and is_alone and self.trouble() < 0 else None

    def may_only_try(self):
        """Whether one call has to succeed first that began after the trouble did."""
        trouble = self.trouble()
        return trouble >= 0 and not any(
            what == "success" and began > max(trouble, self.last("restart", "reopen", before=place))
            for place, (_, what, began) in enumerate(self.history)
        )

    # What happens.

    @rule(count=st.integers(1, 6), patient=st.booleans())
    def begin_some(self, count, patient):
        if patient:
            self.wait_as_told()
        for thread in [thread for thread in THREADS if thread not in self.running][:count]:
            self.begin(thread)

    def wait_as_told(self):
        wait = self.gate.wait_s()
        if wait:
            self.time += wait
            again = self.gate.wait_s()
            assert again is not None
            assert again <= LOOK_AGAIN_S, "it would have been too early to ask again"

    def begin(self, thread):
        self.thread = thread
        wait = self.gate.wait_s()
        begun = self.gate.begin()
        assert begun == (wait == 0)
        if not begun:
            return
        assert len(self.running) < self.jobs
        assert not self.is_closed()
        assert not self.must_wait()
        doubted = self.doubts()
        assert doubted is None or self.time >= doubted + 30 - ROUNDING_S
        if self.may_only_try():
            since = max(self.trouble(), self.last("reopen"))
            assert not [began for began in self.running.values() if began > since]
        self.history.append((self.time, "begin", None))
        self.running[thread] = len(self.history) - 1

    @precondition(lambda self: self.running)
    @rule(place=st.integers(0, 5), end=ENDS)
    def end_one(self, place, end):
        threads = sorted(self.running)
        self.thread = threads[place % len(threads)]
        began = self.running.pop(self.thread)
        what, error = end
        if what == "nothing":
            self.gate.cancel()
            return
        self.gate.end(error)
        until = None
        if what == "short":
            until = self.time + (error.response.retry_after or 0.0)
        self.history.append((self.time, what, began if what in {"success", "closed"} else until))

    @rule(seconds=st.sampled_from([0.1, 1.0, 30.0, 3600.0, DAY]))
    def wait(self, seconds):
        self.time += seconds

    @rule(restart=st.booleans())
    def begin_anew(self, restart):
        if restart:
            self.history.append((self.time, "restart", None))
            self.running.clear()
            self.told.clear()
            self.open_gate()
        elif self.trouble() > self.last("short"):
            self.gate.reopen()
            self.history.append((self.time, "reopen", None))

    # What always holds.

    @invariant()
    def what_was_told_is_what_holds(self):
        if not hasattr(self, "gate"):
            return
        self.gate.wait_s()
        state = self.gate.state
        told = self.told[-1] if self.told else None
        assert (state.kind, state.reason) == (
            ("open", None) if told is None else (told.kind, told.reason)
        )
        assert (state.kind == "open") == (state.exit_code is None) == (state.reason is None)
        assert 1 <= state.width <= self.jobs
        assert state.running == len(self.running)
        for before, after in zip(self.told, self.told[1:], strict=False):
            assert (before.kind, before.reason, before.until) != (
                after.kind,
                after.reason,
                after.until,
            )

    @invariant()
    def what_is_not_closed_opens_by_itself(self):
        """Whatever happened, a call can begin within a limit's length, if none is under way."""
        if not hasattr(self, "gate") or self.running:
            return
        assert (self.gate.wait_s() is None) == (self.gate.state.kind == "closed")
        if self.gate.state.kind != "closed":
            assert self.gate.wait_s() <= DAY + 300
        else:
            assert self.may_be_closed()


GateMachine.TestCase.settings = settings(max_examples=600, stateful_step_count=30, deadline=None)
test_the_gate_does_what_the_history_allows = GateMachine.TestCase
