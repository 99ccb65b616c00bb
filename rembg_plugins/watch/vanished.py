"""What is gone from INBOX: found out with care, so that a disk that is away is not taken for it."""

from __future__ import annotations

import errno
import os
import stat
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from rembg_plugins.watch.records import Known, Place
from rembg_plugins.watch.states import PathState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rembg_plugins.watch.listing import Row
    from rembg_plugins.watch.selection import Selection

IS_GONE = frozenset({errno.ENOENT, errno.ENOTDIR})
"""What the system says where there is no such file, and not that it cannot look."""

_AT_ONCE = 500  # names that are looked at between two questions
_IN_HAND = frozenset({PathState.READY, PathState.FAILING, PathState.PUBLISHED})


class Rows(Protocol):
    """What the ledger is asked, and told of files that are gone."""

    def known(self, folder: bytes, names: Sequence[bytes]) -> dict[bytes, Known]:
        """What is known of some names of a folder."""
        ...

    def stamps(self, folder: bytes, names: Sequence[bytes]) -> dict[bytes, Row]:
        """The same as plain rows, of other names as well."""
        ...

    def count(self, folder: bytes) -> int:
        """How many names of a folder are known that should lie there."""
        ...

    def names(self, folder: bytes) -> Iterator[bytes]:
        """Those names."""
        ...

    def folders(self) -> Iterator[bytes]:
        """All folders of which names are known."""
        ...

    def forget(self, places: Sequence[Place]) -> None:
        """These are gone."""
        ...


class Vanished:
    """Forgets what is gone.

    Args:
        inbox: The real path of INBOX.
        selection: What of it is meant.
        rows: The ledger.
        tell: Told in one sentence, with the path below INBOX, of what a person should know.

    Attributes:
        identity: Device and inode of INBOX as it was last seen; None where it was not.
    """

    def __init__(
        self,
        inbox: str,
        *,
        selection: Selection,
        rows: Rows,
        tell: Callable[[str, bytes], None],
    ) -> None:
        """Nothing is looked at yet."""
        self.identity: tuple[int, int] | None = None
        self._inbox = inbox
        self._root = os.fsencode(inbox)
        self._selection = selection
        self._rows = rows
        self._tell = tell
        self._is_missing = False
        self._filled: int | None = None  # the device of INBOX when there was something in it
        self._surplus: dict[bytes, int] = {}  # rows of files that are there and not meant

    def is_there(self) -> bool:
        """Whether INBOX exists; tells once that it does not."""
        try:
            status = os.stat(self._root)  # noqa: PTH116 - bytes that are no text
            self.identity = status.st_dev, status.st_ino
        except OSError as error:
            self.identity = None
            if not self._is_missing:
                reason = error.strerror or str(error)
                self._tell(f"INBOX cannot be looked at ({reason}); nothing is forgotten.", b"")
            self._is_missing = True
            return False
        if self._is_missing:
            self._tell("INBOX is there again.", b"")
        self._is_missing = False
        return True

    def has_files(self) -> None:
        """There was something in INBOX: what is missing there from now on is gone."""
        self._filled = self.identity[0] if self.identity else None

    def is_in_hand(self, row: Known) -> bool:
        """Whether somebody is about to see to a file, gone or not."""
        return row.state in _IN_HAND

    def forget_files(self, folder: bytes, seen: int, *, is_gone: bool = False) -> None:
        """Forget the files of a folder that are gone, if there are more rows than files.

        Args:
            folder: Below INBOX.
            seen: How many files were seen in it.
            is_gone: Whether the folder itself is gone.
        """
        rows = self._rows.count(folder)
        if rows <= seen + self._surplus.get(folder, 0) or not self.may_forget():
            return
        self._surplus.pop(folder, None)
        if left := self._forget_names(folder, is_gone=is_gone):
            self._surplus[folder] = left

    def _forget_names(self, folder: bytes, *, is_gone: bool) -> int:
        """Forget the names of a folder that are gone; gives how many are there but not meant."""
        names, not_meant = self._rows.names(folder), 0
        while some := list(islice(names, _AT_ONCE)):
            gone: list[bytes] = []
            left_out: list[bytes] = []
            for name in some:
                if is_gone or self.status(Place(folder, name))[1]:
                    gone.append(name)
                elif not self._is_meant(Place(folder, name)):
                    left_out.append(name)
            not_meant += len(left_out)
            self._forget(folder, gone, left_out)
        return not_meant

    def _forget(self, folder: bytes, gone: list[bytes], left_out: list[bytes]) -> None:
        """Forget what is gone, and what waits although it is no longer meant.

        What somebody has in hand stays until that is done.
        """
        known = self._rows.known(folder, [*gone, *left_out])
        names = [name for name in gone if name in known and known[name].state not in _IN_HAND]
        names += [
            name for name in left_out if name in known and known[name].state is PathState.WAITING
        ]
        if names and self.may_forget():
            self._rows.forget([Place(folder, name) for name in names])

    def forget_folders(self) -> None:
        """Forget the files of folders that are gone, or are no longer entered."""
        root = os.path.realpath(self._root)
        for folder in self._rows.folders():
            if not folder:
                continue
            is_gone = self._is_gone(root, folder)
            if is_gone or not self._selection.enters(folder, self._inbox):
                self.forget_files(folder, 0, is_gone=is_gone)

    @staticmethod
    def _is_gone(root: bytes, folder: bytes) -> bool:
        """Whether there is surely no such folder, or a link to one."""
        path = os.path.join(root, folder)  # noqa: PTH118 - bytes that are no text
        try:
            is_folder = stat.S_ISDIR(os.lstat(path).st_mode)
        except OSError as error:
            return error.errno in IS_GONE
        return not is_folder or os.path.normpath(path) != os.path.realpath(path)

    def may_forget(self) -> bool:
        """Whether INBOX can be believed: not where its disk is away, and its folder empty."""
        before = self.identity
        if not self.is_there() or self.identity is None or self.identity != before:
            return False
        return self.identity[0] == self._filled

    def status(self, place: Place) -> tuple[os.stat_result | None, bool]:
        """The status of a regular file, and whether there is surely none."""
        try:
            status = os.lstat(self.path(place.relative))
        except OSError as error:
            return None, error.errno in IS_GONE
        is_file = stat.S_ISREG(status.st_mode)
        return (status, False) if is_file else (None, True)

    def _is_meant(self, place: Place) -> bool:
        return self._selection.takes_file(place.folder, place.name) and self._selection.enters(
            place.folder, self._inbox
        )

    def path(self, relative: bytes) -> bytes:
        """The path of what lies below INBOX."""
        return os.path.join(self._root, relative) if relative else self._root  # noqa: PTH118 - bytes that are no text
