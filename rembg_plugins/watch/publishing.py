"""From a kept cut-out to the file in OUTBOX, and the end of its original."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rembg_plugins.core.errors import NotAnImageError
from rembg_plugins.core.memory import decoding
from rembg_plugins.core.options import form_fields
from rembg_plugins.core.postprocess import postprocess
from rembg_plugins.core.result import Result
from rembg_plugins.watch.failpoints import reached
from rembg_plugins.watch.naming import fold
from rembg_plugins.watch.news import PictureNews
from rembg_plugins.watch.notes import ERROR
from rembg_plugins.watch.reading import read_whole
from rembg_plugins.watch.records import Place
from rembg_plugins.watch.sending import Call

if TYPE_CHECKING:
    from collections.abc import Callable

    from rembg_plugins.core.options import Options
    from rembg_plugins.watch.ledger import Ledger
    from rembg_plugins.watch.naming import Naming
    from rembg_plugins.watch.notes import Notes
    from rembg_plugins.watch.originals import Originals
    from rembg_plugins.watch.outbox import Outbox
    from rembg_plugins.watch.path_row import PathRow
    from rembg_plugins.watch.records import Output
    from rembg_plugins.watch.report import Report
    from rembg_plugins.watch.spool import Spool

AGAIN_S = 30.0
"""How long until something that could not be written is tried again, in s."""

_REMEMBERED = 4  # outputs whose bytes may serve for other names of the same picture
_RECIPE = "1"  # changes where equal options come to give another output


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The bytes of an output, and what is known of its picture.

    Attributes:
        content: The encoded picture.
        size_px: Width and height in px.
        format: Of the output.
        coverage: Share of the cut-out that is opaque, 0 to 1; None where nobody knows.
        warnings: What a person should look at.
    """

    content: bytes
    size_px: tuple[int, int]
    format: str
    coverage: float | None
    warnings: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Publisher:
    """Writes outputs; used by several threads.

    Attributes:
        ledger: Where each step is committed.
        spool: Where the cut-outs are kept.
        outbox: Where outputs go.
        naming: How they are called.
        originals: What becomes of the originals.
        notes: Where a person is told what to look at.
        report: Told of each picture.
        options: What to make of the cut-outs.
        engine: The name of the engine.
        now: Gives the UNIX time in s.
        clock: Gives the time in s.
        calls: What the calls came to that were made for contents in this run.
    """

    ledger: Ledger
    spool: Spool
    outbox: Outbox
    naming: Naming
    originals: Originals
    notes: Notes
    report: Report
    options: Options
    engine: str
    now: Callable[[], float] = time.time
    clock: Callable[[], float] = time.monotonic
    calls: dict[bytes, Call] = field(default_factory=dict)
    _made: OrderedDict[bytes, Made] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def recipe(self) -> bytes:
        """A digest of all that decides what outputs look like and where they lie."""
        options = sorted(form_fields(self.options).items())
        facts = (_RECIPE, options, self.naming.template, str(self.outbox.root), self.engine)
        return hashlib.sha256(repr(facts).encode(errors="surrogatepass")).digest()[:8]

    def publish(self, row: PathRow) -> bool:
        """Write the output of a name whose cut-out is kept.

        Returns:
            Whether it was; if not, its cut-out is lost.

        Raises:
            OSError: It cannot be written.
        """
        assert row.sha256 is not None  # noqa: S101 - for the type checker: it was hashed
        began = self.clock()
        made = self._make(row.sha256)
        if made is None:
            return False
        output = self.outbox.publish(
            made.content,
            self.naming.names(row.place, made.format, row.sha256),
            is_taken=lambda name: self.ledger.paths.is_taken(fold(name), row.place),
            replaces=row.output,
            owner=row.place,
        )
        note = None
        if made.warnings:
            note = self.notes.warn(row.place, output.relative, made.warnings, row.sha256)
        elif made.coverage is not None:  # else nobody knows how it looks
            self.notes.take_back(output.relative)
        self.ledger.paths.published(
            row,
            output,
            fold=fold(output.relative),
            made=self.recipe,
            done=self.originals.are_kept,
        )
        reached("published")
        self._end_note(row)
        self._tell(row, made, output, note, began)
        return True

    def dispose(self, row: PathRow) -> None:
        """See to the original of a name whose output was read back.

        Raises:
            OSError: It cannot be moved or removed.
        """
        published = row.output
        assert row.sha256 is not None  # noqa: S101 - for the type checker: it was published
        assert published is not None  # noqa: S101 - likewise
        disposal = self.originals.dispose(
            row.place, row.stamp, row.sha256, output_ok=lambda: self.outbox.read_back(published)
        )
        if disposal == "no output":
            later = self.now() + AGAIN_S
            self.ledger.paths.publish_again(row, not_before=later)
            text = "Its output is gone, so the original stays; it is written again later."
            self.report.note(text, source=row.place.relative)
            return
        reached("disposed")
        self.ledger.paths.disposed(row)

    def _end_note(self, row: PathRow) -> None:
        """Remove the note on a failure of a name that is published now.

        Unless the picture that failed lies beside it: nothing else would explain that.
        """
        if row.note is not None and not os.path.lexists(row.note.removesuffix(ERROR)):
            with contextlib.suppress(OSError):
                Path(row.note).unlink()

    def _make(self, sha256: bytes) -> Made | None:
        """The output's bytes; None where the cut-out has to be made anew first."""
        with self._lock:
            if sha256 in self._made:
                return self._made[sha256]
        cutout = self._whole(self.spool.cutout(sha256))
        made = self._copied(sha256) if cutout is None else self._made_of(cutout)
        if made is None:
            self.ledger.contents.lose_cutout(sha256)
            return None
        with self._lock:
            self._made[sha256] = made
            while len(self._made) > _REMEMBERED:
                self._made.popitem(last=False)
        return made

    def _whole(self, cutout: bytes | None) -> Result | None:
        """The cut-out as a picture; None where it is gone, or the disk has damaged it."""
        if cutout is None:
            return None
        result = Result.from_bytes(cutout, engine=self.engine, sent="nothing", billed=False)
        try:
            with decoding(result.size):
                result.image.load()
        except NotAnImageError:
            return None
        return result

    def _copied(self, sha256: bytes) -> Made | None:
        """What was made of the same bytes for another name, if that lies there as it was."""
        twin = self.ledger.paths.twin_of(sha256, self.recipe)
        if twin is None:
            return None
        folder, _, name = twin.relative.rpartition(b"/")
        try:
            content = read_whole(self.outbox.root, Place(folder, name))
        except OSError:
            return None
        if hashlib.sha256(content).digest() != twin.sha256:
            return None
        copy = Result.from_bytes(content, engine=self.engine, sent="nothing", billed=False)
        return Made(
            content=content, size_px=copy.size, format=copy.format, coverage=None, warnings=()
        )

    def _made_of(self, result: Result) -> Made:
        with decoding(result.size):
            result = result.showing("cut-out")
            coverage, warnings = result.coverage, result.warnings
            made = postprocess(result, self.options)
            return Made(
                content=made.content,
                size_px=made.size,
                format=made.format,
                coverage=coverage,
                warnings=warnings,
            )

    def _tell(
        self, row: PathRow, made: Made, output: Output, note: str | None, began: float
    ) -> None:
        assert row.sha256 is not None  # noqa: S101 - for the type checker: it was hashed
        call = self.calls.pop(row.sha256, None)
        twin = None
        if call is None:
            twin = self.ledger.paths.sharing(row.sha256, self.recipe, beside=row.place)
        call = call or Call()
        self.report.picture(
            PictureNews(
                source=row.place.relative,
                output=output.relative,
                status="published",
                sha256=row.sha256,
                credits=call.credits,
                in_doubt=call.in_doubt,
                same_as=twin.relative if twin else None,
                size_px=made.size_px,
                format=made.format,
                coverage=made.coverage,
                warnings=made.warnings,
                note=note,
                elapsed_s=call.elapsed_s + self.clock() - began,
            )
        )
