"""Files that were seen and are perhaps still being written, until they rest."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rembg_plugins.watch.filesystem import is_open_for_writing, is_unchanged
from rembg_plugins.watch.reading import open_below
from rembg_plugins.watch.records import Place, Stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

CAPACITY = 5_000
"""How many files are kept an eye on at once; the next scan finds the others again."""

CLOSED_S = 0.2
"""How long a file must rest that nobody has open for writing, in s."""

LOCAL_S = 2.0
"""The same where that cannot be known, in s."""

NETWORK_S = 10.0
"""The same on a network file system, whose news may come late, in s."""

_SLOWER = 1.5  # from one look at a file that is being written to the next
_SLOWEST_S = 1.0
_UNFINISHED_LOOK_S = 2.0  # between two looks at one that rests without an end
_BUSY_LOOKS = 5  # after which a file makes room for others

State = Literal["resting", "busy", "unfinished"]


@dataclass(slots=True, kw_only=True)
class Waiting:
    """A file that is kept an eye on.

    Attributes:
        place: Where it lies.
        stamp: As it was at the last look.
        since: Since when it is so, in s of the clock.
        due: When it is looked at next, likewise.
        state: Whether it rests so far; or is being written; or rests, but has no end.
        looks: How often it was found being written.
    """

    place: Place
    stamp: Stamp
    since: float
    due: float
    state: State = "resting"
    looks: int = 0


class Settling:
    """The files that may still be written.

    A file is at rest when its length, time and inode are the same at two looks, a while apart
    by a clock that nobody sets, and nobody has it open for writing. Its own time is never
    compared with a clock.

    Args:
        inbox: INBOX.
        is_network: Whether it lies on a network file system.
        settle_s: How long a file must rest, in s; None is :data:`CLOSED_S` where the system can
            tell that nobody has it open, else :data:`LOCAL_S` or :data:`NETWORK_S`.
    """

    def __init__(
        self, inbox: str | os.PathLike[str], *, is_network: bool, settle_s: float | None = None
    ) -> None:
        """Nothing is waited for yet."""
        self._inbox = inbox
        self._is_network = is_network
        self._closed_s = CLOSED_S if settle_s is None else settle_s
        self._unknown_s = (NETWORK_S if is_network else LOCAL_S) if settle_s is None else settle_s
        self._first_s = self._unknown_s if is_network else self._closed_s
        self._waiting: dict[Place, Waiting] = {}

    def __len__(self) -> int:
        """How many files are waited for."""
        return len(self._waiting)

    def __contains__(self, place: object) -> bool:
        return place in self._waiting

    @property
    def room(self) -> int:
        """How many more can be waited for."""
        return CAPACITY - len(self._waiting)

    @property
    def places(self) -> frozenset[Place]:
        """Where they lie."""
        return frozenset(self._waiting)

    def is_resting(self, among: frozenset[Place] | None = None) -> bool:
        """Whether any is about to be decided on: neither being written nor without an end.

        Args:
            among: Which count; None stands for all.
        """
        return any(
            file.state == "resting" and (among is None or place in among)
            for place, file in self._waiting.items()
        )

    @property
    def next_due(self) -> float | None:
        """When one is to be looked at next, in s of the clock; None where there is none."""
        return min((file.due for file in self._waiting.values()), default=None)

    def add(self, place: Place, stamp: Stamp, now: float) -> bool:
        """Keep an eye on a file; gives whether there was room for it."""
        known = self._waiting.get(place)
        if known is not None:
            if known.stamp != stamp:
                self._restart(known, stamp, now)
            return True
        if not self.room and not self.make_room():
            return False
        self._waiting[place] = Waiting(place=place, stamp=stamp, since=now, due=now + self._first_s)
        return True

    def rested(self, now: float) -> Iterator[Waiting]:
        """The files that are at rest now; each stays until it is taken out or postponed."""
        for file in [file for file in self._waiting.values() if file.due <= now]:
            if self._look(file, now):
                yield file

    def remove(self, place: Place) -> None:
        """No longer keep an eye on it."""
        self._waiting.pop(place, None)

    def clear(self) -> list[Place]:
        """No longer keep an eye on any; gives those that were waited for."""
        places = list(self._waiting)
        self._waiting.clear()
        return places

    def postpone(self, file: Waiting, now: float, *, until_s: float) -> None:
        """A file at rest has no end yet: look again later, and at the latest when it must have.

        Args:
            file: Which.
            now: In s of the clock.
            until_s: How long it may rest so, in s.
        """
        file.state = "unfinished"
        left = file.since + until_s - now
        file.due = now + max(min(_UNFINISHED_LOOK_S, left), 0.01)

    def restart(self, file: Waiting, now: float) -> None:
        """It was changed while it was read."""
        file.looks += 1
        self._later(file, now)
        file.since = now

    def _look(self, file: Waiting, now: float) -> bool:
        """Whether it is at rest; else it is looked at later, or dropped if it is gone."""
        try:
            status, is_open = self._stat(file.place)
        except PermissionError:
            return True  # reading it will tell
        except OSError:
            self.remove(file.place)
            return False
        if not stat.S_ISREG(status.st_mode):
            self.remove(file.place)
            return False
        if not is_unchanged(file.stamp, status):
            self._restart(file, Stamp.of(status, with_inode=not self._is_network), now)
            return False
        if is_open:
            # It rests from when nobody has it open any more.
            file.looks += 1
            self._later(file, now)
            file.since = now
            return False
        return self._has_rested(file, now, is_closed=is_open is False)

    def _has_rested(self, file: Waiting, now: float, *, is_closed: bool) -> bool:
        rest_at = file.since + (self._closed_s if is_closed else self._unknown_s)
        if now < rest_at:
            file.due = rest_at
            if file.state == "busy":
                file.state = "resting"
            return False
        return True

    def _stat(self, place: Place) -> tuple[os.stat_result, bool | None]:
        """What the system says of a file, and whether anybody has it open for writing."""
        descriptor = open_below(self._inbox, place)
        try:
            # Of writers elsewhere a network file system knows nothing, and NFS refuses leases for
            # reasons of its own with the error that means a writer.
            is_open = None if self._is_network else is_open_for_writing(descriptor)
            return os.fstat(descriptor), is_open
        finally:
            os.close(descriptor)

    def _restart(self, file: Waiting, stamp: Stamp, now: float) -> None:
        file.stamp = stamp
        file.since = now
        file.looks += 1
        self._later(file, now)

    def _later(self, file: Waiting, now: float) -> None:
        file.state = "busy"
        wait = self._first_s * _SLOWER ** min(file.looks - 1, 20)
        file.due = now + min(wait, max(_SLOWEST_S, self._first_s))

    def make_room(self) -> bool:
        """Let go of those that are being written for long; the next scan finds them again."""
        busy = [file.place for file in self._waiting.values() if file.looks >= _BUSY_LOOKS]
        for place in busy:
            self.remove(place)
        return bool(busy)
