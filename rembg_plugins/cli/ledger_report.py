"""How the standing of an INBOX is written: a page for people, or one JSON object."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from rembg_plugins.cli.watch_report import shown_path, shown_time
from rembg_plugins.cli.wording import count, printable
from rembg_plugins.core.outcomes import EXIT_OK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rembg_plugins.watch.health import Spent
    from rembg_plugins.watch.standing import Standing, Trouble
    from rembg_plugins.watch.warned import ToLookAt

MOST_NAMED = 100_000
"""Failed names in JSON, parked ones, and outputs that look wrong: of each so many."""

MOST_SHOWN = 10
"""The same for people."""

_LIVE = ("gate", "scan", "last_error", "written", "engine")


def facts_of(inbox: str, standing: Standing) -> dict[str, Any]:
    """The object of ``status --json``."""
    status = standing.status or {}
    return {
        "inbox": os.fspath(inbox),
        "state_folder": str(standing.folder),
        "is_running": standing.is_running,
        "problems": list(standing.problems),
        "paths": _named(standing.paths),
        "contents": _named(standing.contents),
        "interrupted": standing.interrupted,
        "spent": {"today": asdict(standing.today), "month": asdict(standing.month)},
        **{name: status.get(name) for name in _LIVE},
        "failed": [_trouble(one) for one in standing.failed],
        "parked": [_trouble(one) for one in standing.parked],
        "to_look_at": standing.to_look_at.facts(),
        "exit_code": EXIT_OK,
    }


def show(standing: Standing) -> None:
    """Print how an INBOX stands."""
    for name, text in _rows(standing):
        click.echo(f"{name:14}{text}")
    for title, troubles in (("Failed", standing.failed), ("Parked", standing.parked)):
        if troubles:
            click.echo(f"\n{title}")
        for one in troubles:
            reason = printable(one.reason or one.code or "nobody knows why.")
            click.echo(f"  {shown_path(one.source)}: {reason}")
        if len(troubles) >= MOST_SHOWN:
            click.echo("  and maybe others; --json tells of all.")
    _show_warned(standing.to_look_at)
    for problem in standing.problems:
        click.echo(printable(problem), err=True)


def _show_warned(warned: ToLookAt) -> None:
    """Print which outputs look wrong, and how that is ended."""
    if not warned.count:
        return
    click.echo("\nTo look at")
    for one in warned.outputs:
        click.echo(f"  {printable(one['output'])}: {printable(' '.join(one['warnings']))}")
    if len(warned.outputs) < warned.count:
        click.echo("  and others; --json tells of all.")
    click.echo("  Remove the notes in OUTBOX/.rembg-plugins/warnings/ of those that are right.")


def _rows(standing: Standing) -> Iterator[tuple[str, str]]:
    status = standing.status or {}
    yield "Names", _counted(standing.paths)
    yield "Pictures", _counted(standing.contents)
    if standing.interrupted:
        were = "picture was" if standing.interrupted == 1 else "pictures were"
        text = f"{standing.interrupted} {were} being sent when the watcher ended"
        yield "In doubt", f"{text}: may have been paid for"
    if standing.to_look_at.count:
        yield "To look at", count(standing.to_look_at.count, "output")
    yield "Spent today", _cost(standing.today)
    yield "This month", f"{_cost(standing.month)} (UTC)"
    yield "Sending", _sending(status.get("gate"), is_running=standing.is_running)
    scan = status.get("scan")
    if scan is not None:
        age = max(0.0, time.time() - scan["at"])
        how = "" if scan["hints"] or not scan["why"] else f"; {printable(scan['why'])}"
        yield "Last scan", f"{age:.0f} s ago, {count(scan['files'], 'file')}{how}"
    error = status.get("last_error")
    if error is not None:
        about = "" if error["source"] is None else f"{printable(error['source'])}: "
        text = f"{about}{printable(error['message'])}"
        yield "Last error", f"{shown_time(error['time'])}, {text}"


def _sending(gate: Mapping[str, Any] | None, *, is_running: bool) -> str:
    if is_running:
        return "not known yet" if gate is None else _gate(gate)
    before = "" if gate is None or gate["kind"] == "open" else f"; before that {_gate(gate)}"
    return f"no, no watcher runs{before}"


def _gate(gate: Mapping[str, Any]) -> str:
    if gate["kind"] == "open":
        return f"yes, {gate['running']} of {count(gate['width'], 'call')} at once under way"
    until = "" if gate["until"] is None else f" until {shown_time(gate['until'])}"
    how = f"paused{until}" if gate["kind"] == "paused" else "stopped"
    reason = str(gate["reason"] or "")
    reason += "" if reason.endswith((".", "!", "?")) else "."
    why = " ".join(filter(None, (reason, gate["remedy"])))
    return f"{how}: {printable(why)}"


def _cost(spent: Spent) -> str:
    doubt = f", {spent.in_doubt} in doubt" if spent.in_doubt else ""
    return f"{count(spent.credits, 'credit')}{doubt}"


def _named(counts: Mapping[Any, int]) -> dict[str, int]:
    return {state.name.lower(): number for state, number in counts.items()}


def _counted(counts: Mapping[Any, int]) -> str:
    parts = (
        f"{number} {state.name.lower().replace('_', ' ')}"
        for state, number in sorted(counts.items())
    )
    return ", ".join(parts) or "none"


def _trouble(one: Trouble) -> dict[str, Any]:
    facts = asdict(one)
    return facts | {
        "source": os.fsdecode(one.source),
        "sha256": None if one.sha256 is None else one.sha256.hex(),
    }
