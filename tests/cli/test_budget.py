from __future__ import annotations

import threading

import pytest

from rembg_plugins.cli.budget import Budget, Meter, NotStarted, is_paid
from rembg_plugins.core.errors import APITimeoutError
from rembg_plugins.core.validation import validate
from rembg_plugins.testing.offline import OfflineEngine

PATIENCE_S = 20


def spend(budget, *, billed):
    for one in billed:
        budget.begin()
        budget.end(billed=one)


def test_certain_and_uncertain_calls_are_counted_apart():
    budget = Budget()
    spend(budget, billed=[True, False, None, True])
    assert (budget.spent, budget.in_doubt, budget.running) == (2, 1, 0)


@pytest.mark.parametrize("billed", [True, None])
def test_no_call_begins_that_could_pass_the_limit(billed):
    budget = Budget(2)
    spend(budget, billed=[billed, False, False, billed])
    with pytest.raises(NotStarted):
        budget.begin()
    assert budget.exhausted


def test_a_limit_of_nothing_lets_nothing_begin():
    with pytest.raises(NotStarted):
        Budget(0).begin()


class Waiter(threading.Thread):
    """Begins a call in another thread; ``outcome`` is what came of it."""

    def __init__(self, budget):
        super().__init__(daemon=True)
        self.budget = budget
        self.outcome = None
        self.start()

    def run(self):
        try:
            self.budget.begin()
            self.outcome = "begun"
        except NotStarted:
            self.outcome = "refused"


class WatchedBudget(Budget):
    """Tells when somebody found no room."""

    def __init__(self, limit):
        super().__init__(limit)
        self.was_full = threading.Event()

    def _has_room(self):
        if room := super()._has_room():
            return room
        self.was_full.set()
        return False


@pytest.mark.parametrize(("billed", "outcome"), [(False, "begun"), (True, "refused")])
def test_a_call_waits_for_those_under_way_which_may_turn_out_free(billed, outcome):
    budget = WatchedBudget(1)
    budget.begin()
    waiter = Waiter(budget)
    assert budget.was_full.wait(PATIENCE_S)
    budget.end(billed=billed)
    waiter.join(PATIENCE_S)
    assert waiter.outcome == outcome


def test_the_end_of_a_run_lets_nobody_wait():
    budget = WatchedBudget(1)
    budget.begin()
    waiter = Waiter(budget)
    assert budget.was_full.wait(PATIENCE_S)
    budget.halt()
    waiter.join(PATIENCE_S)
    assert waiter.outcome == "refused"
    assert not budget.exhausted
    budget.pause(3600)  # returns at once


@pytest.fixture
def request_(draw):
    return validate(draw("a.png"))


def test_a_meter_stands_in_for_its_engine():
    engine = OfflineEngine()
    meter = Meter(engine, Budget())
    assert (meter.name, meter.version, meter.native_options) == ("offline", "1", False)
    assert not meter.anonymous
    engine.anonymous = True
    assert Meter(engine, Budget()).anonymous


def test_a_meter_counts_what_its_calls_cost(paid, request_):
    budget = Budget()
    meter = Meter(paid, budget)
    lost = APITimeoutError("lost", sent="all", billed=None)
    paid.script = {2: lost}
    meter.run(request_)
    with pytest.raises(APITimeoutError):
        meter.run(request_)
    assert (meter.spent, meter.in_doubt, meter.error) == (1, 1, lost)
    assert (budget.spent, budget.in_doubt, budget.running) == (1, 1, 0)
    assert not meter.running


def test_a_bug_in_a_paid_engine_may_have_cost_a_credit(paid, request_):
    paid.script = {1: ZeroDivisionError()}
    meter = Meter(paid, Budget())
    with pytest.raises(ZeroDivisionError):
        meter.run(request_)
    assert meter.in_doubt == 1


def test_a_bug_in_a_free_engine_costs_nothing(paid, request_):
    paid.script = {1: ZeroDivisionError()}
    paid.paid = False
    meter = Meter(paid, Budget())
    with pytest.raises(ZeroDivisionError):
        meter.run(request_)
    assert meter.in_doubt == 0


def test_engines_are_free_unless_they_say_otherwise(paid):
    assert is_paid(paid)
    assert not is_paid(OfflineEngine())
    assert not is_paid(object())


class EngineWithATurn(OfflineEngine):
    """Its turn comes after the delays that it is made with; counts how often it ran."""

    def __init__(self, *delays):
        self.delays = list(delays)
        self.runs = 0

    def delay(self):
        return self.delays.pop(0) if self.delays else 0.0

    def run(self, request, **arguments):
        self.runs += 1
        return super().run(request, **arguments)


class PausedBudget(Budget):
    """Notes every pause in place of waiting; the run ends in the last one."""

    def __init__(self, pauses):
        super().__init__()
        self.seen = []
        self.pauses = pauses

    def pause(self, seconds):
        self.seen.append(seconds)
        if len(self.seen) == self.pauses:
            self.halt()


def test_a_call_waits_for_its_turn_before_it_begins(make_image):
    budget, engine = PausedBudget(pauses=9), EngineWithATurn(3.0, 0.5)
    Meter(engine, budget).run(validate(make_image("RGB")))
    assert (budget.seen, engine.runs) == ([3.0, 0.5], 1)


def test_a_call_whose_turn_has_not_come_is_not_made_when_the_run_ends(make_image):
    budget, engine = PausedBudget(pauses=2), EngineWithATurn(3.0, 3.0, 3.0, 3.0)
    with pytest.raises(NotStarted):
        Meter(engine, budget).run(validate(make_image("RGB")))
    assert (budget.seen, engine.runs) == ([3.0, 3.0], 0)
