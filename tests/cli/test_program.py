from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys

import click
import pluggy
import pytest
from click.testing import CliRunner
from PIL import Image

import rembg_plugins
from rembg_plugins.cli import build_program, cli
from rembg_plugins.core import errors, hookspecs
from rembg_plugins.core.hookspecs import hookimpl
from rembg_plugins.core.outcomes import outcome


@pytest.fixture
def program():
    """A fresh program whose command ``fail`` raises what it is given, and its plugin manager."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    fresh = build_program()
    fresh._manager = manager
    return fresh


def failing(program, error):
    @program.command()
    def fail():
        raise error

    return CliRunner().invoke(program, ["fail"])


ERRORS = [
    one
    for one in vars(errors).values()
    if isinstance(one, type) and issubclass(one, errors.RembgError)
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda one: one.__name__)
def test_every_error_ends_in_its_message_its_remedy_and_its_code(program, error):
    done = failing(program, error("What is\nwrong"))
    assert done.exit_code == outcome(error).exit_code
    assert done.stderr == f"Error: What is\\nwrong\n{outcome(error).remedy}\n"


def test_a_bug_says_how_to_see_where_it_happened(program):
    done = failing(program, ZeroDivisionError("by zero"))
    assert done.exit_code == 70
    assert "Error: ZeroDivisionError: by zero" in done.stderr
    assert "Run it again with -v" in done.stderr
    assert "Traceback" not in done.stderr


def test_field_errors_are_a_line_each(program):
    problems = [errors.FieldError(field="w", message=one, code="x") for one in ("one", "two")]
    done = failing(program, errors.ValidationError(errors=problems))
    assert done.stderr.startswith("Error: one\n       two\n")
    assert done.exit_code == 65


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interruption_is_130_and_no_traceback(program, error):
    done = failing(program, error)
    assert done.exit_code == 130
    assert done.stderr.strip() == "Interrupted."


def test_a_broken_pipe_is_quiet(program):
    done = failing(program, BrokenPipeError(32, "Broken pipe"))
    assert done.exit_code == 1
    assert done.output == ""


def test_usage_errors_are_2(run):
    for arguments in (("remove",), ("no-such-command",), ("remove", "--no-such-option", "x")):
        assert run(*arguments).exit_code == 2


def test_without_standalone_mode_errors_come_out_as_they_are(program):
    @program.command()
    def fail():
        raise errors.ConfigurationError("as it is")

    with pytest.raises(errors.ConfigurationError):
        program.main(["fail"], standalone_mode=False)


def test_the_version_is_the_packages(run):
    assert run("--version").stdout.split()[-1] == rembg_plugins.__version__


def test_help_names_every_command(run):
    for flag in ("--help", "-h"):
        done = run(flag)
        assert done.exit_code == 0
        assert all(name in done.stdout for name in ("remove", "options", "plugins", "doctor"))


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_and_option_has_a_help(name):
    command = cli.commands[name]
    assert command.help
    assert all(one.help for one in command.params if isinstance(one, click.Option))


def test_a_plugin_adds_a_command(program):
    def add(cli):
        @cli.command()
        def greet():
            """Greet."""
            click.echo("hello")

    program._manager.register(_plugin(add), "greeter")
    assert CliRunner().invoke(program, ["greet"]).stdout == "hello\n"
    assert "greet" in CliRunner().invoke(program, ["--help"]).stdout


def test_a_plugin_cannot_take_a_command_of_ours(program):
    def steal(cli):
        cli.add_command(click.Command("remove", callback=lambda: click.echo("stolen")))
        cli.add_command(click.Command("extra", callback=lambda: click.echo("extra")))

    program._manager.register(_plugin(steal), "thief")
    done = CliRunner().invoke(program, ["--help"])
    assert "warning: Command remove of plugin thief is left out" in done.stderr
    assert "SOURCES" in CliRunner().invoke(program, ["remove", "--help"]).stdout
    assert CliRunner().invoke(program, ["extra"]).stdout == "extra\n"


def test_a_plugin_that_fails_adds_nothing_and_stops_nothing(program):
    def fail(cli):
        cli.add_command(click.Command("half"))
        raise ZeroDivisionError("by zero")

    program._manager.register(_plugin(fail), "bad")
    done = CliRunner().invoke(program, ["half"])
    assert done.exit_code == 2
    assert "Plugin bad failed while it added commands: ZeroDivisionError: by zero" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_log_goes_to_standard_error_and_is_as_before_afterwards(program):
    log = logging.getLogger("rembg_plugins")
    before = (list(log.handlers), log.level)

    @program.command()
    def warn():
        log.getChild("x").warning("odd\x1b")
        log.getChild("x").info("unheard")

    done = CliRunner().invoke(program, ["warn"])
    assert done.stderr == "warning: odd\\x1b\n"
    assert (list(log.handlers), log.level) == before


def test_names_that_the_terminal_cannot_show_are_escaped(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", stream)

    @click.command()
    def show():
        click.echo("é 猫")

    program = build_program()
    program.add_command(show)
    assert program.run(["show"]) == 0
    assert stream.buffer.getvalue() == b"\xe9 \\u732b\n"


PROBE = """
import sys, json
from rembg_plugins.cli import cli
try:
    cli.main({arguments})
except SystemExit:
    pass
print(json.dumps(sorted({{name.split(".")[0] for name in sys.modules}})), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["remove", "--help"], ["options"], ["remove"]])
def test_help_loads_nothing_heavy(arguments):
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(arguments=arguments)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded = set(json.loads(done.stderr.splitlines()[-1]))
    assert not loaded & {"PIL", "numpy", "onnxruntime", "requests", "rich", "pluggy", "dotenv"}


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "rembg_plugins.cli", "--version"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert re.fullmatch(r"rembg-plugins \S+\n", done.stdout)


def _plugin(add):
    class Plugin:
        rembg_register_commands = staticmethod(hookimpl(add))

    return Plugin()


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_standard_streams_may_be_closed(closed, tmp_path):
    Image.new("RGB", (40, 30), "red").save(tmp_path / "cat.png")
    command = f'"{sys.executable}" -m rembg_plugins.cli remove cat.png --engine offline {closed}'
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, timeout=60, check=False)  # noqa: S607 - sh
    assert done.returncode == 0
    with Image.open(tmp_path / "cat-cutout.webp") as cutout:
        assert cutout.size == (40, 30)
