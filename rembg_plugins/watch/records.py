"""The facts that the parts of the watcher hand to each other."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rembg_plugins.watch.states import PathState


@dataclass(frozen=True, slots=True)
class Place:
    """A file's place below INBOX, as bytes: names need not be text.

    Attributes:
        folder: With ``/`` between its parts, ``b""`` for INBOX itself.
        name: The file's name.
    """

    folder: bytes
    name: bytes

    @property
    def relative(self) -> bytes:
        """Folder and name."""
        return self.folder + b"/" + self.name if self.folder else self.name

    def below(self, root: str | os.PathLike[str]) -> str:
        """The path below a root, as the functions of ``os`` take it."""
        return os.path.join(os.fspath(root), os.fsdecode(self.relative))  # noqa: PTH118 - bytes that are no text


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells that a file is still the same without reading it.

    Attributes:
        size: In bytes.
        mtime_ns: When it was changed, by its own account; never compared with a clock.
        ino: Its inode; 0 where that means nothing, as on network file systems.
    """

    size: int
    mtime_ns: int
    ino: int = 0

    @classmethod
    def of(cls, stat: os.stat_result, *, with_inode: bool = True) -> Stamp:
        """The stamp of what ``os.stat`` gives."""
        # Integers of SQLite have 63 bits and a sign; some inodes and far-off times have more.
        ino = stat.st_ino & (2**63 - 1) if with_inode else 0
        mtime_ns = (stat.st_mtime_ns + 2**63) % 2**64 - 2**63
        return cls(stat.st_size, mtime_ns, ino)


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger knows of a path."""

    stamp: Stamp
    state: PathState


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A file that is at rest and whole, read and hashed.

    Attributes:
        place: Where it lies.
        stamp: As it was before and after it was read.
        sha256: Of its bytes: 32 bytes.
        size_px: Width and height in px, by its header, before any orientation.
    """

    place: Place
    stamp: Stamp
    sha256: bytes
    size_px: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A file that was published.

    Attributes:
        relative: Its path below OUTBOX.
        stamp: As it was when it was written.
        sha256: Of its bytes.
    """

    relative: bytes
    stamp: Stamp
    sha256: bytes
