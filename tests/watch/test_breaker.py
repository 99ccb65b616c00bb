from __future__ import annotations

import pytest

from rembg_plugins.core import errors
from rembg_plugins.core.errors import ResponseInfo
from rembg_plugins.core.outcomes import OUTCOMES, outcome
from rembg_plugins.watch.breaker import Breaker, rank_of
from rembg_plugins.watch.budget import next_midnight
from rembg_plugins.watch.pauses import Rank

NOON = 1_774_958_400.0  # 2026-03-31T12:00Z
DAY = 86_400.0
CLASSES = [cls for cls in OUTCOMES if issubclass(cls, errors.RembgError)]


def make(cls, status=None, asked=None, **facts):
    response = None if status is None else ResponseInfo(status=status, retry_after=asked)
    return cls("it failed", response=response, **facts)


DOWN = make(errors.APIConnectionError, sent="nothing")
BUSY = make(errors.InternalServerError, 503)
DOUBT = make(errors.APITimeoutError, sent="all", billed=None)
QUICK = make(errors.RateLimitError, 429)
DAILY = make(errors.DailyQuotaError, 429, final=True)
MONTHLY = make(errors.MonthlyQuotaError, 429, final=True)
DENIED = make(errors.AuthenticationError, 401)
REFUSED = make(errors.BadRequestError, 400)
NO_PICTURE = make(errors.NotAnImageError, 200, sent="all", billed=True)


class World:
    """A breaker and its clocks."""

    def __init__(self, jobs=8, now=NOON):
        self.clock, self.now = 100.0, now
        self.breaker = Breaker(
            jobs,
            None,
            clock=lambda: self.clock,
            now=lambda: self.now,
            jitter=lambda: 0.5,
        )

    @property
    def left(self):
        pause = self.breaker.pause
        return None if pause is None else pause.left_s(clock=self.clock, now=self.now)

    def fail(self, *failures, epoch=None):
        for error in failures:
            self.breaker.failed(error, self.breaker.epoch if epoch is None else epoch)

    def advance(self, seconds):
        self.clock += seconds
        self.now += seconds
        self.breaker.expire()

    def pauses_of(self, error, times):
        """How long each of so many failures in a row makes wait."""
        lengths = []
        for _ in range(times):
            self.fail(error)
            lengths.append(self.left)
            self.advance(self.left or 0)
        return lengths


@pytest.fixture
def world():
    return World()


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_class_takes_what_its_row_says(cls):
    rank, action = rank_of(make(cls)), outcome(cls).watcher
    if action == "fail":
        assert rank is None
    elif action == "retry":
        assert rank is Rank.OUTAGE
    elif action == "stop" or not issubclass(cls, errors.RateLimitError):
        assert rank is Rank.CLOSED
    else:
        assert rank is (Rank.LIMIT if issubclass(cls, errors.QuotaExceededError) else Rank.HOLD)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_what_is_closed_says_what_its_row_says(cls, world):
    world.fail(make(cls))
    pause = world.breaker.pause
    if pause is None:
        assert rank_of(make(cls)) is None
    else:
        row = outcome(cls)
        assert (pause.reason, pause.exit_code) == ("it failed", row.exit_code)
        assert pause.remedy.startswith(row.remedy)
        # What passes by itself within minutes needs nobody.
        assert ("ledger retry" in pause.remedy) is (rank_of(make(cls)) >= Rank.LIMIT)


@pytest.mark.parametrize("error", [DOWN, BUSY], ids=["refused", "503"])
def test_what_surely_cost_nothing_is_tried_again_soon_and_then_ever_later(world, error):
    assert world.pauses_of(error, 8) == [1, 2, 4, 8, 16, 32, 60, 60]


