from __future__ import annotations

import errno
import threading

import pytest

from rembg_plugins.core import errors
from rembg_plugins.core.errors import ResponseInfo
from rembg_plugins.watch.gate import LOOK_AGAIN_S, Gate
from rembg_plugins.watch.remembering import KEY

NOON = 1_774_958_400.0  # 2026-03-31T12:00Z
DAY = 86_400.0
PATIENCE_S = 20
FULL = OSError(errno.ENOSPC, "No space left on device", "/out")

BUSY = errors.InternalServerError("503", response=ResponseInfo(status=503))
DAILY = errors.DailyQuotaError("daily", response=ResponseInfo(status=429), final=True)
DENIED = errors.AuthenticationError("401", response=ResponseInfo(status=401))
REFUSED = errors.BadRequestError("400", response=ResponseInfo(status=400))
SHRUNK = errors.DownscaledResultError("460", response=ResponseInfo(status=200), billed=True)


def short(asked=None):
    return errors.RateLimitError("429", response=ResponseInfo(status=429, retry_after=asked))


class World:
    """A gate, its clocks, and who is asking."""

    def __init__(self, jobs=4, *, store=None, now=NOON, **settings):
        self.clock, self.now = 100.0, now
        self.thread = 0
        self.told = []
        self.store = {} if store is None else store
        self.gate = Gate(
            jobs,
            self.store,
            on_change=self.told.append,
            clock=lambda: self.clock,
            now=lambda: self.now,
            jitter=lambda: 0.5,
            who=lambda: self.thread,
            **settings,
        )

    def begin(self, thread=0):
        self.thread = thread
        return self.gate.begin()

    def end(self, error=None, thread=0):
        self.thread = thread
        self.gate.end(error)

    def call(self, error=None, thread=0):
        assert self.begin(thread)
        self.end(error, thread)

    def storm(self, error, size):
        """So many calls that are under way together fail alike."""
        for thread in range(size):
            assert self.begin(thread)
        for thread in range(size):
            self.end(error, thread)

    def advance(self, seconds):
        self.clock += seconds
        self.now += seconds

    @property
    def kinds(self):
        return [state.kind for state in self.told]


@pytest.fixture
def world():
    return World()


def test_an_open_gate_lets_as_many_calls_begin_as_there_are_jobs(world):
    assert [world.begin(thread) for thread in range(6)] == [True] * 4 + [False] * 2
    assert world.gate.wait_s() == LOOK_AGAIN_S
    assert (world.gate.state.running, world.gate.state.width) == (4, 4)
    world.end(thread=2)
    assert world.gate.wait_s() == 0
    assert world.begin(5)
    assert world.told == []


def test_a_place_that_was_not_used_is_free_again(world):
    for thread in range(4):
        assert world.begin(thread)
        world.gate.cancel()
    assert world.gate.state.running == 0
    assert world.gate.wait_s() == 0


def test_ending_what_never_began_frees_no_place(world):
    for thread in range(4):
        assert world.begin(thread)
    world.end(thread=9)
    world.thread = 9
    world.gate.cancel()
    assert world.gate.state.running == 4
    assert not world.begin(9)


def test_the_throttle_of_the_client_is_asked_and_nothing_is_told_of_it():
    world = World(delay=lambda: 2.5)
    assert world.gate.wait_s() == 2.5
    assert world.gate.state.kind == "open"
    assert world.told == []


def test_the_throttle_does_not_shorten_a_pause():
    world = World(delay=lambda: 0.0)
    world.call(short(7.0))
    assert world.gate.wait_s() == 7


def test_a_short_limit_holds_every_call_and_is_told_once(world):
    for thread in range(4):
        world.begin(thread)
    for thread in range(4):
        world.end(short(7.0), thread)
    assert not world.begin(5)
    assert world.kinds == ["paused"]
    assert world.told[0].reason == "429"
    assert world.told[0].until == NOON + 7
    assert world.told[0].exit_code == 75
    world.advance(6.5)
    assert world.gate.wait_s() == 0.5
    world.advance(0.5)
    assert world.gate.state.kind == "open"
    assert [world.begin(thread) for thread in range(4)] == [True, True, False, False]
    assert world.kinds == ["paused", "open"]


def test_an_outage_is_over_when_one_call_has_succeeded(world):
    world.storm(BUSY, 4)
    assert world.gate.wait_s() == 1
    world.advance(1)
    assert [world.begin(thread) for thread in range(4)] == [True, False, False, False]
    assert world.gate.wait_s() == LOOK_AGAIN_S
    assert world.gate.state.kind == "paused"
    world.end(thread=0)
    assert world.kinds == ["paused", "open"]
    assert [world.begin(thread) for thread in range(4)] == [True, False, False, False]
    world.end(thread=0)
    assert [world.begin(thread) for thread in range(4)] == [True, True, False, False]


