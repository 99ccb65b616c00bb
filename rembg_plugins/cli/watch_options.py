"""The watcher's settings as flags of a command, made of their one declaration."""

from __future__ import annotations

from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import click

from rembg_plugins.cli.wording import sentences
from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.core.outcomes import outcome
from rembg_plugins.watch.problems import ENGINE, FOLDER, LEDGER, SET_UP, TYPED
from rembg_plugins.watch.settings import DEFAULTS, SETTINGS, SettingInfo, flag_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HINTS = {
    SET_UP: "`rembg-plugins watch --help` has every setting.",
    FOLDER: "`rembg-plugins watch --help` says how each folder is chosen.",
    ENGINE: outcome(ConfigurationError).remedy,
    LEDGER: "",
}
"""What is said of mistakes in the watcher's own set-up, which no other command knows, by code."""


class _RawValue(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic as of click 8.5
    """A value as it was typed: all are read together, so that every mistake is told at once."""

    def __init__(self, metavar: str) -> None:
        """Keep what stands for the value in the help."""
        self.name = metavar


def watch_options(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds a flag for each of these settings to a command; for all of them where none is named.

    The command gets those that were given by their names; see :func:`given`.
    """

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for name in reversed(names or tuple(SETTINGS)):
            command = _flag(name, SETTINGS[name])(command)
        return config_option(command)

    return add


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option ``--config`` for a command."""
    return click.option(
        "--config",
        metavar="FILE",
        help="Settings as TOML: flags without dashes, as in `keep_cutouts = 20`.",
    )(command)


class SetUpProblem(click.ClickException):
    """A mistake in the watcher's own settings, folders or ledger."""

    exit_code = outcome(ConfigurationError).exit_code

    def __init__(self, error: ConfigurationError) -> None:
        """Tell of all that is wrong, a line each."""
        first, *others = sentences(error)
        hints = {_HINTS[one.code]: None for one in error.errors if _HINTS.get(one.code)}
        lines = (f"Error: {first}", *(f"       {line}" for line in others), *hints)
        super().__init__("\n".join(lines))

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it."""
        click.echo(self.message, file=file, err=file is None)


@contextmanager
def telling_of_problems() -> Iterator[None]:
    """Errors in what was typed are errors of usage; in the watcher's set-up they say so."""
    try:
        yield
    except ConfigurationError as error:
        codes = {one.code for one in error.errors}
        if codes == {TYPED}:
            text = "\n".join(sentences(error))
            raise click.UsageError(text) from error
        if codes & {*_HINTS}:
            raise SetUpProblem(error) from error
        raise


def spelling(name: str, info: SettingInfo) -> str:
    """The flag of a setting: ``--jobs``, ``--recursive/--no-recursive``."""
    flag = flag_of(name)
    return f"{flag}/--no-{flag[2:]}" if info.metavar is None and DEFAULTS[name] else flag


def shown_default(name: str, info: SettingInfo) -> str:
    """The default of a setting in words; empty for a switch that is off."""
    default = DEFAULTS[name]
    if info.shown_default is not None:
        return info.shown_default
    if isinstance(default, bool):
        return "true" if default else ""
    return f"{default:g}" if isinstance(default, float) else str(default)


def _flag(name: str, info: SettingInfo) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    default = shown_default(name, info)
    text = f"{info.help}  [default: {default}]" if default else info.help
    spellings = [*filter(None, [info.short]), spelling(name, info), name]
    if info.metavar is None:
        return click.option(*spellings, is_flag=True, default=None, help=text)
    return click.option(
        *spellings,
        type=_RawValue(info.metavar),
        metavar=info.metavar,
        multiple=info.several,
        help=text,
    )