def test_what_may_have_cost_something_pauses_from_the_third_in_a_row_on(world):
    doubts = [None, None, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert world.pauses_of(DOUBT, 11) == doubts


def test_paid_answers_in_a_row_that_are_no_pictures_pause_as_calls_in_doubt_do(world):
    assert world.pauses_of(NO_PICTURE, 5) == [None, None, 30, 60, 120]
    world.breaker.succeeded(world.breaker.epoch)
    world.fail(NO_PICTURE, NO_PICTURE)
    assert world.left is None


def test_a_success_in_between_breaks_the_row(world):
    world.fail(DOUBT, DOUBT)
    world.breaker.succeeded(world.breaker.epoch)
    assert world.pauses_of(DOUBT, 3) == [None, None, 30]


def test_a_server_that_says_when_to_come_again_is_heard(world):
    world.fail(make(errors.InternalServerError, 503, asked=90.0))
    assert world.left == 90
    world = World()
    world.fail(make(errors.InternalServerError, 502, asked=7.0, sent="all", billed=None))
    assert world.left == 7
    world = World()
    world.fail(make(errors.InternalServerError, 503, asked=1e9))
    assert world.left == 3600


@pytest.mark.parametrize(
    ("asked", "waits"), [(None, 1), (0.0, 1), (-5.0, 1), (0.25, 0.25), (45.0, 45), (3600.0, 3600)]
)
def test_a_short_limit_is_waited_for_as_long_as_it_says(world, asked, waits):
    world.fail(make(errors.RateLimitError, 429, asked=asked))
    assert world.left == waits
    world.advance(waits)
    assert world.breaker.pause is None


def test_a_short_limit_that_does_not_say_how_long_is_tried_ever_later(world):
    assert world.pauses_of(QUICK, 8) == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_limit_that_lasts_for_hours_is_no_short_one(world):
    world.fail(make(errors.RateLimitError, 429, asked=7200.0))
    assert (world.left, world.breaker.pause.tries) == (7200, True)
    assert world.breaker.lasting is world.breaker.pause


def test_each_short_limit_halves_the_width_and_each_success_adds_one(world):
    widths = []
    for _ in range(5):
        world.fail(QUICK)
        widths.append(world.breaker.width)
        world.advance(60)
    assert widths == [4, 2, 1, 1, 1]
    for _ in range(20):
        world.breaker.succeeded(world.breaker.epoch)
        widths.append(world.breaker.width)
    assert widths[5:] == [2, 3, 4, 5, 6, 7, *[8] * 14]


def test_a_storm_of_calls_that_were_under_way_together_is_one_refusal(world):
    world.fail(*[QUICK] * 16, epoch=0)
    assert (world.breaker.width, world.left) == (4, 1)
    world.advance(1)
    world.fail(*[QUICK] * 16, epoch=0)  # they come late
    assert world.breaker.width == 4
    assert world.left == 2, "but they are no sign that it is over"


def test_a_late_answer_may_ask_for_a_longer_wait_but_not_for_a_shorter(world):
    world.fail(make(errors.RateLimitError, 429, asked=5.0), epoch=0)
    world.advance(2)
    world.fail(make(errors.RateLimitError, 429, asked=10.0), epoch=0)
    assert world.left == 10
    world.fail(make(errors.RateLimitError, 429, asked=3.0), epoch=0)
    assert world.left == 10
    assert world.breaker.pause.until == world.now + 10


def test_a_late_outage_does_not_shorten_what_a_limit_asked_for(world):
    world.fail(make(errors.RateLimitError, 429, asked=50.0))
    world.fail(BUSY, epoch=0)
    assert (world.left, world.breaker.pause.tries) == (50, True)


def test_late_failures_of_an_outage_are_the_same_outage(world):
    world.fail(*[DOUBT] * 16, epoch=0)
    assert world.left == 30
    world.fail(*[BUSY] * 16, epoch=0)
    assert world.left == 30
    world.advance(30)
    world.fail(DOUBT)
    assert world.left == 60


def test_the_daily_limit_is_waited_for_until_after_midnight(world):
    world.fail(DAILY)
    assert world.breaker.pause.until == next_midnight(NOON) + 150  # half of five minutes
    world.advance(12 * 3600 + 150)
    assert world.left == 0
    assert world.breaker.pause.tries


def test_a_daily_limit_just_after_midnight_is_tried_each_hour_for_clocks_run_apart(world):
    world.fail(DAILY)
    world.advance(world.left)  # 00:02:30
    assert world.pauses_of(DAILY, 2) == [3600, 3600]  # at 00:02:30 and 01:02:30
    world.fail(DAILY)  # at 02:02:30
    assert world.breaker.pause.until == next_midnight(world.now) + 150


def test_a_first_daily_limit_just_after_midnight_is_waited_for_until_the_next():
    world = World(now=next_midnight(NOON) + 60)
    world.fail(DAILY)
    assert world.left == DAY - 60 + 150


def test_the_monthly_limit_is_tried_every_six_hours(world):
    assert world.pauses_of(MONTHLY, 3) == [6 * 3600] * 3


@pytest.mark.parametrize("cls", [errors.DailyQuotaError, errors.MonthlyQuotaError])
def test_a_limit_that_says_how_long_is_waited_for_so_long_and_tried_ever_later(world, cls):
    error = make(cls, 429, asked=3.0, final=True)
    assert world.pauses_of(error, 5) == [3, 3, 4, 8, 16]


def test_no_limit_lasts_longer_than_a_month(world):
    world.fail(make(errors.MonthlyQuotaError, 429, asked=1e12, final=True))
    assert world.left == 31 * DAY


def test_after_a_pause_that_tries_it_goes_on_with_one_call(world):
    world.fail(BUSY)
    world.advance(1)
    world.breaker.succeeded(world.breaker.epoch)
    assert (world.breaker.pause, world.breaker.width) == (None, 1)


def test_only_a_call_that_began_since_then_ends_a_pause(world):
    for error in (BUSY, DAILY, DENIED):
        world.fail(error)
        world.breaker.succeeded(0)
        assert world.breaker.pause.reason == "it failed"


def test_a_picture_that_an_api_refuses_which_was_down_ends_the_outage(world):
    world.fail(DOWN)
    world.fail(make(errors.NotAnImageError, 200, billed=True))
    assert world.breaker.pause is not None, "that may be anybody's page"
    world.fail(errors.ValidationError("nothing was sent"))
    assert world.breaker.pause is not None
    world.fail(REFUSED, epoch=0)
    assert world.breaker.pause is not None
    world.fail(REFUSED)
    assert world.breaker.pause is None


@pytest.mark.parametrize("error", [DAILY, DENIED])
def test_a_picture_that_is_refused_says_nothing_of_a_limit(world, error):
    world.fail(error)
    world.fail(REFUSED)
    assert world.breaker.pause is not None


def test_pictures_that_are_refused_pause_nothing(world):
    world.fail(*[REFUSED] * 50)
    assert (world.breaker.pause, world.breaker.width) == (None, 8)


@pytest.mark.parametrize("error", [QUICK, BUSY, DOUBT])
def test_what_else_befalls_the_call_that_tries_a_limit_lets_no_more_calls_begin(world, error):
    world.fail(DAILY)
    limit = world.breaker.pause
    world.breaker.reopen()
    world.fail(error)
    world.advance(3600)
    assert world.breaker.pause.tries
    assert world.breaker.pause.rank is Rank.LIMIT
    assert world.breaker.lasting is limit, "and a restart has to wait for it"
    world.breaker.succeeded(world.breaker.epoch)
    assert (world.breaker.pause, world.breaker.lasting) == (None, None)


def test_a_call_that_tries_when_the_calendar_says_so_is_not_held_by_the_other_clock(world):
    world.fail(DAILY)
    world.now += DAY  # the machine slept
    assert world.left == 0
    world.fail(BUSY)
    assert world.left == 1


def test_what_closes_the_gate_comes_before_every_pause_and_stays(world):
    for error in (QUICK, BUSY, DAILY):
        world.fail(error)
    world.fail(DENIED, epoch=0)
    assert world.breaker.pause.kind == "closed"
    assert world.left is None
    world.fail(QUICK, BUSY, DAILY, make(errors.PaymentRequiredError, 402, final=True), epoch=0)
    assert world.breaker.pause.exit_code == outcome(DENIED).exit_code
    world.advance(10 * DAY)
    assert world.left is None


def test_a_closed_gate_that_is_opened_again_begins_with_one_call(world):
    world.fail(DENIED)
    world.breaker.reopen()
    assert (world.breaker.pause.kind, world.left, world.breaker.pause.tries) == ("paused", 0, True)
    world.fail(DENIED, epoch=1)  # it was under way when somebody mended it
    assert world.breaker.pause.kind == "paused"
    world.fail(DENIED)
    assert world.breaker.pause.kind == "closed"


def test_opening_again_does_not_shorten_what_passes_by_itself(world):
    world.breaker.reopen()
    assert world.breaker.pause is None
    world.fail(make(errors.RateLimitError, 429, asked=45.0))
    world.breaker.reopen()
    assert (world.left, world.breaker.pause.tries) == (45, False)
