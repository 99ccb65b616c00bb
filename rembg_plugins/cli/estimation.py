"""What ``rembg-plugins ledger estimate`` asks and tells."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rembg_plugins.cli.budget import is_paid as costs_money
from rembg_plugins.cli.environment import find_configuration
from rembg_plugins.cli.watch_report import shown_path
from rembg_plugins.cli.wording import count, printable
from rembg_plugins.core.assembly import build
from rembg_plugins.watch.estimate import estimate
from rembg_plugins.watch.folders import FAILED, left_out_of, state_of
from rembg_plugins.watch.parts import engine_id
from rembg_plugins.watch.problems import FOLDER, problem_of
from rembg_plugins.watch.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rembg_plugins.watch.estimate import Estimate


def estimate_of(inbox: Path, settings: Mapping[str, Any]) -> tuple[Estimate, str, bool]:
    """What it would cost, with which engine, and whether that one costs money at all.

    Raises:
        ConfigurationError: There is no such INBOX, no engine can work, or the ledger is damaged.
    """
    inbox = inbox.resolve()
    if not inbox.is_dir():
        message = f"INBOX {inbox} is no folder."
        raise problem_of(FOLDER, message)
    engine = build(find_configuration(engine=settings["engine"])).engine
    failed = Path(os.path.realpath(settings["failed"] or inbox / FAILED))
    selection = Selection(
        include=settings["include"],
        exclude=settings["exclude"],
        recursive=settings["recursive"],
        left_out=left_out_of(inbox, failed),
    )
    found = estimate(
        inbox,
        state_of(inbox, settings["state"]),
        engine=engine,
        is_paid=costs_money(engine),
        selection=selection,
        transcode=settings["transcode"],
        settle_s=settings["settle"],
        retry_doubts=settings["in_doubt"] == "retry-once",
        tell=_tell,
    )
    return found, engine_id(engine), costs_money(engine)


def facts_of(found: Estimate, engine: str, *, is_paid: bool) -> dict[str, Any]:
    """The object of ``--json``."""
    credits_ = found.calls if is_paid else 0
    return {**asdict(found), "credits": credits_, "engine": engine, "is_paid": is_paid}


def show(found: Estimate, engine: str, *, is_paid: bool) -> None:
    """Print what it would cost."""
    cost = count(found.calls, "credit") if found.calls and is_paid else "no credits"
    calls = count(found.calls, "call")
    click.echo(f"{count(found.pictures, 'picture')}, {calls} of {printable(engine)}: {cost}")
    for number, text in (
        (found.parked, "parked, until `rembg-plugins ledger resolve`"),
        (found.failing, "no good picture"),
        (found.given_up, "not to be read"),
    ):
        if number:
            click.echo(f"{number} {text}")
    if found.unfinished:
        verb = ("is", "has") if found.unfinished == 1 else ("are", "have")
        click.echo("{} {} still being written or {} no end".format(found.unfinished, *verb))


def _tell(text: str, path: bytes) -> None:
    about = f"{shown_path(path)}: " if path else ""
    click.echo(f"{about}{printable(text)}", err=True)
