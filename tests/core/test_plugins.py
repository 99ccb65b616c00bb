from __future__ import annotations

import logging
from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pluggy
import pytest

from rembg_plugins.core import hookspecs, plugins
from rembg_plugins.core.configuration import configure
from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.core.hookspecs import hookimpl
from rembg_plugins.core.plugins import build_manager, engines, inspect_plugins, make_engine, notify


@pytest.fixture
def installed(monkeypatch):
    """Pretend that these entry points are installed: a list of (name, loaded object or error)."""

    def install(*found):
        def load(self):
            target = dict(found)[self.name]
            if isinstance(target, BaseException):
                raise target
            return target

        points = [EntryPoint(name, f"{name}_package", "rembg_plugins") for name, _ in found]
        monkeypatch.setattr(plugins, "entry_points", lambda group: points)
        monkeypatch.setattr(EntryPoint, "load", load)

    return install


def plugin(**functions):
    return SimpleNamespace(**{name: hookimpl(function) for name, function in functions.items()})


def test_the_built_in_engines_come_in_through_the_hook():
    offered = engines(build_manager(load_entry_points=False))
    assert {name: entry.plugin for name, entry in offered.items()} == {
        "api": "rembg_plugins.engines",
        "local": "rembg_plugins.engines",
        "rembg": "rembg_plugins.engines",
        "offline": "rembg_plugins.testing.offline",
    }


def test_every_hook_is_prefixed_and_has_a_docstring():
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    hooks = [
        name for name in vars(hookspecs) if hasattr(vars(hookspecs)[name], "rembg_plugins_spec")
    ]
    assert len(hooks) == 6
    for name in hooks:
        assert name.startswith("rembg_")
        assert getattr(hookspecs, name).__doc__


def test_an_installed_plugin_offers_an_engine(installed):
    made = []

    def factory(configuration, variant):
        made.append((configuration, variant))
        return "the engine"

    installed(("mine", plugin(rembg_register_engines=lambda register: register("mine", factory))))
    configuration = configure(environ={})
    engine = make_engine("mine:large", configuration, manager=build_manager())
    assert engine == "the engine"
    assert made == [(configuration, "large")]


def test_a_plugin_that_cannot_be_imported_is_left_out_with_one_warning(installed, caplog):
    installed(("broken", ImportError("no such module\nat all")), ("good", plugin()))
    manager = build_manager()
    assert manager.has_plugin("good")
    assert not manager.has_plugin("broken")
    assert [record.getMessage() for record in caplog.records] == [
        "Plugin broken (broken_package) is left out: ImportError: no such module at all"
    ]


def test_a_plugin_with_an_unknown_hook_is_left_out_and_reported(installed):
    installed(("future", plugin(rembg_from_the_future=lambda: None)))
    manager, reports = inspect_plugins()
    assert not manager.has_plugin("future")
    assert [report.problem for report in reports] == [
        None,
        None,
        "unknown hook rembg_from_the_future",
    ]


def test_a_plugin_with_arguments_we_do_not_know_is_left_out(installed):
    installed(("odd", plugin(rembg_before_request=lambda request, mood: None)))
    _, reports = inspect_plugins()
    assert "mood" in reports[-1].problem


def test_a_plugin_cannot_take_the_name_of_a_built_in_engine(installed, caplog):
    def steal(register):
        register("api", lambda configuration, variant: "a thief")

    installed(("thief", plugin(rembg_register_engines=steal)))
    assert engines(build_manager())["api"].plugin == "rembg_plugins.engines"
    assert "left out" in caplog.text


def test_a_plugin_that_fails_while_registering_does_not_hide_the_others(installed, caplog):
    def fail(register):
        raise ZeroDivisionError

    installed(("bad", plugin(rembg_register_engines=fail)))
    assert "local" in engines(build_manager())
    assert "Plugin bad failed" in caplog.text


def test_an_observer_that_raises_is_logged_and_changes_nothing(caplog):
    seen = []

    def fail(request):
        raise ZeroDivisionError

    def see(request):
        seen.append(request)

    manager = build_manager(load_entry_points=False)
    manager.register(plugin(rembg_before_request=fail), "first")
    manager.register(plugin(rembg_before_request=see), "second")
    with caplog.at_level(logging.ERROR):
        notify(manager, "rembg_before_request", request="the request")
    assert seen == ["the request"]
    assert "Plugin first failed in rembg_before_request" in caplog.text


def test_an_unknown_engine_is_refused_with_the_names_there_are():
    with pytest.raises(ConfigurationError, match="no engine 'lokal'. Engines: api, local, offline"):
        make_engine("lokal", configure(environ={}), manager=build_manager(load_entry_points=False))


def test_an_engine_whose_extra_is_missing_says_what_to_install(monkeypatch):
    monkeypatch.setattr("rembg_plugins.engines.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError) as caught:
        make_engine("local", configure(environ={}), manager=build_manager(load_entry_points=False))
    assert str(caught.value) == (
        "The engine 'local' cannot work here: onnxruntime and numpy not installed; "
        "run: pip install 'rembg-plugins[local]'"
    )
