"""A row of the ledger: a name in INBOX, and what became of it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Any, Self

from rembg_plugins.watch.records import Output, Place, Stamp
from rembg_plugins.watch.states import PathState

COLUMNS = (
    "folder, name, state, size, mtime_ns, ino, sha256, made, out, out_size, out_mtime_ns, "
    "out_ino, out_sha256, code, reason, note, away"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PathRow:
    """A name in INBOX, and what became of it.

    Attributes:
        place: Where it lies.
        stamp: As it was when it was read.
        state: Where it stands.
        sha256: Of its bytes; None where it was never read to its end.
        made: How its output was made.
        output: The last output that was published of this name.
        code: A short name of what went wrong.
        reason: The same as a sentence.
        note: Where the note on it lies.
        is_away: Whether the original lies there, no longer in INBOX.
    """

    place: Place
    stamp: Stamp
    state: PathState
    sha256: bytes | None
    made: bytes | None
    output: Output | None
    code: str | None
    reason: str | None
    note: str | None
    is_away: bool

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> Self:
        """The path that a row stands for."""
        folder, name, state, size, mtime_ns, ino, sha256, made, out, *rest = row
        out_size, out_mtime_ns, out_ino, out_sha256, code, reason, note, away = rest
        output = None
        if out is not None:
            stamp = Stamp(out_size, out_mtime_ns, out_ino)
            output = Output(relative=out, stamp=stamp, sha256=out_sha256)
        return cls(
            place=Place(folder, name),
            stamp=Stamp(size, mtime_ns, ino),
            state=PathState(state),
            sha256=sha256,
            made=made,
            output=output,
            code=code,
            reason=reason,
            note=None if note is None else os.fsdecode(note),
            is_away=bool(away),
        )


def key_of(place: Place) -> tuple[bytes, bytes]:
    """The columns by which a row is found."""
    return place.folder, place.name


def stamp_of(stamp: Stamp) -> tuple[int, int, int]:
    """The columns of a stamp."""
    return stamp.size, stamp.mtime_ns, stamp.ino


def fold_of(fold: str) -> int:
    """A number that equal names share, and hardly any others."""
    digest = hashlib.sha256(fold.encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
