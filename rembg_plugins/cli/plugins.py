"""``rembg-plugins plugins``: what is registered, and from where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rembg_plugins.cli.logs import verbose_option
from rembg_plugins.cli.wording import HELP_NAMES, count, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    import pluggy

    from rembg_plugins.core.plugins import EngineEntry, PluginReport

_NOT_READY = 78  # a plugin that cannot work is a mistake in the set-up


@click.command(context_settings=HELP_NAMES)
@click.option("--check", is_flag=True, help="Fail if a plugin is left out or does not work.")
@verbose_option
@click.pass_context
def plugins(context: click.Context, *, check: bool) -> None:
    """List the plugins, their hooks, and the engines on offer."""
    from rembg_plugins.core.plugins import engines, inspect_plugins  # noqa: PLC0415 - lazily

    manager, reports = inspect_plugins()
    for report in reports:
        click.echo(printable(_line_of_plugin(report)))
    click.echo()
    for entry in engines(manager).values():
        click.echo(printable(_line_of_engine(entry)))
    if not check:
        return
    problems = [f"{report.name}: {report.problem}" for report in reports if report.problem]
    problems += _problems_with_engines(manager) + _problems_with_commands(context, manager)
    click.echo()
    for problem in problems:
        click.echo(f"Problem: {printable(problem)}", err=True)
    click.echo(f"{count(len(reports), 'plugin')} checked, {count(len(problems), 'problem')}")
    context.exit(_NOT_READY if problems else 0)


def _line_of_plugin(report: PluginReport) -> str:
    state = f"left out: {report.problem}" if report.problem else ", ".join(report.hooks)
    return f"plugin {report.name} ({report.origin}): {state or 'no hooks'}"


def _line_of_engine(entry: EngineEntry) -> str:
    problem = entry.check()
    state = f"  [cannot work here: {problem}]" if problem else ""
    return f"engine {entry.name} (plugin {entry.plugin}): {entry.summary}{state}"


def _problems_with_engines(manager: pluggy.PluginManager) -> list[str]:
    """What goes wrong while plugins register their engines; a run only logs it."""
    problems: list[str] = []
    owners: dict[str, str] = {}
    caller: pluggy.HookCaller = manager.hook.rembg_register_engines
    for impl in caller.get_hookimpls():
        register = _noting(owners, problems, impl.plugin_name)
        try:
            impl.function(*(register for _ in impl.argnames))
        except Exception as error:  # noqa: BLE001 - a stranger's code
            problems.append(
                f"{impl.plugin_name}: failed while it registered engines: "
                f"{type(error).__name__}: {error}"
            )
    return problems


def _noting(owners: dict[str, str], problems: list[str], plugin: str) -> Callable[..., None]:
    def register(name: str, factory: object, **_: object) -> None:
        if not callable(factory):
            problems.append(f"{plugin}: the factory of engine {name} cannot be called")
        if ":" in name:
            problems.append(f"{plugin}: engine {name} has a colon in its name")
        if name in owners:
            problems.append(f"{plugin}: engine {name} is left out: {owners[name]} has one")
        owners.setdefault(name, plugin)

    return register


def _problems_with_commands(context: click.Context, manager: pluggy.PluginManager) -> list[str]:
    """What goes wrong while plugins add their commands, tried on a group like ours."""
    from rembg_plugins.cli.plugin_commands import try_commands  # noqa: PLC0415 - lazily

    program = context.find_root().command
    own = dict(program.commands) if isinstance(program, click.Group) else {}
    return list(try_commands(click.Group(commands=own), manager))
