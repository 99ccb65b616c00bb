"""Notes for a person: on pictures that failed, and on outputs that look wrong.

``NAME.error.json`` lies in the failed folder, beside the original if that was moved there:
    ``source`` (the path below INBOX), ``original`` (where it lies now, or null if it is not where
    it was read), ``size`` and ``mtime_ns`` (of it), ``code``, ``message``, ``remedy``,
    ``failed_at``; ``class`` and ``errors`` (``field``, ``message``, ``code`` each) of the error, if
    it is known; where it was read to its end ``sha256``; where it was sent ``status`` (HTTP, or
    null), ``calls`` (all that were made), ``attempts`` (those that may have been paid for),
    ``billed`` (those that were for certain), ``in_doubt``, ``first_seen``, ``tried`` (``at`` and
    ``how`` of each call), ``kept`` (where that lies which was received, or null).

``NAME.warning.json`` lies in ``OUTBOX/.rembg-plugins/warnings/``, named after the output:
    ``source``, ``output``, ``sha256`` (of the source), ``warnings``, ``published_at``.

Times are ISO 8601 in UTC. Paths are text; bytes that are no UTF-8 are surrogates, as
``os.fsdecode`` gives them. Fields may be added, none is renamed or taken away.
"""

from __future__ import annotations

import itertools
import json
import os
import stat
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rembg_plugins.core.atomic import write_atomically
from rembg_plugins.watch import placing
from rembg_plugins.watch.naming import LONGEST_NAME, flat, harmless, shortened
from rembg_plugins.watch.note_facts import content_facts, encoded, error_facts, iso, remedy_of
from rembg_plugins.watch.warned import WARNING, WARNINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from rembg_plugins.watch.content import Content
    from rembg_plugins.watch.records import Place, Stamp

    Aside = Callable[[Place], AbstractContextManager[str | None]]

ERROR = ".error.json"
"""How the names of notes on failures end."""

_WARNING = WARNING.encode()
_WARNINGS = WARNINGS.encode()
_LONGEST = LONGEST_NAME - len(_WARNING) - 8  # bytes of a name: the suffix, and a number


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note that was written.

    Attributes:
        path: Where it lies.
        is_away: Whether the original lies beside it, no longer in INBOX.
    """

    path: str
    is_away: bool


class Notes:
    """Writes notes; used by several threads of the one process that holds INBOX's lock.

    Args:
        inbox: Where the originals lie.
        failed: The folder for notes on failures; must be no link.
        outbox: Where outputs lie.
        aside: Gets an original out of everybody's way, as
            :meth:`rembg_plugins.watch.originals.Originals.aside` does, so that it can be moved to
            the failed folder; None: they are not moved.
        now: Gives the UNIX time in s.

    Attributes:
        changes: How often notes on outputs were written or removed.
    """

    def __init__(
        self,
        *,
        inbox: Path,
        failed: Path,
        outbox: Path,
        aside: Aside | None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Nothing is made yet."""
        self.changes = 0
        self._inbox = os.fspath(inbox)
        self._failed = os.fspath(failed)
        self._outbox = os.fspath(outbox)
        self._aside = aside
        self._now = now

    def fail(
        self,
        place: Place,
        stamp: Stamp,
        *,
        code: str,
        reason: str,
        content: Content | None = None,
        error: BaseException | None = None,
        kept: Path | None = None,
    ) -> Note:
        """Write the note on a picture that failed, and move its original if that is wished.

        After a crash in the middle, the same again does the rest.

        Args:
            place: Where it lies.
            stamp: As it was when it was read.
            code: A short name of what went wrong.
            reason: The same as a sentence.
            content: What is known of its bytes and of the calls for them.
            error: What went wrong, if it is at hand.
            kept: Where that lies which was received.

        Raises:
            OSError: The note cannot be written, or the original cannot be moved.
        """
        facts = {
            "source": os.fsdecode(place.relative),
            "original": None,
            "size": stamp.size,
            "mtime_ns": stamp.mtime_ns,
            "code": code,
            "message": reason,
            "remedy": remedy_of(code, error),
            "failed_at": iso(self._now()),
            **error_facts(error),
            **content_facts(content, kept),
        }
        return self._put(place, stamp, facts)

    def warn(self, place: Place, output: bytes, warnings: Sequence[str], sha256: bytes) -> str:
        """Write a note on an output that a person should look at.

        Args:
            place: Where its original lies.
            output: Its path below OUTBOX.
            warnings: What is wrong.
            sha256: Of the original.

        Returns:
            The note's path.

        Raises:
            OSError: It cannot be written.
        """
        facts = {
            "source": os.fsdecode(place.relative),
            "output": os.fsdecode(output),
            "sha256": sha256.hex(),
            "warnings": list(warnings),
            "published_at": iso(self._now()),
        }
        path = _spot(self._outbox, _WARNINGS + b"/" + output) + WARNING
        write_atomically(path, encoded(facts))
        self.changes += 1
        return path

    def take_back(self, output: bytes) -> None:
        """Remove the note on an output that looks right by now, if there is one.

        Raises:
            OSError: It cannot be removed.
        """
        name = os.fsdecode(b"/".join(_parted(_WARNINGS + b"/" + output))) + WARNING
        if os.path.lexists(os.path.join(self._outbox, name)):  # noqa: PTH118 - bytes that are no text
            placing.remove(_spot(self._outbox, _WARNINGS + b"/" + output) + WARNING)
            self.changes += 1

    def _put(self, place: Place, stamp: Stamp, facts: dict[str, object]) -> Note:
        """Write a note on a failure, and move the original if that is wished."""
        spot, path = self._spot(place), place.below(self._inbox)
        if self._aside is None:
            facts["original"] = path if _is_there(path, stamp) else None
            return _write(spot, facts)
        with self._aside(place) as taken:
            return _move_and_write(taken or path, stamp, spot, facts)

    def _spot(self, place: Place) -> str:
        return _spot(placing.make_root(self._failed), harmless(place.relative))


