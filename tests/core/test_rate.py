from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.core.rate import DEFAULT_RATE, LONGEST_S, MOST_REQUESTS, Rate, parse_rate

RATES = st.builds(
    Rate,
    requests=st.integers(1, MOST_REQUESTS),
    seconds=st.floats(0, LONGEST_S, exclude_min=True) | st.integers(1, int(LONGEST_S)),
)


@given(rate=RATES)
def test_a_rate_is_read_back_as_it_was_written(rate):
    assert parse_rate(str(rate)) == rate


@pytest.mark.parametrize(
    ("text", "requests", "seconds"),
    [("200/10", 200, 10), (" 200 / 10 ", 200, 10), ("1/0.5", 1, 0.5), ("7/1e-3", 7, 0.001)],
)
def test_the_usual_spellings_are_understood(text, requests, seconds):
    assert parse_rate(text) == Rate(requests=requests, seconds=seconds)


@pytest.mark.parametrize("text", ["off", "OFF", " off\n"])
def test_off_is_no_rate(text):
    assert parse_rate(text) is None


def test_a_rate_is_given_back():
    assert parse_rate(DEFAULT_RATE) is DEFAULT_RATE
    assert str(DEFAULT_RATE) == "200/10"
    assert pickle.loads(pickle.dumps(DEFAULT_RATE)) == DEFAULT_RATE  # noqa: S301 - made here


BAD = [
    *("", "on", "200", "200/", "/10", "200/10/1", "200:10", "200/10s", "2_0/10", "1.5/10", "-1/10"),
    *("200/-10", "0/10", "200/0", "10001/10", "1/86401", "1/inf", "1/nan", "1/1e999", "٣/10"),
    *("9" * 5000 + "/1", "1/" + "9" * 5000, None, 200, True, b"200/10", ["200/10"]),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: repr(bad)[:12])
def test_what_is_no_rate_is_refused_with_its_value_and_the_form(bad):
    with pytest.raises(ConfigurationError) as caught:
        parse_rate(bad, name="--rate")
    text = str(caught.value)
    assert text.startswith("--rate is ")
    assert "give REQUESTS/SECONDS, as in 200/10, with 1 to 10000 requests" in text
    assert "or 'off'" in text


def test_a_password_that_strayed_here_is_not_repeated():
    with pytest.raises(ConfigurationError) as caught:
        parse_rate("https://me:hunter2@proxy.example")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("requests", "seconds"),
    [(0, 10), (-1, 10), (MOST_REQUESTS + 1, 10), (1, 0), (1, LONGEST_S + 1), (1, float("nan"))],
)
def test_no_rate_out_of_range_can_be_made(requests, seconds):
    with pytest.raises(ConfigurationError, match="The rate is"):
        Rate(requests=requests, seconds=seconds)


@pytest.mark.parametrize(
    ("requests", "seconds"),
    [(1.5, 10), (2.0, 10), (True, 10), ("5", 10), (None, 10), (5, True), (5, "10"), (5, None)],
)
def test_no_rate_of_anything_but_numbers_can_be_made(requests, seconds):
    with pytest.raises(ConfigurationError, match=f"The rate is '{requests}/{seconds}': give"):
        Rate(requests=requests, seconds=seconds)


@given(text=st.text(max_size=30))
def test_no_text_makes_a_crash(text):
    try:
        rate = parse_rate(text)
    except ConfigurationError:
        return
    assert rate is None or parse_rate(str(rate)) == rate