def test_a_call_that_tries_may_be_left_to_another(world):
    world.call(BUSY)
    world.advance(1)
    assert world.begin(1)
    world.gate.cancel()
    assert world.begin(2)
    assert not world.begin(1)


def test_each_failure_of_a_call_that_tries_is_told(world):
    for wait in (1, 2, 4):
        world.call(BUSY)
        assert world.gate.wait_s() == wait
        world.advance(wait)
    assert [state.until - NOON for state in world.told] == [1, 3, 7]


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (DENIED, 77),
        (errors.EmailNotVerifiedError("403", response=ResponseInfo(status=403)), 77),
        (errors.ConnectionSetupError("no certificate", final=True), 78),
        (errors.PaymentRequiredError("402", response=ResponseInfo(status=402), final=True), 75),
        (errors.EndpointError("404", response=ResponseInfo(status=404)), 78),
        (errors.ConfigurationError("no key"), 78),
        (SHRUNK, 75),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_what_every_picture_would_meet_closes_the_gate_at_once(world, error, exit_code):
    for thread in range(4):
        world.begin(thread)
    world.end(error, 0)
    assert world.gate.wait_s() is None
    assert not world.begin(0)
    for thread in range(1, 4):
        world.end(None, thread)  # paid for before: no reason to go on
    world.advance(40 * DAY)
    assert world.gate.wait_s() is None
    state = world.gate.state
    assert (state.kind, state.reason, state.exit_code) == ("closed", str(error), exit_code)
    assert state.remedy
    assert world.told == [world.told[0]]


def test_what_is_wrong_with_one_picture_is_not_the_gates_business(world):
    for _ in range(50):
        world.call(REFUSED)
        world.call(errors.ValidationError("too wide"))
    assert world.told == []
    assert world.gate.wait_s() == 0


def test_opening_again_lets_one_call_try(world):
    world.call(SHRUNK)
    world.gate.reopen()
    assert [world.begin(thread) for thread in range(4)] == [True, False, False, False]
    world.end(SHRUNK, 0)
    assert world.gate.wait_s() is None
    world.gate.reopen()
    world.call()
    assert world.kinds == ["closed", "paused", "closed", "paused", "open"]


def test_calls_from_before_neither_open_nor_close_what_was_opened_again(world):
    for thread in range(4):
        world.begin(thread)
    world.end(SHRUNK, 0)
    world.gate.reopen()
    assert world.begin(0)
    world.end(None, 1)
    assert not world.begin(1)
    world.end(SHRUNK, 2)
    assert world.gate.state.kind == "paused"
    world.end(None, 0)
    assert world.gate.state.kind == "open"


def test_the_daily_limit_survives_a_restart():
    world = World()
    world.call(DAILY)
    until = world.gate.state.until
    later = World(store=world.store, now=NOON + 3600)
    assert later.gate.state.until == until
    assert later.gate.wait_s() == pytest.approx(until - NOON - 3600)
    assert later.kinds == ["paused"]
    later.advance(until - NOON - 3600)
    assert [later.begin(thread) for thread in range(4)] == [True, False, False, False]
    later.end(None, 0)
    assert KEY not in world.store
    assert World(store=world.store).begin()


@pytest.mark.parametrize("shift", [-365 * DAY, -40 * DAY, 1.5 * DAY, 365 * DAY])
def test_a_clock_that_was_set_cannot_stop_it_for_longer_than_a_limit_may_last(shift):
    world = World()
    world.call(DAILY)
    later = World(store=world.store, now=NOON + shift)
    assert later.gate.wait_s() == 0
    assert [later.begin(thread) for thread in range(2)] == [True, False]


@pytest.mark.parametrize("shift", [-365 * DAY, -DAY, -3600])
def test_a_clock_that_is_set_back_meanwhile_prolongs_no_limit(world, shift):
    world.call(DAILY)
    wait = world.gate.wait_s()
    world.now += shift
    assert world.gate.wait_s() == wait
    world.advance(wait)
    assert world.begin()


def test_a_machine_that_slept_does_not_wait_for_what_is_over(world):
    world.call(DAILY)
    world.now += DAY
    assert world.gate.wait_s() == 0


@pytest.mark.parametrize("error", [DENIED, SHRUNK], ids=["401", "460"])
def test_a_closed_gate_begins_with_one_call_after_a_restart(error):
    world = World()
    world.call(error)
    later = World(store=world.store)
    assert (later.gate.state.kind, later.gate.state.reason) == ("paused", str(error))
    assert [later.begin(thread) for thread in range(4)] == [True, False, False, False]
    later.end(error, 0)
    assert later.gate.state.kind == "closed"