def bring_back(inbox: Path, place: Place, note: str, *, is_away: bool) -> None:
    """Put the original of a failed picture back into INBOX, and remove the note on it.

    Args:
        inbox: Where it belongs.
        place: Likewise.
        note: The note's path.
        is_away: Whether the original lies beside the note.

    Raises:
        FileExistsError: There is another file under its name by now.
        OSError: It is no longer there, or cannot be moved.
    """
    original, target = note.removesuffix(ERROR), place.below(inbox)
    if is_away and (os.path.lexists(original) or not os.path.lexists(target)):
        placing.make_folder(os.fspath(inbox), place.folder)
        placing.put(original, target)
    placing.remove(note)


def _spot(root: str, relative: bytes) -> str:
    """The path that a note's own suffix is put to; its folder is made."""
    try:
        return _spot_exactly(root, relative)
    except OSError as problem:
        if problem.errno not in placing.NO_FOLDER:
            raise
    return _spot_exactly(root, flat(relative))


def _spot_exactly(root: str, relative: bytes) -> str:
    folder, name = _parted(relative)
    return os.path.join(placing.make_folder(root, folder), os.fsdecode(name))  # noqa: PTH118 - likewise


def _parted(relative: bytes) -> tuple[bytes, bytes]:
    """Folder and name, which leaves room for a suffix."""
    folder, _, name = relative.rpartition(b"/")
    return folder, shortened(name, _LONGEST) if len(name) > _LONGEST else name


def _move_and_write(path: str, stamp: Stamp, spot: str, facts: dict[str, object]) -> Note:
    """Write the note first: it says where the original is about to lie."""
    for original in _spots(spot):
        note = original + ERROR
        if not _is_there(path, stamp):
            break
        if not _is_free(note, facts) or _is_other(path, original):
            continue
        write_atomically(note, encoded(facts | {"original": original}))
        try:
            placing.put(path, original)
        except FileExistsError:
            placing.remove(note)
            continue
        return Note(path=note, is_away=True)
    for original in itertools.takewhile(os.path.lexists, _spots(spot)):
        note = original + ERROR
        if _is_there(original, stamp) and _is_ours(note, facts):
            return Note(path=note, is_away=True)  # a crash came before this could be put down
    return _write(spot, facts)


def _write(spot: str, facts: dict[str, object]) -> Note:
    """Write a note on an original that stays where it is, or is gone."""
    for one in _spots(spot):
        note = one + ERROR
        if not os.path.lexists(one) and _is_free(note, facts):
            break
    write_atomically(note, encoded(facts))
    return Note(path=note, is_away=False)


def _spots(spot: str) -> Iterator[str]:
    folder, name = os.path.split(spot)
    for one in placing.numbered(os.fsencode(name)):
        yield os.path.join(folder, os.fsdecode(one))  # noqa: PTH118 - bytes that are no text


def _is_there(path: str, stamp: Stamp) -> bool:
    """Whether a file lies there that looks like the one that was read."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    if not stat.S_ISREG(found.st_mode):
        return False
    return (found.st_size, found.st_mtime_ns) == (stamp.size, stamp.mtime_ns)


def _is_other(path: str, original: str) -> bool:
    """Whether a place is taken by anything but the very file that is to lie there."""
    try:
        return not os.path.samestat(os.lstat(path), os.lstat(original))
    except FileNotFoundError:
        return False


def _is_free(note: str, facts: Mapping[str, object]) -> bool:
    """Whether a note may be written there: over an earlier one on the same name, if any."""
    return not os.path.lexists(note) or _is_ours(note, facts)


def _is_ours(note: str, facts: Mapping[str, object]) -> bool:
    try:
        found = json.loads(placing.read_file(note))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("source") == facts["source"]
