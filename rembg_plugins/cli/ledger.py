"""``rembg-plugins ledger``: how an INBOX stands, and what a person decides about its pictures.

The object of ``status --json``; fields may be added, none is renamed or taken away. Times are
UNIX seconds; paths that are no UTF-8 have surrogates, as ``os.fsdecode`` gives them.

- ``inbox``, ``state_folder``.
- ``is_running``: whether a watcher runs; ``problems``: what is wrong with it, a sentence each.
- ``paths`` and ``contents``: how many names, and pictures of different bytes, are in each state.
- ``interrupted``: how many were being sent when the watcher ended, and may have been paid for; 0
  while one runs.
- ``spent``: of ``today`` and ``month`` (UTC) the ``credits`` and the calls ``in_doubt``.
- ``gate``, ``scan`` and ``last_error``: as the watcher last wrote them, or null; ``written``: when
  that was; ``engine``.
- ``failed`` and ``parked``: of each such name ``source``, ``sha256`` (hex, or null), ``code``,
  ``reason``, ``note``, ``attempts``, ``billed``, ``in_doubt``.
- ``to_look_at``: the ``count`` of outputs that look wrong, and those ``outputs``, each as its note
  has it: ``source``, ``output``, ``sha256``, ``warnings``, ``published_at``; and ``note``.
- ``exit_code``.

The object of ``estimate --json``:

- ``pictures``: names that would get an output.
- ``calls``: one for all names with the same bytes; ``credits``: 0 where the engine costs nothing.
- ``parked``: pictures that wait for a person.
- ``failing``: files that are no good picture.
- ``unfinished``: files that somebody is writing, or that have no end yet.
- ``given_up``: files that cannot be read.
- ``engine``, ``is_paid``.

The object of ``retry --json`` and ``resolve --json``:

- ``changed``: names that the decision was carried out for.
- ``refused``: names that may have been paid for as often as is allowed.
- ``kept``: names that were given up, but had been published: their outputs stay.
- ``missing``: of each name whose original could not be brought back ``source`` and ``reason``.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rembg_plugins.cli.logs import verbose_option
from rembg_plugins.cli.watch_options import telling_of_problems, watch_options
from rembg_plugins.cli.watch_report import shown_path
from rembg_plugins.cli.wording import HELP_NAMES, count, printable
from rembg_plugins.core.outcomes import EXIT_OK, EXIT_SOME_FAILED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rembg_plugins.watch.decisions import Decided
    from rembg_plugins.watch.ledger import Ledger

_SELECTION = ("recursive", "include", "exclude", "failed")

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def _read_inbox(_context: click.Context, _parameter: click.Parameter, inbox: str) -> str:
    """Refuse an empty INBOX, which would mean the current folder."""
    from rembg_plugins.watch.configuration import check_folder  # noqa: PLC0415 - lazily

    with telling_of_problems():
        check_folder("INBOX", inbox)
    return inbox


_inbox = click.argument("inbox", type=click.UNPROCESSED, callback=_read_inbox)
_names = click.argument("names", nargs=-1, type=click.UNPROCESSED)
_force = click.option(
    "--force",
    is_flag=True,
    help="Even what may have been paid for twice already: once more.",
)


@click.group(context_settings=HELP_NAMES)
def ledger() -> None:
    """Show what the watcher of a folder has done and paid, and decide what it could not."""


@ledger.command(context_settings=HELP_NAMES)
@_inbox
@click.option(
    "--check",
    "only_check",
    is_flag=True,
    help="Ask nothing but whether its watcher is well; exit code 1 if not. For health probes.",
)
@watch_options("state")
@_json
@verbose_option
@click.pass_context
def status(
    context: click.Context, /, *, inbox: str, only_check: bool, as_json: bool, **arguments: Any
) -> None:
    """Show the queue of INBOX, whether pictures are sent and why not, and what was spent."""
    from rembg_plugins.cli import ledger_report  # noqa: PLC0415 - lazily
    from rembg_plugins.watch.health import check, read_status  # noqa: PLC0415 - lazily
    from rembg_plugins.watch.standing import standing_of  # noqa: PLC0415 - lazily

    with telling_of_problems():
        folder = _state_folder(inbox, arguments)
    if only_check:
        problems = check(read_status(folder), time.time())
        for problem in problems:
            click.echo(printable(problem), err=True)
        context.exit(EXIT_SOME_FAILED if problems else EXIT_OK)
    most = ledger_report.MOST_NAMED if as_json else ledger_report.MOST_SHOWN
    with telling_of_problems():
        standing = standing_of(folder, most=most)
    if as_json:
        click.echo(json.dumps(ledger_report.facts_of(inbox, standing)))
    else:
        ledger_report.show(standing)


@ledger.command(context_settings=HELP_NAMES)
@_inbox
@watch_options(
    *("recursive", "include", "exclude", "failed", "transcode", "settle", "state", "engine"),
    "in_doubt",
)
@_json
@verbose_option
def estimate(*, inbox: str, as_json: bool, **arguments: Any) -> None:
    """Tell what it would cost to do all that lies in INBOX, to the picture.

    Everything that is new is read, as a run would read it; nothing is sent, nor changed.
    """
    from rembg_plugins.cli import estimation  # noqa: PLC0415 - lazily

    with telling_of_problems():
        found, engine, is_paid = estimation.estimate_of(Path(inbox), _some(arguments))
    if as_json:
        click.echo(json.dumps(estimation.facts_of(found, engine, is_paid=is_paid)))
    else:
        estimation.show(found, engine, is_paid=is_paid)


@ledger.command(context_settings=HELP_NAMES)
@_inbox
@_names
@_force
@watch_options("state")
@_json
@verbose_option
@click.pass_context
def retry(
    context: click.Context,
    /,
    *,
    inbox: str,
    names: tuple[str, ...],
    force: bool,
    as_json: bool,
    **arguments: Any,
) -> None:
    """Have pictures that failed tried again: those of these NAMES, or all of them.

    NAMES are paths below INBOX, as they were reported. A watcher that runs begins at once.
    """
    from rembg_plugins.watch import decisions  # noqa: PLC0415 - lazily

    root = Path(inbox).resolve()

    def decide(opened: Ledger) -> Decided:
        return decisions.retry(opened, root, decisions.places_of(root, names), force=force)

    context.exit(_decide(inbox, arguments, decide, as_json=as_json, verb="will be tried again"))


@ledger.command(context_settings=HELP_NAMES)
@_inbox
@_names
@click.option("--retry", "again", is_flag=True, help="Send them again.")
@click.option("--give-up", is_flag=True, help="Let them fail.")
@_force
@watch_options("state")
@_json
@verbose_option
@click.pass_context
def resolve(
    context: click.Context,
    /,
    *,
    inbox: str,
    names: tuple[str, ...],
    again: bool,
    give_up: bool,
    force: bool,
    as_json: bool,
    **arguments: Any,
) -> None:
    """Decide about parked pictures, of which nobody can know whether they were paid for.

    NAMES are paths below INBOX, as they were reported; without any, all of them are meant.
    """
    from rembg_plugins.watch import decisions  # noqa: PLC0415 - lazily

    if again is give_up:
        message = "Give --retry or --give-up, and not both."
        raise click.UsageError(message)
    root = Path(inbox).resolve()

    def decide(opened: Ledger) -> Decided:
        places = decisions.places_of(root, names)
        return decisions.resolve(opened, places, again=again, force=force)

    verb = "will be sent again" if again else "will fail"
    context.exit(_decide(inbox, arguments, decide, as_json=as_json, verb=verb))


def _state_folder(inbox: str, arguments: dict[str, Any]) -> Path:
    """The state folder of an INBOX, which need not be there just now."""
    from rembg_plugins.watch.folders import state_of  # noqa: PLC0415 - lazily

    return state_of(Path(inbox), _some(arguments)["state"])


def _some(arguments: dict[str, Any]) -> dict[str, Any]:
    """The settings in force, those that were typed among them."""
    from rembg_plugins.watch.configuration import read_some  # noqa: PLC0415 - lazily

    config = arguments.pop("config")
    return read_some(arguments, environ=os.environ, config=config)


def _decide(
    inbox: str,
    arguments: dict[str, Any],
    decide: Callable[[Ledger], Decided],
    *,
    as_json: bool,
    verb: str,
) -> int:
    """Carry a decision out, tell what came of it, and give the exit code."""
    from rembg_plugins.watch.remembering import lift  # noqa: PLC0415 - lazily
    from rembg_plugins.watch.standing import open_ledger  # noqa: PLC0415 - lazily

    with telling_of_problems(), closing(open_ledger(_state_folder(inbox, arguments))) as opened:
        decided = decide(opened)
        # Whatever came of it, a watcher that runs hears of it, and tries what it had stopped.
        opened.meta["decided"] = f"{time.time()}"
        was_stopped = lift(opened.meta)
    if as_json:
        click.echo(json.dumps(_decided_facts(decided)))
    else:
        _tell(decided, verb)
        if was_stopped:
            click.echo("Sending had stopped: it is tried again with one picture.")
    return EXIT_SOME_FAILED if decided.refused or decided.missing else EXIT_OK


def _decided_facts(decided: Decided) -> Mapping[str, object]:
    return {
        "changed": [os.fsdecode(name) for name in decided.changed],
        "refused": [os.fsdecode(name) for name in decided.refused],
        "kept": [os.fsdecode(name) for name in decided.kept],
        "missing": [
            {"source": os.fsdecode(name), "reason": reason} for name, reason in decided.missing
        ],
    }


def _tell(decided: Decided, verb: str) -> None:
    for name in decided.refused:
        text = "may have been paid for twice already; --force sends it all the same."
        click.echo(f"{shown_path(name)}: {text}", err=True)
    for name, reason in decided.missing:
        text = f"its original could not be brought back: {printable(reason)}"
        click.echo(f"{shown_path(name)}: {text}", err=True)
    click.echo(f"{count(len(decided.changed), 'picture')} {verb}.")
    if decided.kept:
        number = count(len(decided.kept), "output")
        click.echo(f"{number} stay{'s' if len(decided.kept) == 1 else ''}: published before.")
