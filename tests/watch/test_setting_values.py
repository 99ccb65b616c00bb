from __future__ import annotations

from pathlib import Path

import pytest

from rembg_plugins.watch.setting_values import (
    choice,
    number,
    read_folder,
    read_switch,
    read_text,
    read_texts,
    whole_number,
)


@pytest.mark.parametrize(
    ("read", "value", "found"),
    [
        (whole_number(1, 64), "8", 8),
        (whole_number(1, 64), 64, 64),
        (whole_number(0), "0", 0),
        (number(0.1, 10, "s"), "0.1", 0.1),
        (number(0.1, 10, "s"), 10, 10.0),
        (choice("keep", "move"), " MOVE ", "move"),
        (read_switch, "yes", True),
        (read_switch, False, False),
        (read_text, " x ", "x"),
        (read_texts, "*.jpg, *.png,,*.jpg", ("*.jpg", "*.png")),
        (read_texts, ["a,b", "c"], ("a,b", "c")),
        (read_texts, ("a",), ("a",)),
        (read_folder, "a/b", Path("a/b")),
        (read_folder, "~", Path.home()),
    ],
)
def test_what_a_flag_a_variable_or_a_file_may_hold_is_read(read, value, found):
    assert read(value) == found


@pytest.mark.parametrize(
    ("read", "value", "advice"),
    [
        (whole_number(1, 64), "0", "give a whole number from 1 to 64"),
        (whole_number(1, 64), "65", "give a whole number from 1 to 64"),
        (whole_number(0), "-1", "give a whole number of 0 or more"),
        (whole_number(0), 1.5, "give a whole number of 0 or more"),
        (number(0.1, 10, "s"), "nan", "give a number from 0.1 to 10 s"),
        (number(0.1, 10, "s"), "inf", "give a number from 0.1 to 10 s"),
        (number(0.1, 10, "s"), True, "give a number from 0.1 to 10 s"),
        (number(0.1, 10, "s"), "1_0", "give a number from 0.1 to 10 s"),
        (number(0.1, 10, "s"), [], "give a number from 0.1 to 10 s"),
        (choice("keep", "move", "delete"), "burn", "give keep, move or delete"),
        (choice("keep", "move"), 1, "give keep or move"),
        (read_switch, "perhaps", "give true or false"),
        (read_switch, 1, "give true or false"),
        (read_text, 1, "give some text"),
        (read_texts, 1, "give one pattern or several"),
        (read_texts, ["a", 1], "give one pattern or several"),
        (read_folder, 1, "give the path of a folder"),
        (read_folder, "a\0b", "give the path of a folder"),
        (read_folder, "~nobody-of-that-name/x", "there is no such user: give the path of a folder"),
    ],
)
def test_a_bad_value_is_answered_with_what_to_give(read, value, advice):
    with pytest.raises(ValueError, match="give") as caught:
        read(value)
    assert str(caught.value) == advice
