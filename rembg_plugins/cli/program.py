"""The group of all commands, and the one place where an error becomes a message and a code."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from rembg_plugins import __version__
from rembg_plugins.cli.interruption import exit_code_of, raising_on_sigterm
from rembg_plugins.cli.logs import is_verbose, log_traceback, logging_to_stderr
from rembg_plugins.cli.wording import HELP_NAMES, sentences
from rembg_plugins.core.outcomes import EXIT_OK, EXIT_SOME_FAILED, OUTCOMES, outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pluggy


class Program(click.Group):
    """``rembg-plugins``: its own commands at once, those of plugins when they are asked for.

    Args:
        manager: Whose plugins; those of this process by default, loaded on first need.
        **settings: As for any click group.
    """

    def __init__(self, *, manager: pluggy.PluginManager | None = None, **settings: Any) -> None:
        """Begin without commands."""
        settings.setdefault("context_settings", HELP_NAMES)
        super().__init__(**settings)
        self._manager = manager
        self._has_plugins = False
        version = click.version_option(__version__, message="%(prog)s %(version)s")
        version(self)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        self._add_plugins()
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name; plugins are loaded only where it is none of our own."""
        if cmd_name not in self.commands:
            self._add_plugins()
        return super().get_command(ctx, cmd_name)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - the signature of click's own
        **extra: Any,
    ) -> Any:
        """Run a command; as click's own, but with our exit codes."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode, **extra)
        sys.exit(self.run(args, prog_name, complete_var=complete_var, **extra))

    def run(
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **kwargs: Any
    ) -> int:
        """Run a command, print what went wrong, and give the exit code."""
        _print_everything()
        try:
            with logging_to_stderr(), raising_on_sigterm():
                try:
                    answer = super().main(args, prog_name, standalone_mode=False, **kwargs)
                    sys.stdout.flush()
                except Exception as error:  # noqa: BLE001 - the one place where they all end
                    return _report(error)
                finally:
                    _print_what_can_be()
        except KeyboardInterrupt as error:  # while something was cleaned up
            return exit_code_of(error)
        except SystemExit as error:  # click's own, after a broken pipe
            return error.code if isinstance(error.code, int) else EXIT_SOME_FAILED
        return answer if isinstance(answer, int) else EXIT_OK

    def _add_plugins(self) -> None:
        if self._has_plugins:
            return
        self._has_plugins = True
        from rembg_plugins.cli.plugin_commands import add_commands  # noqa: PLC0415 - lazily
        from rembg_plugins.core.plugins import default_manager  # noqa: PLC0415 - lazily

        add_commands(self, self._manager or default_manager())


def _report(error: Exception) -> int:
    """Print an error with its remedy, and give the exit code of its cause."""
    log_traceback(error)
    if isinstance(error, click.Abort):  # click's stand-in for Ctrl-C
        click.echo("Interrupted.", err=True)
        return exit_code_of(error.__cause__ or error.__context__)
    if isinstance(error, BrokenPipeError):  # nobody is listening any more
        return EXIT_SOME_FAILED
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    row = outcome(error)
    first, *others = sentences(error)
    click.echo(f"Error: {first}", err=True)
    for line in others:
        click.echo(f"       {line}", err=True)
    click.echo(row.remedy, err=True)
    if row is OUTCOMES[BaseException] and not is_verbose():
        click.echo("Run it again with -v to see where it happened.", err=True)
    return row.exit_code


def _print_everything() -> None:
    """Let no file name be too strange for the terminal's encoding."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # suppressed


def _print_what_can_be() -> None:
    """Empty the buffer; where that cannot be, send it nowhere: the interpreter's end is quiet."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
