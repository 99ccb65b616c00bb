"""The plugin manager, and the engines that plugins offer."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

from rembg_plugins.core import hookspecs
from rembg_plugins.core.errors import ConfigurationError

if TYPE_CHECKING:
    from rembg_plugins.core.configuration import Configuration
    from rembg_plugins.core.engine import Engine

BUILT_IN = ("rembg_plugins.engines", "rembg_plugins.testing.offline")
"""Modules of ours that use the hooks; named, not imported: the core knows none of them."""

_LONGEST = 300  # characters of a stranger's error that are shown

_log = logging.getLogger(__name__)

EngineFactory = Callable[["Configuration", str | None], "Engine"]
"""Makes an engine of the settings and of what stood behind the colon in ``rembg:u2net``."""


class Register(Protocol):
    """What a plugin calls to offer an engine."""

    def __call__(
        self,
        name: str,
        factory: EngineFactory,
        *,
        summary: str = "",
        check: Callable[[], str | None] | None = None,
    ) -> None:
        """Offer an engine.

        Args:
            name: What users write after ``--engine``; no colon.
            factory: Makes it.
            summary: One line for people.
            check: Tells why it cannot work here (an extra that is missing), or None if it can;
                must be quick and cost nothing.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineEntry:
    """An engine on offer; ``plugin`` names who offers it."""

    name: str
    factory: EngineFactory
    summary: str
    plugin: str
    check: Callable[[], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginReport:
    """One plugin, and what is wrong with it, if anything is."""

    name: str
    origin: str
    hooks: tuple[str, ...] = ()
    problem: str | None = None


def build_manager(*, load_entry_points: bool = True) -> pluggy.PluginManager:
    """A new manager with the built-in plugins and, unless forbidden, the installed ones.

    A plugin that cannot be imported, or that has a hook we do not know, is left out with one
    warning.
    """
    manager, reports = inspect_plugins(load_entry_points=load_entry_points)
    for report in reports:
        if report.problem:
            _log.warning(
                "Plugin %s (%s) is left out: %s", report.name, report.origin, report.problem
            )
    return manager


def inspect_plugins(
    *, load_entry_points: bool = True
) -> tuple[pluggy.PluginManager, tuple[PluginReport, ...]]:
    """A new manager, and a report on every plugin that was found."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    reports = [
        _add(manager, name, "built in", partial(importlib.import_module, name)) for name in BUILT_IN
    ]
    if load_entry_points:
        found = sorted(entry_points(group=hookspecs.PROJECT), key=lambda point: point.name)
        reports += [_add(manager, point.name, _origin(point), point.load) for point in found]
    return manager, tuple(reports)


@cache
def default_manager() -> pluggy.PluginManager:
    """The manager of this process, made on first use."""
    return build_manager()


def engines(manager: pluggy.PluginManager) -> Mapping[str, EngineEntry]:
    """The engines on offer, by name; of two with one name the built-in stays, with a warning."""
    offered: dict[str, EngineEntry] = {}
    for impl in _implementations(manager, "rembg_register_engines"):
        register = _register_into(offered, impl.plugin_name)
        try:
            impl.function(register=register)
        except Exception:  # noqa: BLE001 - a stranger's code; the traceback is logged
            _log.exception("Plugin %s failed while it registered engines", impl.plugin_name)
    return offered


def make_engine(
    spec: str, configuration: Configuration, *, manager: pluggy.PluginManager | None = None
) -> Engine:
    """The engine that a name stands for.

    Args:
        spec: ``"local"``, ``"api"``, ``"rembg:birefnet-general"``, or a plugin's.
        configuration: Where its settings come from.
        manager: Whose engines; those of this process by default.

    Raises:
        ConfigurationError: There is no such engine, or it cannot work here.
    """
    name, _, variant = spec.partition(":")
    offered = engines(manager or default_manager())
    entry = offered.get(name)
    if entry is None:
        known = ", ".join(sorted(offered))
        message = f"There is no engine '{name}'. Engines: {known}."
        raise ConfigurationError(message)
    problem = entry.check()
    if problem:
        message = f"The engine '{name}' cannot work here: {problem}"
        raise ConfigurationError(message)
    return entry.factory(configuration, variant or None)


def notify(manager: pluggy.PluginManager, hook: str, **arguments: Any) -> None:
    """Tell every observer; one that raises is logged and changes nothing."""
    for impl in _implementations(manager, hook):
        try:
            impl.function(*(arguments[name] for name in impl.argnames))
        except Exception:  # noqa: BLE001 - a stranger's code; the traceback is logged
            _log.exception("Plugin %s failed in %s", impl.plugin_name, hook)


def _implementations(manager: pluggy.PluginManager, hook: str) -> list[pluggy.HookImpl]:
    caller: pluggy.HookCaller = getattr(manager.hook, hook)
    return caller.get_hookimpls()


def _register_into(offered: dict[str, EngineEntry], plugin: str) -> Register:
    def register(
        name: str,
        factory: EngineFactory,
        *,
        summary: str = "",
        check: Callable[[], str | None] | None = None,
    ) -> None:
        if name in offered:
            taken = offered[name].plugin
            _log.warning("Engine %s of plugin %s is left out: %s has one", name, plugin, taken)
            return
        offered[name] = EngineEntry(
            name=name, factory=factory, summary=summary, plugin=plugin, check=check or _no_problem
        )

    return register


def _no_problem() -> str | None:
    return None


def _origin(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def _add(
    manager: pluggy.PluginManager, name: str, origin: str, load: Callable[[], object]
) -> PluginReport:
    try:
        plugin = load()
        manager.register(plugin, name)
    except Exception as problem:  # noqa: BLE001 - a stranger's module may raise anything
        return PluginReport(name=name, origin=origin, problem=_one_line(problem))
    callers = manager.get_hookcallers(plugin) or []
    unknown = sorted(caller.name for caller in callers if not caller.has_spec())
    if unknown:
        manager.unregister(plugin)
        return PluginReport(name=name, origin=origin, problem=f"unknown hook {', '.join(unknown)}")
    return PluginReport(name=name, origin=origin, hooks=tuple(sorted(c.name for c in callers)))


def _one_line(problem: BaseException) -> str:
    text = " ".join(f"{type(problem).__name__}: {problem}".split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