@pytest.mark.parametrize("error", [BUSY, short(50.0), REFUSED], ids=["503", "429", "400"])
def test_what_passes_by_itself_is_forgotten_by_a_restart(error):
    world = World()
    world.call(error)
    assert world.store == {}


def test_another_key_does_not_wait_for_the_limit_of_the_former():
    world = World(owner="anonymous")
    world.call(DAILY)
    assert World(store=world.store, owner="a key").gate.wait_s() == 0
    assert World(store=world.store, owner="anonymous").gate.wait_s() > 3600


def test_while_outputs_fail_one_call_at_a_time_tries_ever_later(world):
    world.gate.output_failed(FULL)
    world.gate.output_failed(OSError(errno.EACCES, "Permission denied"))
    assert (world.gate.state.kind, world.gate.state.exit_code) == ("paused", 73)
    assert "No space left" in world.gate.state.reason
    for wait in (30, 60, 120, 240, 480, 600, 600):
        assert world.gate.wait_s() == wait
        world.advance(wait)
        assert [world.begin(thread) for thread in range(3)] == [True, False, False]
        world.end(None, 0)
        world.gate.output_failed(FULL)
    world.gate.output_ok()
    assert [world.begin(thread) for thread in range(4)] == [True] * 4
    world.gate.output_failed(FULL)
    assert world.gate.wait_s() == 30


def test_outputs_that_can_be_written_open_nothing_else(world):
    world.call(DENIED)
    world.gate.output_ok()
    assert world.gate.wait_s() is None


def test_a_spent_budget_of_a_day_is_waited_for(world):
    for _ in range(16):
        world.gate.budget_spent(NOON + 3600)
    assert world.gate.wait_s() == 3600
    assert world.gate.state.until == NOON + 3600
    world.advance(3600)
    assert [world.begin(thread) for thread in range(4)] == [True] * 4
    assert world.kinds == ["paused", "open"]


def test_a_spent_budget_of_a_run_ends_it(world):
    world.gate.budget_spent(None)
    assert world.gate.wait_s() is None
    world.gate.reopen()
    assert world.gate.wait_s() is None
    assert (world.gate.state.kind, world.gate.state.exit_code) == ("closed", 75)
    assert world.store == {}


def test_of_several_reasons_the_one_that_lasts_longest_is_told(world):
    world.gate.output_failed(FULL)
    world.gate.budget_spent(NOON + 10)
    assert "No space" in world.gate.state.reason
    world.gate.budget_spent(NOON + 3600)
    assert "budget" in world.gate.state.reason
    world.thread = 7
    world.gate.end(DENIED)
    assert world.gate.state.kind == "closed"
    world.gate.reopen()
    assert "budget" in world.gate.state.reason
    world.advance(3600)
    assert world.gate.state.reason in {"401", str(FULL)}


def test_a_report_may_ask_the_gate_back():
    states = []

    def on_change(_state):
        states.append((gate.state.kind, gate.wait_s()))

    gate = Gate(1, {}, on_change=on_change)
    assert gate.begin()
    gate.end(DENIED)
    assert states == [("closed", None)]


def test_a_ledger_that_is_busy_holds_nobody_up():
    """Who ends a call may hold the ledger's lock, which another needs to keep a limit."""
    ledger = threading.RLock()
    is_keeping = threading.Event()

    class Store(dict):
        def __setitem__(self, name, value):
            is_keeping.set()
            with ledger:
                super().__setitem__(name, value)

    store = Store()
    gate = Gate(2, store)
    assert gate.begin()

    def fail():
        gate.begin()
        gate.end(DAILY)

    other = threading.Thread(target=fail, daemon=True)
    with ledger:
        other.start()
        assert is_keeping.wait(PATIENCE_S)
        gate.end(DENIED)
        assert gate.state.kind == "closed"
        assert store == {}
    other.join(PATIENCE_S)
    assert '"CLOSED"' in store[KEY]


def test_many_threads_never_have_more_calls_under_way_than_may_be():
    gate = Gate(3, {})
    lock, running, most = threading.Lock(), [0], [0]
    together = threading.Barrier(12)

    def work():
        together.wait(PATIENCE_S)
        for number in range(300):
            if not gate.begin():
                continue
            with lock:
                running[0] += 1
                most[0] = max(most[0], running[0])
            with lock:
                running[0] -= 1
            if number % 3:
                gate.end(None)
            else:
                gate.cancel()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert most[0] <= 3
    assert gate.state.running == 0
    assert gate.begin()
