"""What became of each picture, and of all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from rembg_plugins.core.outcomes import EXIT_OK, EXIT_SOME_FAILED, outcome

if TYPE_CHECKING:
    from rembg_plugins.cli.targets import Target
    from rembg_plugins.core.result import Result

Status = Literal["done", "planned", "skipped", "failed", "not_started"]
"""Written; would be done (dry run); kept, since it exists; not done, for a reason of its own;
not begun, because the run ended before."""

EXIT_LATER = 75  # the bound of the credits is reached: go on later


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What became of one picture.

    Attributes:
        target: The picture and its output.
        status: See :data:`Status`.
        result: What was written.
        error: Why it failed.
        same_as: The source that is the same picture, and was cut out in its place.
        rescued: Where a picture lies that was paid for but could not be used or written.
        credits: What it cost for certain.
        in_doubt: Calls for it of which nobody knows whether they cost a credit.
    """

    target: Target
    status: Status
    result: Result | None = None
    error: BaseException | None = None
    same_as: Target | None = None
    rescued: str | None = None
    credits: int = 0
    in_doubt: int = 0


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of all pictures, so far.

    Attributes:
        counts: Pictures by status.
        credits: What they cost for certain.
        in_doubt: Calls of which nobody knows whether they cost a credit.
        is_dry: Whether nothing is done, only told.
        at_most: What a dry run says that it would cost: expected, and at the very most.
        stopped_by: The error after which no more pictures were begun.
        limited: Whether pictures were not begun because of ``--max-credits``.
        signalled: The exit code of the signal that ended the run.
    """

    counts: dict[Status, int] = field(default_factory=dict)
    credits: int = 0
    in_doubt: int = 0
    is_dry: bool = False
    at_most: tuple[int, int] = (0, 0)
    stopped_by: BaseException | None = None
    limited: bool = False
    signalled: int | None = None
    _last_error: BaseException | None = None

    def add(self, record: Record) -> None:
        """Count one more picture."""
        self.counts[record.status] = self.counts.get(record.status, 0) + 1
        self.credits += record.credits
        self.in_doubt += record.in_doubt
        self._last_error = record.error or self._last_error

    @property
    def exit_code(self) -> int:
        """The exit code of the run: a cause's own only where it ended it, or was the only one."""
        if self.signalled is not None:
            return self.signalled
        if self.stopped_by is not None:
            return outcome(self.stopped_by).exit_code
        if self.limited:
            return EXIT_LATER
        if self._last_error is None:
            return EXIT_OK
        is_only_one = sum(self.counts.values()) == 1
        return outcome(self._last_error).exit_code if is_only_one else EXIT_SOME_FAILED
