"""What it would cost to do all that lies in an INBOX, to the picture; nothing is changed."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rembg_plugins.watch.filesystem import kind_of
from rembg_plugins.watch.finder import Finder
from rembg_plugins.watch.ledger import FILE, Ledger
from rembg_plugins.watch.problems import LEDGER, problem_of
from rembg_plugins.watch.settle import CLOSED_S
from rembg_plugins.watch.states import ContentState, PathState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rembg_plugins.watch.selection import Selection

_POLL_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a run would do.

    Attributes:
        pictures: Names that would get an output.
        calls: Calls for them: one for all names with the same bytes, none for what was cut out.
        parked: Pictures that wait for a person.
        failing: Files that are no good picture.
        unfinished: Files that somebody is writing, or that have no end yet.
        given_up: Files that cannot be read.
    """

    pictures: int
    calls: int
    parked: int
    failing: int
    unfinished: int
    given_up: int


def estimate(
    inbox: Path,
    state: Path,
    *,
    engine: str,
    is_paid: bool,
    selection: Selection,
    transcode: bool,
    settle_s: float | None,
    tell: Callable[[str, bytes], None],
) -> Estimate:
    """Read everything in an INBOX that its ledger does not know, as a run would; at once.

    Args:
        inbox: The folder.
        state: Its state folder, which need not exist.
        engine: Name and version of the engine.
        is_paid: Whether its pictures cost money.
        selection: What is looked at.
        transcode: Whether pictures are re-encoded that the API does not take.
        settle_s: How long a file must be at rest, in s; None is as short as can be.
        tell: Told what a person should know, and about which path below INBOX.

    Raises:
        ConfigurationError: The ledger cannot be used.
    """
    # Whoever asks for a figure does not wait for the news of a slow network.
    settle_s = CLOSED_S if settle_s is None else settle_s
    with _copied(state, engine=engine, is_paid=is_paid) as ledger:
        finder = Finder(
            inbox=inbox,
            selection=selection,
            paths=ledger.paths,
            filesystem=kind_of(inbox),
            tell=tell,
            poll_s=_POLL_S,
            settle_s=settle_s,
            transcode=transcode,
        )
        _find(finder)
        return _result(ledger, finder)


@contextlib.contextmanager
def _copied(state: Path, *, engine: str, is_paid: bool) -> Iterator[Ledger]:
    """A copy of the ledger, as a run that begins would have it."""
    with tempfile.TemporaryDirectory(prefix="rembg-plugins-") as folder:
        _copy(state / FILE, Path(folder) / FILE)
        with contextlib.closing(Ledger(Path(folder), engine=engine, is_paid=is_paid)) as ledger:
            ledger.take_over()
            yield ledger


def _find(finder: Finder) -> None:
    """Decide on everything but what a run would wait for."""
    while not finder.has_settled:
        finder.step()
        time.sleep(max(0.0, min(finder.next_due - time.monotonic(), _POLL_S)))


def _result(ledger: Ledger, finder: Finder) -> Estimate:
    names, contents = ledger.paths.states(), ledger.contents.states()
    parked = contents.get(ContentState.PARKED, 0)
    waiting = names.get(PathState.WAITING, 0) + names.get(PathState.READY, 0)
    return Estimate(
        pictures=waiting - _names_of_parked(ledger),
        calls=ledger.contents.count_to_send(),
        parked=parked,
        failing=names.get(PathState.FAILING, 0),
        unfinished=finder.undecided,
        given_up=finder.unreadable,
    )


def _names_of_parked(ledger: Ledger) -> int:
    parked = ledger.contents.in_state(ContentState.PARKED)
    rows = (row for content in parked for row in ledger.paths.of_content(content.sha256))
    return sum(row.state is PathState.WAITING for row in rows)


def _copy(source: Path, target: Path) -> None:
    """Copy a ledger, which somebody may be writing to; nothing where there is none."""
    if not source.exists():
        return
    try:
        with (
            contextlib.closing(sqlite3.connect(source)) as old,
            contextlib.closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
    except sqlite3.DatabaseError as problem:
        message = f"The ledger {source} cannot be read: {problem}."
        raise problem_of(LEDGER, message) from problem
