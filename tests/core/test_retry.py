from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rembg_plugins.core import errors
from rembg_plugins.core.errors import APIError, ConfigurationError, ResponseInfo
from rembg_plugins.core.retry import Retry, is_in_doubt, repeat_of, wait_before_repeat

# The money rules, said a second time: by status, whatever was sent; by what was sent, where no
# answer came.
WITH_AN_ANSWER = {
    200: "never",  # it was billed
    301: "never",
    400: "never",
    401: "never",
    402: "never",
    403: "never",
    404: "never",
    405: "never",
    408: "never",
    413: "never",
    418: "never",
    429: "free",
    500: "in doubt",
    501: "in doubt",
    502: "in doubt",
    503: "free",
    504: "in doubt",
    520: "in doubt",
}
WITHOUT_AN_ANSWER = {"nothing": "free", "part": "in doubt", "all": "in doubt"}
REPEATS = {
    # may it be repeated, by (kind, doubts so far, in_doubt allowed)?
    ("free", 0, True): True,
    ("free", 0, False): True,
    ("free", 1, True): True,
    ("free", 1, False): True,
    ("in doubt", 0, True): True,
    ("in doubt", 0, False): False,
    ("in doubt", 1, True): False,
    ("in doubt", 1, False): False,
    ("never", 0, True): False,
    ("never", 0, False): False,
    ("never", 1, True): False,
    ("never", 1, False): False,
}
WAITS = {None: 0.5, 5: 5, 3600: 3600, 3601: None}  # s, by Retry-After, where it may be repeated


def classes(base=APIError):
    yield base
    for child in base.__subclasses__():
        yield from classes(child)


CLASSES = sorted(set(classes()), key=lambda cls: cls.__name__)


def failure(cls=APIError, *, status=None, sent="all", retry_after=None, final=False):
    response = None
    if status is not None:
        response = ResponseInfo(status=status, retry_after=retry_after)
    return cls("It failed.", sent=sent, response=response, final=final)


def wait(error, *, attempt=1, doubts=0, policy=None, luck=1.0):
    return wait_before_repeat(
        error, attempt=attempt, doubts=doubts, policy=policy or Retry(), jitter=lambda: luck
    )


def test_the_walk_meets_every_class_of_the_tree():
    named = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, APIError)
    }
    assert named == set(CLASSES)
    assert len(CLASSES) > 15


@pytest.mark.parametrize("final", [False, True], ids=["passing", "final"])
@pytest.mark.parametrize("sent", ["nothing", "part", "all"])
@pytest.mark.parametrize("status", [None, *WITH_AN_ANSWER], ids=str)
def test_the_money_rules_decide_every_combination(status, sent, final):
    kind = WITHOUT_AN_ANSWER[sent] if status is None else WITH_AN_ANSWER[status]
    if final:
        kind = "never"
    combinations = itertools.product(CLASSES, WAITS, (0, 1), (True, False))
    for cls, retry_after, doubts, allowed in combinations:
        error = failure(cls, status=status, sent=sent, retry_after=retry_after, final=final)
        heard = None if status is None else retry_after  # no answer, no header
        expected = WAITS[heard] if REPEATS[kind, doubts, allowed] else None
        policy = Retry(in_doubt=allowed)
        assert wait(error, doubts=doubts, policy=policy) == expected, (cls, retry_after, doubts)
        assert is_in_doubt(error) == (kind == "in doubt")


@given(
    details=st.fixed_dictionaries(
        {
            "status": st.none() | st.integers(100, 599),
            "sent": st.sampled_from(["nothing", "part", "all"]),
            "final": st.booleans(),
            "retry_after": st.none() | st.floats(),
        }
    ),
    doubts=st.integers(0, 3),
    attempt=st.integers(1, 5),
)
def test_the_class_never_matters(details, doubts, attempt):
    decisions = {wait(failure(cls, **details), doubts=doubts, attempt=attempt) for cls in CLASSES}
    assert len(decisions) == 1


@given(
    failures=st.lists(
        st.tuples(
            st.none() | st.sampled_from(list(WITH_AN_ANSWER)),
            st.sampled_from(["nothing", "part", "all"]),
            st.booleans(),
        ),
        min_size=12,
        max_size=12,
    ),
    attempts=st.integers(1, 12),
    allowed=st.booleans(),
)
def test_no_course_of_events_pays_more_than_twice(failures, attempts, allowed):
    policy = Retry(attempts=attempts, in_doubt=allowed)
    made = perhaps_paid = doubts = 0
    for status, sent, final in failures:
        error = failure(status=status, sent=sent, final=final)
        made += 1
        perhaps_paid += repeat_of(error) == "in doubt"
        if wait(error, attempt=made, doubts=doubts, policy=policy) is None:
            break
        doubts += is_in_doubt(error)
    assert made <= attempts
    assert perhaps_paid <= (2 if allowed else 1)


def test_one_try_means_no_repeat():
    assert wait(failure(status=503), policy=Retry.NONE) is None


def test_the_last_attempt_is_not_repeated():
    policy = Retry(attempts=3)
    waits = [wait(failure(status=503), attempt=n, policy=policy) for n in (1, 2, 3)]
    assert waits == [0.5, 1, None]


def test_waits_double_up_to_the_longest():
    policy = Retry(attempts=5000, base_s=0.5, max_s=30)
    waits = [wait(failure(status=503), attempt=n, policy=policy) for n in range(1, 9)]
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert wait(failure(status=503), attempt=4999, policy=policy) == 30


@given(luck=st.floats(0, 1))
def test_chance_takes_at_most_half_of_a_wait_away(luck):
    assert 0.25 <= wait(failure(status=503), luck=luck) <= 0.5


@pytest.mark.parametrize("retry_after", [0.0, -1.0, math.nan])
def test_a_retry_after_that_asks_for_no_wait_leaves_our_own(retry_after):
    assert wait(failure(status=429, retry_after=retry_after)) == 0.5


@pytest.mark.parametrize("retry_after", [3600.001, 86_400.0, math.inf])
def test_more_than_an_hour_is_not_slept_on(retry_after):
    assert wait(failure(status=429, retry_after=retry_after)) is None


def test_retry_after_may_exceed_the_longest_wait_of_our_own():
    assert wait(failure(status=503, retry_after=45), policy=Retry(max_s=1)) == 45


@pytest.mark.parametrize(
    "bad",
    [{"attempts": 0}, {"base_s": -1}, {"max_s": math.inf}, {"base_s": math.nan}],
    ids=str,
)
def test_a_policy_that_cannot_be_followed_is_refused(bad):
    with pytest.raises(ConfigurationError, match=next(iter(bad))):
        Retry(**bad)
