from __future__ import annotations

from rembg_plugins.watch.pauses import Ladder, Pause, Rank


def pause(**changes):
    facts = {"reason": "r", "remedy": "m", "exit_code": 75, "rank": Rank.LIMIT}
    return Pause(**facts | changes)


def test_what_is_left_of_a_pause_goes_by_the_monotonic_clock():
    short = pause(due=110.0, until=1_010.0)
    assert short.left_s(clock=100.0, now=1_000.0) == 10.0
    assert short.left_s(clock=110.0, now=1_000.0) == 0.0
    assert short.left_s(clock=200.0, now=1_000.0) == 0.0
    assert short.left_s(clock=100.0, now=9_999.0) == 10.0, "a clock that was set ends nothing"


def test_a_limit_ends_with_whichever_clock_says_so_first():
    long = pause(due=110.0, until=1_010.0, heeds_calendar=True)
    assert long.left_s(clock=100.0, now=1_007.0) == 3.0
    assert long.left_s(clock=100.0, now=5_000.0) == 0.0
    assert long.left_s(clock=110.0, now=-5_000.0) == 0.0


def test_without_an_end_nobody_knows_what_is_left():
    assert pause(until=1_010.0).left_s(clock=1e9, now=1e9) is None


def test_the_same_reason_until_the_same_second_is_no_news():
    first = pause(due=1.0, until=100.0)
    assert first.says_the_same(pause(due=2.0, until=100.9))
    assert not first.says_the_same(pause(due=2.0, until=101.0))
    assert not first.says_the_same(pause(reason="another", until=100.0))
    assert not first.says_the_same(pause())
    assert not first.says_the_same(None)
    assert pause().says_the_same(pause())


def test_a_ladder_doubles_up_to_its_longest_and_begins_anew():
    ladder = Ladder(1.0, 60.0)
    assert [ladder.climb() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    ladder.reset()
    assert ladder.climb() == 1
