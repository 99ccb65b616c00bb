from __future__ import annotations

from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest

from rembg_plugins.core import plugins as core_plugins
from rembg_plugins.core.hookspecs import hookimpl


@pytest.fixture
def installed(monkeypatch):
    """Pretend that one more plugin is installed: functions by the names of their hooks."""

    def install(error=None, **functions):
        module = SimpleNamespace(**{name: hookimpl(one) for name, one in functions.items()})

        def load(self):
            if error is not None:
                raise error
            return module

        point = EntryPoint("mine", "my_package", "rembg_plugins")
        monkeypatch.setattr(core_plugins, "entry_points", lambda group: [point])
        monkeypatch.setattr(EntryPoint, "load", load)

    return install


def test_plugins_are_listed_with_their_origin_hooks_and_engines(run, installed):
    installed(rembg_register_engines=lambda register: register("mine", print, summary="Is mine."))
    done = run("plugins")
    assert done.exit_code == 0
    assert "plugin rembg_plugins.engines (built in): rembg_register_engines" in done.stdout
    assert "plugin mine (my_package): rembg_register_engines" in done.stdout
    assert "engine mine (plugin mine): Is mine." in done.stdout
    assert "engine local (plugin rembg_plugins.engines)" in done.stdout


def test_an_engine_that_cannot_work_says_why(run, installed):
    installed(
        rembg_register_engines=lambda register: register("mine", print, check=lambda: "no model")
    )
    assert "[cannot work here: no model]" in run("plugins").stdout


def test_all_is_well_as_it_comes(run, installed):
    installed()
    done = run("plugins", "--check")
    assert done.exit_code == 0
    assert "3 plugins checked, 0 problems" in done.stdout


def register_twice(register):
    register("mine", print)
    register("api", print)


def register_nonsense(register):
    register("a:b", None)


def fail(register):
    raise ZeroDivisionError("by zero")


def add_remove(cli):
    cli.add_command(cli.commands["options"], "remove")


def add_nothing(cli):
    raise ZeroDivisionError("no commands")


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"error": ImportError("no module x\x1b")}, "mine: ImportError: no module x\\x1b"),
        ({"rembg_from_the_future": lambda: None}, "mine: unknown hook rembg_from_the_future"),
        ({"rembg_register_engines": register_twice}, "mine: engine api is left out: rembg_plugins"),
        ({"rembg_register_engines": register_nonsense}, "mine: engine a:b has a colon in its name"),
        (
            {"rembg_register_engines": register_nonsense},
            "the factory of engine a:b cannot be called",
        ),
        ({"rembg_register_engines": fail}, "failed while it registered engines: ZeroDivisionError"),
        ({"rembg_register_commands": add_remove}, "Command remove of plugin mine is left out"),
        ({"rembg_register_commands": add_nothing}, "failed while it added commands: ZeroDivision"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_check_fails_where_a_plugin_does_not_work(run, installed, settings, problem):
    installed(**settings)
    done = run("plugins", "--check")
    assert done.exit_code == 78
    assert problem in done.stderr
    assert run("plugins").exit_code == 0
