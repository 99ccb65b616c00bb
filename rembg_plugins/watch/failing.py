"""What becomes of a name whose picture failed: a note, and its original out of the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rembg_plugins.watch.news import PictureNews

if TYPE_CHECKING:
    from rembg_plugins.watch.ledger import Ledger
    from rembg_plugins.watch.notes import Notes
    from rembg_plugins.watch.path_row import PathRow
    from rembg_plugins.watch.report import Report
    from rembg_plugins.watch.sending import Call
    from rembg_plugins.watch.spool import Spool

_UNKNOWN = "It failed for a reason that was not put down."


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Sees to names that failed; used by several threads.

    Attributes:
        ledger: Where each step is committed.
        notes: The failed folder.
        spool: What was received.
        report: Told of each picture.
        calls: What the calls came to that were made for contents in this run.
    """

    ledger: Ledger
    notes: Notes
    spool: Spool
    report: Report
    calls: dict[bytes, Call]

    def see_to(self, row: PathRow) -> None:
        """Write the note, move the original if that is wished, and tell.

        Raises:
            OSError: The note cannot be written, or the original cannot be moved.
        """
        content = None if row.sha256 is None else self.ledger.contents.get(row.sha256)
        code = (content and content.code) or row.code or "failed"
        reason = (content and content.reason) or row.reason or _UNKNOWN
        call = self.calls.pop(row.sha256, None) if row.sha256 is not None else None
        note = self.notes.fail(
            row.place,
            row.stamp,
            code=code,
            reason=reason,
            content=content,
            error=call.error if call else None,
            kept=None if row.sha256 is None else self.spool.refused(row.sha256),
        )
        self.ledger.paths.failed(
            row, note=note.path, is_away=note.is_away, code=code, reason=reason
        )
        self.report.picture(
            PictureNews(
                source=row.place.relative,
                status="failed",
                sha256=row.sha256,
                credits=call.credits if call else 0,
                in_doubt=call.in_doubt if call else 0,
                error=call.error if call else None,
                reason=reason,
                code=code,
                note=note.path,
                elapsed_s=call.elapsed_s if call else None,
            )
        )
