"""The commands that plugins add by the hook ``rembg_register_commands``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click
    import pluggy

_log = logging.getLogger(__name__)


def add_commands(program: click.Group, manager: pluggy.PluginManager) -> None:
    """Let every plugin add its commands; what is there already stays.

    Args:
        program: Gets the commands.
        manager: Whose plugins; what goes wrong with one is logged.
    """
    for problem in try_commands(program, manager):
        _log.warning("%s", problem)


def try_commands(program: click.Group, manager: pluggy.PluginManager) -> tuple[str, ...]:
    """What goes wrong while plugins add their commands to a group, a sentence each."""
    problems: list[str] = []
    caller: pluggy.HookCaller = manager.hook.rembg_register_commands
    for impl in caller.get_hookimpls():
        before = dict(program.commands)
        try:
            impl.function(*(program for _ in impl.argnames))
        except Exception as error:  # noqa: BLE001 - a stranger's code
            _log.debug("Plugin %s", impl.plugin_name, exc_info=error)
            program.commands = before
            problems.append(
                f"Plugin {impl.plugin_name} failed while it added commands: "
                f"{type(error).__name__}: {error}"
            )
            continue
        taken = [name for name, own in before.items() if program.commands.get(name) is not own]
        program.commands.update({name: before[name] for name in taken})
        problems += [
            f"Command {name} of plugin {impl.plugin_name} is left out: there is one already"
            for name in taken
        ]
    return tuple(problems)
