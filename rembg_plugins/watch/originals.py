"""What becomes of an original once its output is in OUTBOX: kept, moved or deleted.

Before it is moved or deleted, an original is taken out of everybody's way by giving it a name of
our own, and hashed there: whoever puts another picture under its old name meanwhile loses nothing.
A small file beside it says where it belongs, so that a crash at any point loses nothing either.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rembg_plugins.core.atomic import sync_folder
from rembg_plugins.watch.naming import flat
from rembg_plugins.watch.placing import (
    FOLDER,
    NO_FOLDER,
    digest,
    is_folder,
    make_folder,
    make_root,
    move,
    read_file,
    remove,
    write_new,
)
from rembg_plugins.watch.records import Place, Stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Wish = Literal["keep", "move", "delete"]
"""What is to become of originals."""

Disposal = Literal["kept", "moved", "deleted", "changed", "gone", "no output"]
"""What was done: as was wished; or nothing, since another file has that name, or none has it, or
the output could not be read back."""

_ASIDE = ".original"
_SLIP = ".place"
_OUR_SLIP = re.compile(r"[0-9a-f]{16}\.place")


class Originals:
    """Sees to originals; used by several threads of the one process that holds INBOX's lock.

    Args:
        inbox: Where they lie.
        wish: What is to become of them.
        done: Where they are moved to; must be no link.
    """

    def __init__(self, inbox: Path, wish: Wish, *, done: Path) -> None:
        """Nothing is made or moved yet."""
        self._inbox = os.fspath(inbox)
        self._done = os.fspath(done)
        self._wish = wish

    @property
    def are_kept(self) -> bool:
        """Whether nothing is done about them."""
        return self._wish == "keep"

    def dispose(
        self, place: Place, stamp: Stamp, sha256: bytes, *, output_ok: Callable[[], bool]
    ) -> Disposal:
        """Move or delete an original, if it is still the one whose output was read back.

        Args:
            place: Where it lies.
            stamp: As it was when it was read.
            sha256: Of its bytes.
            output_ok: Reads the output back.

        Returns:
            What was done.

        Raises:
            OSError: It could not be moved or deleted: it is under its name, or will be by
                :meth:`restore`.
        """
        if self._wish == "keep":
            return "kept"
        path = place.below(self._inbox)
        try:
            found = Stamp.of(os.lstat(path), with_inode=bool(stamp.ino))
        except (FileNotFoundError, NotADirectoryError):
            return "gone"
        if found != stamp:
            return "changed"
        if not output_ok():
            return "no output"
        slip, aside = self._put_aside(place)
        if aside is None:
            return "gone"
        try:
            disposal = self._end(place, stamp, sha256, aside)
        except BaseException:
            with contextlib.suppress(OSError):
                self._put_back(slip)
            raise
        self._put_back(slip)
        return disposal

    @contextlib.contextmanager
    def aside(self, place: Place) -> Iterator[str | None]:
        """Have a file out of everybody's way: what lies under its name then is another one.

        Gives its path; None where there is none. What still lies there in the end goes back.

        Raises:
            OSError: It cannot be given another name.
        """
        slip, aside = self._put_aside(place)
        try:
            yield aside
        finally:
            if aside is not None:
                self._put_back(slip)

    def restore(self) -> list[Place]:
        """Put back what a crash has left out of its place.

        Whoever can write to INBOX can write slips as well: one that is not as ours are is left
        alone, and none leads out of INBOX.

        Returns:
            The places where originals lie again; what cannot be put back is left for later.
        """
        folder = os.path.join(self._inbox, FOLDER)  # noqa: PTH118 - bytes that are no text
        try:
            names = os.listdir(folder) if is_folder(folder) else []  # noqa: PTH208 - likewise
        except OSError:
            return []
        places = []
        for name in names:
            if _OUR_SLIP.fullmatch(name):
                with contextlib.suppress(OSError):
                    places.append(self._put_back(os.path.join(folder, name)))  # noqa: PTH118 - likewise
        return [place for place in places if place is not None]

    def _put_aside(self, place: Place) -> tuple[str, str | None]:
        """Give the original a name of our own, beside a slip that says where it belongs."""
        token = secrets.token_hex(8)
        folder = make_folder(self._inbox, FOLDER.encode())
        slip = os.path.join(folder, token + _SLIP)  # noqa: PTH118 - bytes that are no text
        write_new(slip, place.relative)
        sync_folder(Path(folder))
        try:
            for aside in _asides(self._inbox, slip, place):
                try:
                    os.rename(place.below(self._inbox), aside)  # noqa: PTH104 - likewise
                except FileNotFoundError:
                    remove(slip)
                    return slip, None
                except OSError as problem:
                    if problem.errno != errno.EXDEV:
                        raise
                else:
                    return slip, aside
        except BaseException:
            remove(slip)
            raise
        raise AssertionError  # pragma: no cover - the second name is on the same file system

    def _end(self, place: Place, stamp: Stamp, sha256: bytes, aside: str) -> Disposal:
        found = digest(aside)
        if found is None or found[1] != sha256:
            return "changed"
        if Stamp.of(found[0], with_inode=bool(stamp.ino)) != stamp:
            return "changed"
        if self._wish == "move":
            self._move(place, aside, sha256)
            return "moved"
        remove(aside)
        return "deleted"

    def _move(self, place: Place, aside: str, sha256: bytes) -> None:
        done = make_root(self._done)
        try:
            move(aside, make_folder(done, place.folder), place.name, sha256=sha256)
        except OSError as problem:
            if problem.errno not in NO_FOLDER or not place.folder:
                raise
            folder, _, name = flat(place.relative).rpartition(b"/")
            move(aside, make_folder(done, folder), name, sha256=sha256)

    def _put_back(self, slip: str) -> Place | None:
        """Put the original of a slip back, if it still is out of its place, and end the slip."""
        folder, _, name = read_file(slip).rpartition(b"/")
        place = Place(folder, name)
        back = None
        for aside in _asides(self._inbox, slip, place):
            if name and os.path.lexists(aside):
                path = move(aside, make_folder(self._inbox, folder), name)
                back = Place(folder, os.path.basename(os.fsencode(path)))  # noqa: PTH119 - likewise
                sync_folder(Path(aside).parent)
        remove(slip)
        return back


def _asides(inbox: str, slip: str, place: Place) -> tuple[str, str]:
    """Where the original of a slip may be: beside it; or in its folder, if that is a mount."""
    token = os.path.basename(slip).removesuffix(_SLIP)  # noqa: PTH119 - bytes that are no text
    beside = Place(place.folder, f".rembg-{token}{_ASIDE}".encode())
    return slip.removesuffix(_SLIP) + _ASIDE, beside.below(inbox)
