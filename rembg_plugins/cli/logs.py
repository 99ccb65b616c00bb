"""What the package logs, on standard error: warnings always, everything with ``-v``."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any

import click

from rembg_plugins.cli.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LOGGER = logging.getLogger("rembg_plugins")


class _Handler(logging.Handler):
    """Prints a record on the standard error of the moment; tracebacks only where asked for."""

    def emit(self, record: logging.LogRecord) -> None:
        lines = [f"{record.levelname.lower()}: {record.getMessage()}"]
        if record.exc_info and is_verbose():
            lines += logging.Formatter().formatException(record.exc_info).splitlines()
        for line in lines:
            click.echo(printable(line), err=True)


@contextlib.contextmanager
def logging_to_stderr() -> Iterator[None]:
    """Print the package's log meanwhile; afterwards all is as before."""
    handler, level = _Handler(), _LOGGER.level
    _LOGGER.addHandler(handler)
    _LOGGER.setLevel(logging.WARNING)
    try:
        yield
    finally:
        _LOGGER.removeHandler(handler)
        _LOGGER.setLevel(level)


def is_verbose() -> bool:
    """Whether ``-v`` was given."""
    return _LOGGER.isEnabledFor(logging.DEBUG)


def log_traceback(error: BaseException) -> None:
    """Show where an error came from, if ``-v`` was given."""
    _LOGGER.debug("%s", type(error).__name__, exc_info=error)


def verbose_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option ``-v`` for a command; its value is the log's level, not an argument."""
    return click.option(
        "-v",
        "--verbose",
        is_flag=True,
        expose_value=False,
        callback=_raise_level,
        help="Show log lines and tracebacks.",
    )(command)


def _raise_level(context: click.Context, parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click calls it so
    del context, parameter
    if value:
        _LOGGER.setLevel(logging.DEBUG)
