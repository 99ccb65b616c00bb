"""``rembg-plugins watch``: its arguments, its question, its signals."""

from __future__ import annotations

import os
import select
import sys
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from rembg_plugins.cli.interruption import raising_on_signals, telling_of_signals
from rembg_plugins.cli.logs import verbose_option
from rembg_plugins.cli.removal_options import removal_options
from rembg_plugins.cli.watch_options import telling_of_problems, watch_options
from rembg_plugins.cli.wording import HELP_NAMES, sentences
from rembg_plugins.core.outcomes import EXIT_OK
from rembg_plugins.core.paid_calls import ASK_ABOVE
from rembg_plugins.watch.states import PathState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rembg_plugins.core.configuration import Configuration
    from rembg_plugins.core.engine import Engine
    from rembg_plugins.watch.ledger import Ledger
    from rembg_plugins.watch.report import Report, Summary
    from rembg_plugins.watch.settings import WatchSettings


_LOOK_S = 0.5  # between two looks for a line that was typed


@click.command(context_settings=HELP_NAMES)
@click.argument("inbox", type=click.UNPROCESSED)
@click.argument("outbox", type=click.UNPROCESSED)
@watch_options()
@removal_options
@verbose_option
@click.pass_context
def watch(
    context: click.Context, /, *, inbox: str, outbox: str, config: str | None, **arguments: Any
) -> None:
    """Remove the background of each picture that lands in INBOX, and put it into OUTBOX.

    Each picture is paid for once, whatever happens; every option can also be set in a file
    (--config), or in the environment (REMBG_WATCH_JOBS, ...). Ctrl-C ends it when what is under
    way is done; a second one at once.
    """
    from rembg_plugins.watch.lock import EXIT_LOCKED, AlreadyWatchedError  # noqa: PLC0415 - lazily

    try:
        with telling_of_problems():
            engine = _Engine()
            summary = _run(_settings(inbox, outbox, arguments, config, engine), engine)
    except AlreadyWatchedError as error:
        for line in sentences(error):
            click.echo(f"Error: {line}", err=True)
        context.exit(EXIT_LOCKED)
    context.exit(summary.exit_code)


class _Engine:
    """The engine of a run, made while the settings are read: its mistakes are told with theirs.

    Attributes:
        configuration: Its settings, after :meth:`make`.
        made: The engine, likewise.
    """

    configuration: Configuration
    made: Engine

    def make(self, name: str | None) -> None:
        """Make the engine of a name, or the one that is used where none is given."""
        from rembg_plugins.cli.environment import find_configuration  # noqa: PLC0415 - lazily
        from rembg_plugins.core.assembly import build  # noqa: PLC0415 - lazily

        self.configuration = find_configuration(engine=name)
        self.made = build(self.configuration).engine


def _settings(
    inbox: str, outbox: str, arguments: Mapping[str, Any], config: str | None, engine: _Engine
) -> WatchSettings:
    from rembg_plugins.watch.configuration import read_settings  # noqa: PLC0415 - so that --help is quick

    return read_settings(
        *(inbox, outbox, arguments),
        environ=os.environ,
        config=config,
        make_engine=engine.make,
    )


def _run(settings: WatchSettings, engine: _Engine) -> Summary:
    from rembg_plugins.cli.progress import open_bar  # noqa: PLC0415 - lazily
    from rembg_plugins.cli.watch_progress import ProgressReport  # noqa: PLC0415 - lazily
    from rembg_plugins.cli.watch_report import (  # noqa: PLC0415 - lazily
        HumanReport,
        JsonReport,
        Lines,
    )
    from rembg_plugins.watch.parts import Parts  # noqa: PLC0415 - lazily
    from rembg_plugins.watch.watcher import Watcher  # noqa: PLC0415 - lazily

    lines = Lines(open_bar() if settings.once and not settings.json else None)
    report: Report = JsonReport(lines) if settings.json else HumanReport(lines)
    if settings.once and not settings.json:
        report = ProgressReport(report, lines, left=lambda: _left(parts.ledger))
    parts = Parts(
        settings=settings,
        configuration=engine.configuration,
        report=report,
        made=engine.made,
    )
    watcher = Watcher(
        parts=parts,
        once=settings.once,
        confirm=_confirmation(settings),
    )
    with closing(lines), telling_of_signals(watcher.signals.put):
        summary = watcher.run()
    if lines.lost is not None and summary.exit_code == EXIT_OK:
        raise lines.lost  # all was done, but nobody can know what
    return summary


def _left(ledger: Ledger) -> int:
    """How many names have neither output nor note yet."""
    states = ledger.paths.states()
    return sum(
        states.get(one, 0) for one in (PathState.WAITING, PathState.READY, PathState.FAILING)
    )


def _confirmation(settings: WatchSettings) -> Callable[[int], bool] | None:
    """What asks whether many paid pictures are wanted; None where there is nothing to ask."""
    most = None if settings.budget is None else settings.budget.limit
    if settings.yes or (most is not None and most <= ASK_ABOVE):
        return None
    return partial(_confirm, most)


def _confirm(most: int | None, paid: int) -> bool:
    """Ask whether so many paid pictures are wanted; where nobody can be asked: no."""
    number = f"{paid} pictures" if most is None or paid <= most else f"{most} of {paid} pictures"
    question = f"{number} would be paid for, a credit each."
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        advice = f"Say --yes to confirm, or bound them by a --budget of {ASK_ABOVE} at most."
        click.echo(f"{question} {advice}", err=True)
        return False
    with raising_on_signals():  # for Ctrl-C is an answer too
        click.echo(f"{question} Go on? [y/N]: ", nl=False, err=True)
        _wait_for_input()
        return click.confirm("", prompt_suffix="", show_default=False, err=True)


def _wait_for_input() -> None:
    """Wait until a line was typed, and wake now and then.

    A signal that comes just before a blocking read leaves it blocked: its handler would wait for
    the line as well.
    """
    if os.name != "posix":  # where only sockets can be waited for
        return
    while not select.select([sys.stdin], [], [], _LOOK_S)[0]:
        pass
