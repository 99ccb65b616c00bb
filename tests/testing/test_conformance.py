from __future__ import annotations

import threading

import pytest

from rembg_plugins.testing import ConformanceError
from rembg_plugins.testing.conformance import Task, by_case, conclude, gather


def test_all_findings_are_raised_together_each_once():
    with pytest.raises(AssertionError) as caught:
        conclude("The engine 'x'", ["One.", "Two.", "One."])
    assert isinstance(caught.value, ConformanceError)
    assert caught.value.problems == ("One.", "Two.")
    assert str(caught.value) == "The engine 'x' does not conform:\n- One.\n- Two."


def test_nothing_found_raises_nothing():
    conclude("The engine 'x'", [])


def test_a_check_that_fails_is_a_finding_and_stops_no_other():
    def _first_things(subject):
        yield f"{subject} is one."
        raise KeyError("x")

    def _others(subject):
        yield "Two."

    assert gather([_first_things, _others], "It") == [
        *("It is one.", "The check of first things raised KeyError: 'x'.", "Two.")
    ]


def test_the_cases_of_one_finding_are_told_together():
    def check(number):
        if number == 3:
            raise ValueError("three")
        if number > 3:
            raise ValueError("another")
        yield "Odd." if number % 2 else "Even."

    cases = {"a": 1, "b": 2, "c": 1, "d": 3, "e": 5}
    assert by_case(cases, check) == [
        *("With a, c: Odd.", "With b: Even.", "With d, e: It raised ValueError: three.")
    ]


def test_a_long_error_is_shortened_and_put_into_one_line():
    def check(subject):
        raise ValueError("one\ntwo " + "x" * 1000)

    (line,) = gather([check], None)
    assert "one two xxx" in line
    assert len(line) < 400


def test_a_task_hands_over_what_it_raises():
    def fail():
        raise KeyError("x")

    with pytest.raises(KeyError):
        Task(fail).ends(30)


def test_a_task_that_does_not_end_is_noticed():
    free = threading.Event()
    task = Task(lambda: free.wait(30))
    assert not task.ends(0.01)
    free.set()
    assert task.ends(30)
