from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from rembg_plugins.cli import build_program
from rembg_plugins.cli.watch_options import (
    shown_default,
    spelling,
    telling_of_problems,
    watch_options,
)
from rembg_plugins.core.errors import ConfigurationError, FieldError
from rembg_plugins.core.options import OPTIONS
from rembg_plugins.watch.problems import FOLDER, LEDGER, SET_UP, TYPED
from rembg_plugins.watch.settings import DEFAULTS, SETTINGS, flag_of


def test_every_setting_and_every_option_is_a_flag_of_the_command(run):
    text = " ".join(run("watch", "--help").output.split())
    for name, info in SETTINGS.items():
        assert spelling(name, info).replace("/", " / ") in text
        assert info.help.split(".")[0][:40] in text
    for name in OPTIONS:
        assert flag_of(name) in text


def test_values_are_passed_on_as_they_were_typed():
    seen = {}

    @click.command()
    @watch_options()
    def command(**arguments):
        seen.update(arguments)

    typed = ["--jobs", "many", "--include", "a", "--include", "b", "--no-recursive", "-y"]
    assert CliRunner().invoke(command, typed).exit_code == 0
    assert seen.keys() == {*SETTINGS, "config"}
    assert (seen["jobs"], seen["include"]) == ("many", ("a", "b"))
    assert (seen["recursive"], seen["yes"], seen["once"]) == (False, True, None)


def test_a_command_may_have_a_few_of_them():
    command = watch_options("state")(lambda **_: None)
    assert [option.name for option in command.__click_params__] == ["state", "config"]


@pytest.mark.parametrize("name", SETTINGS)
def test_a_default_is_shown_unless_a_switch_is_off(name):
    text = shown_default(name, SETTINGS[name])
    assert bool(text) is (DEFAULTS[name] is not False)
    assert "None" not in text


@pytest.fixture
def told():
    """What the program makes of an error: the exit code, and the lines."""

    def tell(*codes):
        errors = [FieldError(field=None, message=f"{code}\x1b.", code=code) for code in codes]

        @click.command()
        def fail():
            with telling_of_problems():
                raise ConfigurationError("No.", errors=errors)

        program = build_program()
        program.add_command(fail)
        done = CliRunner().invoke(program, ["fail"])
        return done.exit_code, done.stderr.splitlines()

    return tell


def test_only_what_was_typed_is_a_mistake_of_usage(told):
    code, lines = told(TYPED, TYPED)
    assert code == 2
    assert lines[-2:] == [r"Error: argument\x1b.", r"argument\x1b."]


@pytest.mark.parametrize("code", [SET_UP, FOLDER])
def test_the_watcher_s_own_set_up_is_told_with_the_command_that_knows_it(told, code):
    number, lines = told(TYPED, code)
    assert number == 78
    assert lines[:2] == [r"Error: argument\x1b.", rf"       {code}\x1b."]
    assert lines[2].startswith("`rembg-plugins watch --help`")
    assert len(lines) == 3


def test_a_ledger_that_cannot_be_used_says_itself_what_to_do(told):
    assert told(LEDGER) == (78, [r"Error: ledger\x1b."])


def test_other_problems_are_left_to_the_program(told):
    for codes in (["key"], []):
        number, lines = told(*codes)
        assert number == 78
        assert "doctor" in lines[-1]
