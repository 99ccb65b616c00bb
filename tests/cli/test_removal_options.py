from __future__ import annotations

import click
import pytest
from click.shell_completion import ShellComplete

from rembg_plugins.cli import cli
from rembg_plugins.cli.removal_options import read_options, removal_options
from rembg_plugins.core.options import DEFAULTS, OPTIONS, Options, form_fields, format_value

EXAMPLES = {
    "format": "BMP",
    "w": 300,
    "h": 200,
    "exact_resize": True,
    "mask": True,
    "angle": -12.5,
    "expand": False,
    "bg_color": "#ff0000",
}
"""A value of each option that is not its default."""


def flags_of(name, value):
    flag = f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        return [flag if value else f"--no-{flag[2:]}"]
    return [flag, format_value(value)]


def parsed(*arguments):
    seen = []
    command = click.command()(removal_options(lambda **values: seen.append(values)))
    command.main(list(arguments), standalone_mode=False)
    return read_options(seen[0])


def test_the_examples_leave_no_option_out():
    assert set(EXAMPLES) == set(OPTIONS)
    assert all(EXAMPLES[name] != DEFAULTS[name] for name in OPTIONS)


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_has_a_flag_that_sets_it_and_nothing_else(name):
    options = parsed(*flags_of(name, EXAMPLES[name]))
    assert getattr(options, name) == EXAMPLES[name]
    assert set(form_fields(options)) == {name}


def test_no_flags_are_the_defaults():
    assert parsed() == Options()


@pytest.mark.parametrize("name", OPTIONS)
def test_the_help_of_every_option_names_its_meaning_bounds_and_default(name):
    command = cli.commands["remove"]
    settings = command.context_settings  # click remembers the help option that a context made
    context = click.Context(command, terminal_width=500, max_content_width=500, **settings)
    text = cli.commands["remove"].get_help(context)
    line = next(line for line in text.splitlines() if f"--{name.replace('_', '-')} " in line)
    info = OPTIONS[name]
    assert info.help in line
    assert f"[default: {info.api_default}]" in line
    for fact in (*info.choices, info.unit):
        assert fact in line


def test_all_mistakes_are_told_at_once_in_the_words_of_the_api():
    with pytest.raises(click.UsageError) as caught:
        parsed("--w", "abc", "--angle", "500", "--mask", "--bg-color", "red", "--format", "gif")
    assert caught.value.message.splitlines() == [
        "Invalid format 'gif'. Allowed formats: PNG, JPEG, WEBP, BMP",
        "'w' must be an integer, got: 'abc'",
        "'angle' must be between -360 and 360 degrees, got: 500.0",
        "Cannot use 'mask=true' together with 'bg_color'. Choose one or the other.",
    ]


def test_the_shell_completes_formats():
    completion = ShellComplete(cli, {}, "rembg-plugins", "_X")
    found = completion.get_completions(["remove", "--format"], "w")
    assert [item.value for item in found] == ["WEBP"]
