from __future__ import annotations

import os

import pytest

from rembg_plugins.cli.wording import count, printable, sentences
from rembg_plugins.core.errors import APIError, FieldError, ValidationError


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("cat.jpg", "cat.jpg"),
        ("Käse 猫.png", "Käse 猫.png"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\nb\rc\td", "a\\nb\\rc\\td"),
        ("x\x9b31m", "x\\x9b31m"),
        ("gpj.\u202etac", "gpj.\\u202etac"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        (os.fsdecode(b"caf\xe9.png"), "caf\\xe9.png"),
        ("\ud800", "\\ud800"),
    ],
)
def test_names_are_printed_so_that_they_do_nothing_to_the_terminal(raw, shown):
    assert printable(raw) == shown
    shown.encode()


def test_numbers_agree_with_their_nouns():
    assert [count(number, "picture") for number in (0, 1, 2)] == [
        "0 pictures",
        "1 picture",
        "2 pictures",
    ]


def test_every_single_problem_of_an_error_is_a_line():
    problems = [FieldError(field="w", message=f"bad {n}\x1b", code="x") for n in (1, 2)]
    assert sentences(ValidationError(errors=problems)) == ("bad 1\\x1b", "bad 2\\x1b")
    assert sentences(APIError("no answer")) == ("no answer",)


def test_errors_of_the_system_are_named_in_words():
    assert sentences(FileNotFoundError(2, "No such file", "a\nb")) == ("No such file: 'a\\nb'",)
    assert sentences(OSError(28, "No space")) == ("No space",)


def test_a_bug_is_told_with_its_class():
    assert sentences(ZeroDivisionError("by zero")) == ("ZeroDivisionError: by zero",)
