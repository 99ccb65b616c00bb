from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rembg_plugins.core.errors import (
    APIConnectionError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ResponseInfo,
)
from rembg_plugins.watch.gate import LOOK_AGAIN_S, Gate

NOON = 1_774_958_400.0
FREE = BadRequestError("400", response=ResponseInfo(status=400))
LOST = APIConnectionError("reset", sent="all", billed=None)


class World:
    """A gate that guards the credits of an account, and the account."""

    def __init__(self, *, left, keep, jobs=4):
        self.clock, self.left = 100.0, left
        self.asked = 0
        self.problem = None
        self.thread = 0
        self.meanwhile = lambda: None
        self.told = []
        self.gate = Gate(
            jobs,
            {},
            min_credits=keep,
            ask_credits=self.ask,
            on_change=self.told.append,
            clock=lambda: self.clock,
            now=lambda: NOON + self.clock,
            who=lambda: self.thread,
        )

    def ask(self):
        self.asked += 1
        if self.problem is not None:
            raise self.problem
        left = self.left
        self.meanwhile()
        return left

    def begin(self, thread=0):
        self.thread = thread
        return self.gate.begin()

    def end(self, error=None, thread=0):
        self.thread = thread
        if error is None:
            self.left -= 1
        self.gate.end(error)

    def call(self, error=None):
        assert self.begin()
        self.end(error)


def test_nothing_is_sent_before_the_account_was_asked():
    world = World(left=100, keep=10)
    assert not world.begin()
    assert (world.gate.wait_s(), world.asked) == (LOOK_AGAIN_S, 0)
    world.gate.refresh()
    assert world.begin()
    assert world.told == []


def test_without_a_bound_nobody_is_asked():
    gate = Gate(1, {}, ask_credits=lambda: pytest.fail("it was asked"))
    gate.refresh()
    assert gate.begin()


def test_calls_under_way_count_so_that_never_less_is_left():
    world = World(left=13, keep=10)
    world.gate.refresh()
    assert [world.begin(thread) for thread in range(4)] == [True, True, True, False]
    assert world.gate.wait_s() == LOOK_AGAIN_S
    assert world.told == [], "they may turn out to be free"
    world.end(FREE, 0)
    assert world.begin(3)
    for thread in (1, 2, 3):
        world.end(None, thread)
    assert not world.begin()
    world.gate.refresh()
    assert world.left == 10
    assert not world.begin()
    state = world.gate.state
    assert (state.kind, state.exit_code) == ("closed", 75)
    assert state.reason == "The account has 10 credits left, and 10 must stay."
    assert "--min-credits" in state.remedy


def test_a_call_of_which_nobody_can_know_counts_until_the_account_says_more():
    world = World(left=11, keep=10)
    world.gate.refresh()
    world.call(LOST)
    assert not world.begin()
    world.gate.refresh()
    assert world.begin(), "it was not billed"


def test_what_ends_while_the_account_is_asked_counts_as_spent():
    world = World(left=12, keep=10)
    world.gate.refresh()
    assert world.begin(1)
    world.clock += 60
    world.meanwhile = lambda: world.end(None, 1)  # the answer does not know of it
    world.gate.refresh()
    assert world.begin(1)
    assert not world.begin(2)
    world.end(None, 1)
    assert world.left == 10


def test_the_account_is_asked_once_a_minute_and_only_while_pictures_are_sent():
    world = World(left=1000, keep=10)
    world.gate.refresh()
    world.clock += 3600
    world.gate.refresh()
    assert world.asked == 1
    for _ in range(6):
        world.call()
        world.clock += 30
        world.gate.refresh()
    assert world.asked == 1 + 3


def test_others_who_spend_are_noticed():
    world = World(left=1000, keep=10)
    world.gate.refresh()
    world.call()
    world.left = 5
    world.clock += 60
    world.gate.refresh()
    assert not world.begin()
    assert "5 credits left" in world.gate.state.reason


def test_an_account_that_was_filled_is_noticed_by_asking_ever_more_rarely():
    world = World(left=10, keep=10)
    waits = []
    for _ in range(6):
        world.gate.refresh()
        waits.append(world.gate.wait_s())
        world.clock += waits[-1]
    assert waits == [60, 120, 240, 480, 900, 900]
    world.left = 11
    world.gate.refresh()
    assert [state.kind for state in world.told] == ["closed"] * 6 + ["open"]
    assert world.begin()


def test_a_person_who_filled_it_need_not_wait():
    world = World(left=10, keep=10)
    world.gate.refresh()
    world.left = 50
    world.gate.reopen()
    assert not world.begin()
    world.gate.refresh()
    assert world.begin()


@pytest.mark.parametrize(
    ("problem", "exit_code"),
    [
        (APIConnectionError("refused"), 69),
        (AuthenticationError("401", response=ResponseInfo(status=401)), 77),
        (ConfigurationError("no key"), 78),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_account_that_cannot_be_asked_pauses_and_is_asked_again(problem, exit_code):
    world = World(left=100, keep=10)
    world.problem = problem
    waits = []
    for _ in range(9):
        world.gate.refresh()
        waits.append(world.gate.wait_s())
        world.gate.refresh()  # not before it is time
        world.clock += waits[-1]
    assert waits == [5, 10, 20, 40, 80, 160, 320, 600, 600]
    assert world.asked == 9
    state = world.gate.state
    assert (state.kind, state.exit_code) == ("paused", exit_code)
    assert str(problem) in state.reason
    world.problem = None
    world.gate.refresh()
    assert world.begin()


def test_an_answer_without_a_number_is_none():
    world = World(left=None, keep=0)
    world.gate.refresh()
    assert not world.begin()
    assert "cannot be asked for" in world.gate.state.reason


@given(
    left=st.integers(0, 12),
    keep=st.integers(0, 6),
    steps=st.lists(st.tuples(st.sampled_from("bbbflawxr"), st.integers(0, 4)), max_size=80),
)
def test_never_less_is_left_than_must_stay(left, keep, steps):
    """Calls are billed at their end, lost ones at once or never; questions are asked anywhere."""
    world = World(left=left, keep=keep, jobs=5)
    running = set()
    for step, thread in steps:
        if step == "b" and thread not in running and world.begin(thread):
            running.add(thread)
        elif step in "flxa" and thread in running:
            running.remove(thread)
            if step == "x":  # billed, and lost
                world.left -= 1
            world.end({"f": FREE, "l": LOST, "x": LOST}.get(step), thread)
        elif step == "w":
            world.clock += 61
        elif step == "r":
            world.gate.refresh()
        assert world.left >= min(left, keep)
