"""Files that were seen, on their way into the ledger: at rest, read, hashed, committed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rembg_plugins.watch.failpoints import reached
from rembg_plugins.watch.reading import UNFINISHED_S, NotYet, Refused, take
from rembg_plugins.watch.vanished import Rows

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from rembg_plugins.watch.records import Place, Stamp, Taken
    from rembg_plugins.watch.scan import Candidates
    from rembg_plugins.watch.settle import Settling, Waiting

_AT_ONCE = 100  # files of one transaction
_TOGETHER_S = 0.02  # how long the first of them waits for the others
_FIRST_WAIT_S, _LONGEST_WAIT_S = 5.0, 300.0  # for a file that cannot be read, doubling
_MOST_UNREADABLE = 5_000
_MOST_TOLD = 20


class Sink(Rows, Protocol):
    """The names of the ledger."""

    def add(self, taken: Sequence[Taken]) -> None:
        """Files that are at rest and whole."""
        ...

    def fail_path(self, place: Place, stamp: Stamp, reason: str, code: str) -> None:
        """A file that is not worth a call."""
        ...


@dataclass(slots=True)
class _Unreadable:
    """A file that could not be read, and when it is tried again."""

    stamp: Stamp
    due: float
    wait_s: float


class Intake:
    """Decides on files that were seen.

    Args:
        inbox: The real path of INBOX.
        settling: Keeps an eye on them until they rest.
        paths: The names of the ledger.
        transcode: Whether kinds of pictures that the API does not take are re-encoded later.
        tell: Told in one sentence, with the path below INBOX, of what a person should know.
        clock: Gives the time in s.
        hold: See :func:`~rembg_plugins.watch.reading.take`.
    """

    def __init__(
        self,
        inbox: str | os.PathLike[str],
        *,
        settling: Settling,
        paths: Sink,
        transcode: bool,
        tell: Callable[[str, bytes], None],
        clock: Callable[[], float],
        hold: Callable[[bytes, bytes], None] | None = None,
    ) -> None:
        """Nothing was seen yet."""
        self._inbox = inbox
        self._settling = settling
        self._paths = paths
        self._transcode = transcode
        self._tell = tell
        self._clock = clock
        self._hold = hold
        self._taken: list[Taken] = []
        self._since = 0.0
        self._unreadable: dict[Place, _Unreadable] = {}
        self._told = 0

    @property
    def unreadable(self) -> int:
        """How many files could not be read, and are tried again."""
        return len(self._unreadable)

    def see(self, candidates: Candidates) -> bool:
        """Keep an eye on files that are new or changed; gives whether there was room for all."""
        now = self._clock()
        for place, stamp in candidates:
            blocked = self._unreadable.get(place)
            if blocked is not None and blocked.stamp == stamp and now < blocked.due:
                continue
            reached("seen")
            if not self._settling.add(place, stamp, now):
                return False
        return True

    def decide(self, is_stopped: Callable[[], bool]) -> None:
        """Read what is at rest, and put it into the ledger."""
        try:
            for file in self._settling.rested(self._clock()):
                if is_stopped():
                    return
                reached("at_rest")
                self._decide_on(file)
                if self._taken and self._is_time():
                    self._commit()
        finally:
            self._commit()

    def give_up(self) -> int:
        """Let go of what could not be decided on; gives how many files that are."""
        left = self._settling.clear()
        for place in left:
            self._tell("It is still being written; the next run will find it.", place.relative)
        return len(left) + self.unreadable

    def _decide_on(self, file: Waiting) -> None:
        verdict = take(
            self._inbox,
            file.place,
            file.stamp,
            rested_s=self._clock() - file.since,
            transcode=self._transcode,
            hold=self._hold,
        )
        if isinstance(verdict, NotYet):
            self._wait_for(file, verdict)
            return
        self._settling.remove(file.place)
        self._unreadable.pop(file.place, None)
        if isinstance(verdict, Refused):
            self._paths.fail_path(file.place, file.stamp, verdict.reason, verdict.code)
            return
        reached("hashed")
        if not self._taken:
            self._since = self._clock()
        self._taken.append(verdict)

    def _is_time(self) -> bool:
        return len(self._taken) >= _AT_ONCE or self._clock() >= self._since + _TOGETHER_S

    def _commit(self) -> None:
        taken, self._taken = self._taken, []
        if taken:
            self._paths.add(taken)

    def _wait_for(self, file: Waiting, verdict: NotYet) -> None:
        if verdict.why == "unfinished":
            self._settling.postpone(file, self._clock(), until_s=UNFINISHED_S)
        elif verdict.why == "changed":
            self._settling.restart(file, self._clock())
        else:
            self._settling.remove(file.place)
            if verdict.why == "unreadable":
                self._put_off(file, verdict.reason)

    def _put_off(self, file: Waiting, reason: str) -> None:
        """A file that cannot be read is told of once, and tried again ever more seldom."""
        before = self._unreadable.pop(file.place, None)
        wait_s = _FIRST_WAIT_S if before is None else min(2 * before.wait_s, _LONGEST_WAIT_S)
        if before is None:
            self._tell_unreadable(file.place, reason)
        if len(self._unreadable) >= _MOST_UNREADABLE:
            self._unreadable.pop(next(iter(self._unreadable)))
        due = self._clock() + wait_s
        self._unreadable[file.place] = _Unreadable(file.stamp, due, wait_s)

    def _tell_unreadable(self, place: Place, reason: str) -> None:
        self._told += 1
        if self._told <= _MOST_TOLD:
            self._tell(f"It cannot be read ({reason}); it is tried again later.", place.relative)
        elif self._told == _MOST_TOLD + 1:
            self._tell("More files cannot be read; they are not told of one by one.", b"")
