"""Facts for tests of the ledger: a clock that stands still, files that were read, sums of bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from rembg_plugins.watch.ledger import Ledger, day_of
from rembg_plugins.watch.records import Output, Place, Stamp, Taken

NOON = 1_774_958_400.0
"""2026-03-31, 12:00 UTC, as a UNIX time in s."""

ENGINE = "api 1"
DAY, MONTH = "2026-03-31", "2026-03"
SIZE = (40, 30)  # px of every picture


@dataclass
class Clock:
    """Goes on only when it is told to."""

    now: float = NOON

    def __call__(self):
        """The UNIX time in s."""
        return self.now

    def day(self):
        """The UTC day."""
        return day_of(self.now)


def opened(folder, clock, **settings):
    """The ledger in a folder."""
    return Ledger(folder, **{"engine": ENGINE, "now": clock} | settings)


def sha(number):
    """A digest of its own for each number."""
    return hashlib.sha256(str(number).encode()).digest()


def place(relative):
    """A place, written as a path."""
    folder, _, name = relative.encode().rpartition(b"/")
    return Place(folder, name)


def taken(relative, number, *, mtime_ns=1, size_px=SIZE):
    """A file that was read, whose bytes are those of a number."""
    return Taken(
        place=place(relative),
        stamp=Stamp(100 + number, mtime_ns, 7),
        sha256=sha(number),
        size_px=size_px,
    )


def output(relative, number=0):
    """A file that was published."""
    return Output(relative=relative.encode(), stamp=Stamp(5, 6, 7), sha256=sha(f"out {number}"))


def begin(ledger, number, *, limit=None, window=None, day=DAY):
    """Begin a call for a content."""
    return ledger.contents.begin(sha(number), limit=limit, window=window, day=day)


def published(ledger, relative, name="out.png", *, made=b"made", done=True):
    """Publish the output of a name that is READY."""
    ledger.paths.published(
        ledger.paths.get(place(relative)), output(name), fold=name, made=made, done=done
    )
