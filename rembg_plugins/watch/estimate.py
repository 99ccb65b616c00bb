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
from rembg_plugins.watch.health import is_running, read_status
from rembg_plugins.watch.ledger import FILE, Ledger
from rembg_plugins.watch.parts import engine_id
from rembg_plugins.watch.problems import LEDGER, problem_of
from rembg_plugins.watch.reading import NEEDS_TRANSCODE, NO_END_S
from rembg_plugins.watch.recovery import Recovery
from rembg_plugins.watch.settle import CLOSED_S
from rembg_plugins.watch.spool import Spool
from rembg_plugins.watch.states import ContentState, PathState
from rembg_plugins.watch.verdict import Judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rembg_plugins.core.engine import Engine
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


class _SeenSpool(Spool):
    """What lies in a spool, looked at and left as it is."""

    def _make_folders(self) -> None:
        """None is needed."""

    def keep(self, sha256: bytes, content: bytes) -> None:
        """It stays where it is."""

    def refuse(self, sha256: bytes, content: bytes | None = None) -> Path | None:
        """Likewise."""

    def forget_part(self, sha256: bytes) -> None:
        """Likewise."""

    def sweep(self) -> None:
        """Likewise."""


def estimate(
    inbox: Path,
    state: Path,
    *,
    engine: Engine,
    is_paid: bool,
    selection: Selection,
    transcode: bool,
    settle_s: float | None,
    retry_doubts: bool,
    tell: Callable[[str, bytes], None],
) -> Estimate:
    """Read everything in an INBOX that its ledger does not know, as a run would; at once.

    Args:
        inbox: The folder.
        state: Its state folder, which need not exist.
        engine: What would cut out.
        is_paid: Whether its pictures cost money.
        selection: What is looked at.
        transcode: Whether pictures are re-encoded that the API does not take.
        settle_s: How long a file must be at rest, in s; None is as short as can be.
        retry_doubts: Whether a call that may have been billed would be made once more.
        tell: Told what a person should know, and about which path below INBOX.

    Raises:
        ConfigurationError: The ledger cannot be used.
    """
    # Whoever asks for a figure does not wait for the news of a slow network.
    settle_s = CLOSED_S if settle_s is None else settle_s
    with _copied(state, engine=engine, is_paid=is_paid) as ledger:
        if not is_running(read_status(state), time.time()):  # else it knows what it is sending
            _settle(ledger, state, engine, retry_doubts=retry_doubts or not is_paid)
        away = _take_kinds_again(ledger) if transcode else 0
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
        _find(finder, patience_s=2 * NO_END_S + settle_s if transcode else 0.0)
        return _result(ledger, finder, away)


@contextlib.contextmanager
def _copied(state: Path, *, engine: Engine, is_paid: bool) -> Iterator[Ledger]:
    """A copy of the ledger, as a run that begins would have it."""
    with tempfile.TemporaryDirectory(prefix="rembg-plugins-") as folder:
        _copy(state / FILE, Path(folder) / FILE)
        name = engine_id(engine)
        with contextlib.closing(Ledger(Path(folder), engine=name, is_paid=is_paid)) as ledger:
            ledger.take_over()
            yield ledger


def _settle(ledger: Ledger, state: Path, engine: Engine, *, retry_doubts: bool) -> None:
    """Settle what a crash has left, as a run that begins would; in the copy alone."""
    spool = _SeenSpool(state, engine=engine_id(engine), room=0)
    judge = Judge(contents=ledger.contents, spool=spool, retry_doubts=retry_doubts)
    Recovery(ledger, spool, judge, engine=engine).run()


def _take_kinds_again(ledger: Ledger) -> int:
    """Let the finder find what failed since its kind was not re-encoded.

    Returns:
        How many of them it cannot find, as their originals were moved away.
    """
    failed = ledger.paths.in_state(PathState.FAILED)
    found = [row for row in failed if row.code == NEEDS_TRANSCODE]
    for row in found:
        ledger.paths.retry(row.place)
    return sum(row.is_away for row in found)


def _find(finder: Finder, *, patience_s: float) -> None:
    """Decide on everything but what a run would wait for longer than so many s."""
    until = time.monotonic() + patience_s
    while not finder.has_settled or (finder.undecided and time.monotonic() < until):
        finder.step()
        time.sleep(max(0.0, min(finder.next_due - time.monotonic(), _POLL_S)))


def _result(ledger: Ledger, finder: Finder, away: int) -> Estimate:
    names, contents = ledger.paths.states(), ledger.contents.states()
    parked = contents.get(ContentState.PARKED, 0)
    waiting = names.get(PathState.WAITING, 0) + names.get(PathState.READY, 0)
    return Estimate(
        pictures=waiting - _names_of_parked(ledger) + away,
        calls=ledger.contents.count_to_send() + away,
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
