"""What a person decides about pictures that failed or are parked."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rembg_plugins.core.errors import ConfigurationError, FieldError
from rembg_plugins.watch.notes import bring_back
from rembg_plugins.watch.problems import TYPED
from rembg_plugins.watch.records import Place
from rembg_plugins.watch.states import ContentState, PathState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rembg_plugins.watch.ledger import Ledger
    from rembg_plugins.watch.path_row import PathRow


@dataclass(slots=True, kw_only=True)
class Decided:
    """What came of a decision.

    Attributes:
        changed: The names that it was carried out for.
        refused: Those that may have been paid for as often as is allowed.
        missing: Those whose original could not be brought back, with the reason.
        kept: Those that were published already, and keep their outputs.
    """

    changed: list[bytes]
    refused: list[bytes]
    missing: list[tuple[bytes, str]]
    kept: list[bytes] = field(default_factory=list)


def places_of(inbox: Path, names: Iterable[str]) -> list[Place]:
    """The places that names stand for: below INBOX, or paths that lead there."""
    root = os.fsencode(inbox) + b"/"
    relatives = [os.fsencode(os.path.normpath(name)).removeprefix(root) for name in names]
    return [Place(*_parts(relative)) for relative in relatives]


def retry(ledger: Ledger, inbox: Path, places: list[Place], *, force: bool) -> Decided:
    """Have failed pictures tried again, with all names that have the same bytes.

    Args:
        ledger: Theirs.
        inbox: Where originals are put back.
        places: Their names; all that failed where there are none.
        force: Whether that may be more calls than are allowed without a person.

    Raises:
        ConfigurationError: A name has not failed.
    """
    rows = _rows(ledger, places, PathState.FAILED) or (
        [] if places else ledger.paths.in_state(PathState.FAILED)
    )
    decided = Decided(changed=[], refused=[], missing=[])
    for row in _with_twins(ledger, rows):
        if row.sha256 is not None and not _send_again(ledger, row.sha256, force=force):
            decided.refused.append(row.place.relative)
            continue
        try:
            if row.note is not None:
                bring_back(inbox, row.place, row.note, is_away=row.is_away)
        except OSError as problem:
            decided.missing.append((row.place.relative, problem.strerror or str(problem)))
            continue
        ledger.paths.retry(row.place)
        decided.changed.append(row.place.relative)
    return decided


def resolve(ledger: Ledger, places: list[Place], *, again: bool, force: bool) -> Decided:
    """Decide about parked pictures: send them again, or give them up.

    Args:
        ledger: Theirs.
        places: Their names; all that are parked where there are none.
        again: Whether they are sent again.
        force: Whether that may be more calls than are allowed without a person.

    Raises:
        ConfigurationError: A name is not parked.
    """
    parked = {content.sha256 for content in ledger.contents.in_state(ContentState.PARKED)}
    if places:
        rows = _rows(ledger, places, PathState.WAITING, parked)
        parked = {row.sha256 for row in rows if row.sha256 is not None}
    decided = Decided(changed=[], refused=[], missing=[])
    for sha256 in parked:
        rows = ledger.paths.of_content(sha256)
        names = [row.place.relative for row in rows]
        if not again:
            ledger.contents.give_up(sha256)
            _sort(rows, decided)
        elif ledger.contents.retry(sha256, force=force):
            decided.changed += names
        else:
            decided.refused += names
    return decided


def _sort(rows: Iterable[PathRow], decided: Decided) -> None:
    """Of names whose picture is given up only those fail that wait for it."""
    for row in rows:
        names = decided.changed if row.state is PathState.WAITING else decided.kept
        names.append(row.place.relative)


def _send_again(ledger: Ledger, sha256: bytes, *, force: bool) -> bool:
    """Whether some bytes will be sent again: now, or because that was decided before."""
    if ledger.contents.retry(sha256, force=force):
        return True
    content = ledger.contents.get(sha256)
    return content is not None and content.state is not ContentState.FAILED


def _rows(
    ledger: Ledger,
    places: list[Place],
    state: PathState,
    contents: set[bytes] | None = None,
) -> list[PathRow]:
    """The rows of names, all of which must be in a state."""
    rows, problems = [], []
    for place in places:
        row = ledger.paths.get(place)
        is_it = row is not None and row.state is state
        if row is None or not is_it or (contents is not None and row.sha256 not in contents):
            what = "has not failed" if contents is None else "is not parked"
            message = f"{os.fsdecode(place.relative)!r} {what}."
            problems.append(FieldError(field=None, message=message, code=TYPED))
        else:
            rows.append(row)
    if problems:
        text = " ".join(one.message for one in problems)
        raise ConfigurationError(text, errors=problems)
    return rows


def _with_twins(ledger: Ledger, rows: Iterable[PathRow]) -> list[PathRow]:
    """The rows, and those of other failed names that have the same bytes."""
    found = {}
    for row in rows:
        twins = [] if row.sha256 is None else ledger.paths.of_content(row.sha256)
        for one in (row, *twins):
            if one.state is PathState.FAILED:
                found[one.place] = one
    return list(found.values())


def _parts(relative: bytes) -> tuple[bytes, bytes]:
    folder, _, name = relative.rpartition(b"/")
    return folder, name
