"""The removal options as flags of a command, made of their one declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from rembg_plugins.core.options import DEFAULTS, OPTIONS, OptionInfo, Options, parse_options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_METAVARS = {"integer": "N", "number": "X", "choice": "NAME", "color": "COLOR"}


class _RawValue(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic as of click 8.5
    """A value as it was typed: all are parsed together, so that every mistake is told at once."""

    def __init__(self, info: OptionInfo) -> None:
        """Keep what is declared."""
        self.name = _METAVARS[info.kind]
        self._choices = info.choices

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The choices that begin so."""
        del ctx, param
        found = (name for name in self._choices if name.startswith(incomplete.upper()))
        return [CompletionItem(name) for name in found]


def removal_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add a flag for each removal option to a command."""
    for name, info in reversed(list(OPTIONS.items())):
        command = _flag(name, info)(command)
    return command


def read_options(values: Mapping[str, object], **settled: object) -> Options:
    """The options that were given on the command line.

    Args:
        values: The command's arguments; those that are no options are left alone.
        **settled: Options that are known from elsewhere; they win.

    Raises:
        click.UsageError: With every mistake, in the API's own words.
    """
    raw = {name: values[name] for name in OPTIONS if values.get(name) is not None} | settled
    parsed, errors = parse_options(raw)
    if errors:
        raise click.UsageError("\n".join(error.message for error in errors))
    return Options(**parsed)  # type: ignore[arg-type]  # parsed by name just above


def spelling(name: str, info: OptionInfo) -> str:
    """The flag of an option: ``--bg-color``, ``--expand/--no-expand``."""
    flag = f"--{name.replace('_', '-')}"
    return f"{flag}/--no-{flag[2:]}" if info.kind == "boolean" and DEFAULTS[name] else flag


def meaning(info: OptionInfo) -> str:
    """The help of an option, with what it may be and what it is where it is not given."""
    return f"{info.help}{_values(info)}  [default: {info.api_default}]"


def _flag(name: str, info: OptionInfo) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    if info.kind == "boolean":
        return click.option(
            spelling(name, info), name, is_flag=True, default=None, help=meaning(info)
        )
    return click.option(spelling(name, info), name, type=_RawValue(info), help=meaning(info))


def _values(info: OptionInfo) -> str:
    if info.choices:
        return f" One of {', '.join(info.choices)}."
    if info.minimum is not None and info.maximum is not None:
        return f" {info.minimum:g} to {info.maximum:g} {info.unit}."
    return ""
