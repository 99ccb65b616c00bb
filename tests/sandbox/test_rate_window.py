from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rembg_plugins.core.rate import Rate
from rembg_plugins.sandbox.rate_window import RateWindow


def test_so_many_calls_are_let_in_and_the_next_is_told_when():
    window = RateWindow(Rate(requests=2, seconds=10))
    assert [window.admit(now) for now in (0, 4, 6)] == [0, 0, 4]
    assert [window.admit(now) for now in (9.5, 10, 10, 14)] == [0.5, 0, 4, 0]


def test_what_was_refused_does_not_count():
    window = RateWindow(Rate(requests=1, seconds=10))
    window.admit(0)
    assert all(window.admit(now) for now in range(1, 10))
    assert window.admit(10) == 0


def test_without_a_rate_everything_is_let_in():
    window = RateWindow(None)
    assert not any(window.admit(0) for _ in range(1000))


@given(st.lists(st.floats(0, 100), max_size=60))
def test_no_stretch_of_the_window_ever_holds_more(moments):
    window = RateWindow(Rate(requests=3, seconds=10))
    admitted = [now for now in sorted(moments) if not window.admit(now)]
    for start in admitted:
        assert sum(start <= now < start + 10 for now in admitted) <= 3
