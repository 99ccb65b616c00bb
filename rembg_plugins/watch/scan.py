"""What lies in INBOX, compared with the ledger: the truth about what is new, changed or gone."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rembg_plugins.watch.filesystem import is_unchanged
from rembg_plugins.watch.records import Place, Stamp
from rembg_plugins.watch.vanished import IS_GONE, Vanished

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rembg_plugins.watch.selection import Selection
    from rembg_plugins.watch.vanished import Rows

Candidates = list[tuple[Place, Stamp]]
"""Files that are new or changed, each as it is now."""

AT_ONCE = 1_000
"""Files that are compared by one question."""


@dataclass(slots=True)
class _Listing:
    """How far a folder was read."""

    files: int = 0
    folders: list[bytes] = field(default_factory=list)
    is_whole: bool = True


class Scanner:
    """Looks into INBOX.

    Args:
        inbox: The real path of INBOX.
        selection: What of it is meant.
        rows: The ledger.
        with_inode: Whether inodes mean anything there.
        tell: Told in one sentence, with the path below INBOX, of what a person should know.

    Attributes:
        files: How many files the last whole scan saw.
    """

    def __init__(
        self,
        inbox: str | os.PathLike[str],
        *,
        selection: Selection,
        rows: Rows,
        with_inode: bool,
        tell: Callable[[str, bytes], None],
    ) -> None:
        """Nothing is looked at yet."""
        self.files = 0
        self._inbox = os.fspath(inbox)
        self._selection = selection
        self._rows = rows
        self._with_inode = with_inode
        self._tell = tell
        self._told: set[bytes] = set()
        self._told_of_link = False
        self._vanished = Vanished(self._inbox, selection=selection, rows=rows, tell=tell)

    @property
    def identity(self) -> tuple[int, int] | None:
        """Device and inode of INBOX as it was last seen; None where it was not."""
        return self._vanished.identity

    def is_there(self) -> bool:
        """Whether INBOX exists; tells once that it does not."""
        return self._vanished.is_there()

    def scan(self) -> Iterator[Candidates]:
        """All of INBOX: what is new or changed, in pieces; forgets what is gone."""
        if not self.is_there():
            return
        identity, files = self.identity, 0
        pending = [b""]
        while pending:
            listing = _Listing()
            yield from self._walk(pending.pop(), listing)
            pending += listing.folders
            files += listing.files
        self.files = files
        if self.is_there() and self.identity == identity:
            self._vanished.forget_folders()

    def tree(self, folder: bytes) -> Iterator[Candidates]:
        """The same of one folder and all that lies in it."""
        pending = [folder] if self._selection.enters(folder, self._inbox) else []
        while pending and self.is_there():
            listing = _Listing()
            yield from self._walk(pending.pop(), listing)
            pending += listing.folders

    def files_at(self, places: Iterable[Place]) -> Candidates:
        """The same of single files."""
        folders: dict[bytes, set[bytes]] = {}
        for place in places:
            if self._selection.takes_file(place.folder, place.name):
                folders.setdefault(place.folder, set()).add(place.name)
        found: Candidates = []
        for folder, names in folders.items():
            if self._selection.enters(folder, self._inbox):
                found += self._compare_names(folder, sorted(names))
        return found

    def _walk(self, folder: bytes, listing: _Listing) -> Iterator[Candidates]:
        """The files that lie in a folder itself."""
        for batch in self._list(folder, listing):
            yield self._compare(folder, batch)
        if listing.files or listing.folders:
            self._vanished.has_files()
        if listing.is_whole:
            self._vanished.forget_files(folder, listing.files)

    def _list(self, folder: bytes, listing: _Listing) -> Iterator[list[os.DirEntry[bytes]]]:
        """The same as entries, none of which is looked at; puts down what else lies there."""
        batch: list[os.DirEntry[bytes]] = []
        takes_file = self._selection.takes_file
        try:
            with os.scandir(self._vanished.path(folder)) as entries:
                for entry in entries:
                    if not entry.is_file(follow_symlinks=False):
                        self._put_down(entry, folder, listing)
                    elif takes_file(folder, entry.name):
                        batch.append(entry)
                    if len(batch) == AT_ONCE:
                        listing.files += AT_ONCE
                        yield batch
                        batch = []
        except OSError as error:
            listing.is_whole = False
            self._tell_unreadable(folder, error)
        else:
            self._told.discard(folder)
        listing.files += len(batch)
        yield batch

    def _put_down(self, entry: os.DirEntry[bytes], folder: bytes, listing: _Listing) -> None:
        """Folders are to be looked into; links are told of; anything else is nothing to us."""
        name = entry.name
        if entry.is_symlink() or _is_junction(entry):
            self._tell_of_link(folder, name)
        elif entry.is_dir(follow_symlinks=False):
            inner = folder + b"/" + name if folder else name
            path = os.path.join(self._inbox, os.fsdecode(inner))  # noqa: PTH118 - bytes that are no text
            if self._selection.takes_folder(folder, name, path):
                listing.folders.append(inner)

    def _compare(self, folder: bytes, batch: list[os.DirEntry[bytes]]) -> Candidates:
        if not batch:
            return []
        rows = self._rows.stamps(folder, [entry.name for entry in batch])
        found: Candidates = []
        for entry in batch:
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:  # gone, or to be seen by the next scan
                continue
            row = rows.get(entry.name)
            # No objects are made of what is unchanged, as nearly all is.
            if row is not None:
                _, size, mtime_ns, ino, _ = row
                if (
                    mtime_ns == status.st_mtime_ns
                    and size == status.st_size
                    and ino == status.st_ino
                ) or is_unchanged(Stamp(size, mtime_ns, ino), status):
                    continue
            found.append((Place(folder, entry.name), self._stamp(status)))
        return found

    def _compare_names(self, folder: bytes, names: list[bytes]) -> Candidates:
        """Single files of a folder, of which some may be gone."""
        known = self._rows.known(folder, names)
        found: Candidates = []
        gone: list[bytes] = []
        for name in names:
            status, is_gone = self._vanished.status(Place(folder, name))
            row = known.get(name)
            if is_gone and row is not None and not self._vanished.is_in_hand(row):
                gone.append(name)
            elif status is not None and (row is None or not is_unchanged(row.stamp, status)):
                found.append((Place(folder, name), self._stamp(status)))
        if gone and self._vanished.may_forget():
            self._rows.forget([Place(folder, name) for name in gone])
        return found

    def _stamp(self, status: os.stat_result) -> Stamp:
        return Stamp.of(status, with_inode=self._with_inode)

    def _tell_unreadable(self, folder: bytes, error: OSError) -> None:
        if error.errno in IS_GONE or folder in self._told:
            return
        self._told.add(folder)
        reason = error.strerror or str(error)
        self._tell(f"A folder cannot be read ({reason}); its files are not forgotten.", folder)

    def _tell_of_link(self, folder: bytes, name: bytes) -> None:
        place = Place(folder, name)
        if self._told_of_link or name.startswith(b"."):
            return
        self._told_of_link = True
        self._tell("Links are not followed; this is the first.", place.relative)


def _is_junction(entry: os.DirEntry[bytes]) -> bool:
    """Whether it is what Windows has for links to folders; Python knows them from 3.12 on."""
    check = getattr(entry, "is_junction", None)
    return bool(check is not None and check())
