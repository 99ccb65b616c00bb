"""OUTBOX: outputs are published whole, under names that nobody had, and read back."""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import hashlib
import itertools
import os
import secrets
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rembg_plugins.core.atomic import sync_folder
from rembg_plugins.watch.failpoints import reached
from rembg_plugins.watch.naming import flat, fold
from rembg_plugins.watch.placing import (
    FOLDER,
    NO_FOLDER,
    digest,
    holds,
    make_folder,
    place,
    remove,
    replace,
    write_new,
)
from rembg_plugins.watch.records import Output, Stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

RESERVE = 64 << 20
"""Bytes that must be left on a disk, beside those that a picture needs."""

_TIMES = 3  # an answer and its output may each be larger than the picture was
_PROBE_S = 30.0  # how long it is believed that a folder can be written to
_CLAIMED_S = 60.0  # how long a name may have been given away and not be in the ledger
_LOOKED_THROUGH = 100  # names among which an earlier output's is looked for
_HALF_WRITTEN = ".rembg-*.tmp"  # what a crash leaves of a file that is written atomically
_TEMPORARIES = f"{FOLDER}/temporary".encode()


@dataclass(frozen=True, slots=True)
class _Work:
    """An output that is written, and has no name yet; see :meth:`Outbox.publish`."""

    temporary: str
    sha256: bytes
    is_taken: Callable[[bytes], bool]
    replaces: Output | None
    owner: Hashable


class Outbox:
    """The folder of outputs; used by several threads of the one process that holds its lock.

    Nothing is ever overwritten but outputs of our own that are still as they were written.

    Args:
        root: The folder; must exist.
        state: The folder of the spool, on whose disk there must be room as well.
        reserve: Bytes that must be left on both disks.
        clock: Gives the time in s.
    """

    def __init__(
        self,
        root: Path,
        *,
        state: Path | None = None,
        reserve: int = RESERVE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is made or removed yet."""
        self.root = root
        self._path = os.fspath(root)
        self._disks = [self._path] if state is None else [self._path, os.fspath(state)]
        self._reserve = reserve
        self._clock = clock
        self._device: int | None = None
        self._probed_at: float | None = None
        self._claims: dict[str, tuple[Hashable, float]] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Outbox({self._path!r})"

    @property
    def _temporaries(self) -> str:
        return os.path.join(self._path, os.fsdecode(_TEMPORARIES))  # noqa: PTH118 - bytes that are no text

    def sweep(self) -> bool:
        """Make the folder for temporary files, or remove those that a crash has left there.

        Returns:
            Whether that folder was there already. If not, though outputs were published here,
            then this is another folder than it was: a disk that is not mounted.

        Raises:
            OSError: OUTBOX cannot be written to.
        """
        was_there = os.path.isdir(self._temporaries)  # noqa: PTH112 - bytes that are no text
        make_folder(self._path, _TEMPORARIES)
        _sweep(self._temporaries)
        _sweep(os.path.dirname(self._temporaries), _HALF_WRITTEN)  # noqa: PTH120 - bytes that are no text
        self._device = os.stat(self._path).st_dev  # noqa: PTH116 - likewise
        return was_there

    def check(self, need: int) -> None:
        """Make sure that an output could be written, before it is paid for.

        Args:
            need: Bytes of the picture.

        Raises:
            OSError: OUTBOX is not there or cannot be written to, or a disk is full.
        """
        for disk in self._disks:
            wanted = _TIMES * need + self._reserve
            free = shutil.disk_usage(disk).free
            if free < wanted:
                message = f"Only {free} bytes are free, {wanted} are wanted"
                raise OSError(errno.ENOSPC, message, disk)
        with self._lock:
            now = self._clock()
            if self._probed_at is not None and now - self._probed_at < _PROBE_S:
                return
            self._probe()
            self._probed_at = now

    def publish(
        self,
        content: bytes,
        names: Iterable[bytes],
        *,
        is_taken: Callable[[bytes], bool],
        replaces: Output | None = None,
        owner: Hashable = None,
    ) -> Output:
        """Write an output, under the first name that is free.

        A file with the very same bytes under such a name is the one that was written just before
        a crash: it is the output then.

        Args:
            content: Its bytes.
            names: Paths below OUTBOX, the best first.
            is_taken: Whether a name is another picture's, by the ledger.
            replaces: The output that the picture had so far. It is replaced if it is still as it
                was written and its name is one of the first hundred; else it stays as well.
            owner: Whose output it is. Two owners never share a name, even if neither is in the
                ledger yet.

        Raises:
            OSError: It cannot be written; nothing is left of it.
            ValueError: A name leads out of OUTBOX.
        """
        sha256 = hashlib.sha256(content).digest()
        temporary = os.path.join(self._own_folder(), f"{secrets.token_hex(8)}.part")  # noqa: PTH118 - bytes that are no text
        write_new(temporary, content)
        work = _Work(temporary, sha256, is_taken, replaces, owner)
        try:
            for name in _best_first(names, replaces):
                path = self._take(name, work)
                if path is not None:
                    return path
        finally:
            remove(temporary)
        message = "There are no names for an output."
        raise ValueError(message)

    def read_back(self, output: Output) -> bool:
        """Whether an output lies there, with the very bytes that were written.

        Raises:
            OSError: It cannot be read.
        """
        found = digest(self._below(output.relative))
        return found is not None and found[1] == output.sha256

    def _take(self, name: bytes, work: _Work) -> Output | None:
        """The output under a name, or under that of another folder where its own cannot be."""
        try:
            return self._take_exactly(name, work)
        except OSError as problem:
            if problem.errno not in NO_FOLDER or b"/" not in name:
                raise
        return self._take_exactly(flat(name), work)

    def _take_exactly(self, name: bytes, work: _Work) -> Output | None:
        if work.is_taken(name) or not self._claim(name, work.owner):
            return None
        output = None
        try:
            output = self._put(name, work)
        finally:
            if output is None:
                self._give_up(name)
        return output

    def _put(self, name: bytes, work: _Work) -> Output | None:
        path = self._below(name)
        make_folder(self._path, name.rpartition(b"/")[0])
        if work.replaces is not None and name == work.replaces.relative:
            replaced = self._is_as_written(work.replaces)
        else:
            replaced = False
        try:
            if replaced:
                replace(work.temporary, path)
            else:
                place(work.temporary, path)
        except FileExistsError:
            if not holds(path, work.sha256):
                return None
        reached("linked")
        sync_folder(Path(path).parent)
        stamp = Stamp.of(os.lstat(path), with_inode=False)
        return Output(relative=name, stamp=stamp, sha256=work.sha256)

    def _is_as_written(self, output: Output) -> bool:
        found = digest(self._below(output.relative))
        if found is None or found[1] != output.sha256:
            return False
        now, then = Stamp.of(found[0]), output.stamp
        return (now.size, now.mtime_ns) == (then.size, then.mtime_ns)

    def _below(self, name: bytes) -> str:
        parts = name.split(b"/")
        if not {b"", b".", b".."}.isdisjoint(parts) or fold(parts[0]) == FOLDER or b"\0" in name:
            message = f"An output cannot be called {name!r}."
            raise ValueError(message)
        return os.path.join(self._path, *map(os.fsdecode, parts))  # noqa: PTH118 - bytes that are no text

    def _claim(self, name: bytes, owner: Hashable) -> bool:
        """Keep a name from other owners until it is in the ledger: for a minute at most."""
        with self._lock:
            now = self._clock()
            while self._claims and now - next(iter(self._claims.values()))[1] > _CLAIMED_S:
                del self._claims[next(iter(self._claims))]
            return self._claims.setdefault(fold(name), (owner, now))[0] == owner

    def _give_up(self, name: bytes) -> None:
        with self._lock:
            self._claims.pop(fold(name), None)

    def _own_folder(self) -> str:
        """The folder for temporary files; not on another disk than at the start."""
        device = os.stat(self._path).st_dev  # noqa: PTH116 - bytes that are no text
        if self._device not in {None, device} and not os.path.isdir(self._temporaries):  # noqa: PTH112 - likewise
            message = "Another disk is there than at the start: is OUTBOX mounted?"
            raise OSError(errno.ENODEV, message, self._path)
        self._device = device
        return make_folder(self._path, _TEMPORARIES)

    def _probe(self) -> None:
        path = os.path.join(self._own_folder(), f"{secrets.token_hex(8)}.probe")  # noqa: PTH118 - likewise
        write_new(path, b"Can this be written?")
        remove(path)


def _sweep(folder: str, pattern: str = "*") -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            if fnmatch.fnmatch(entry.name, pattern):
                with contextlib.suppress(OSError):
                    remove(entry.path)


def _best_first(names: Iterable[bytes], replaces: Output | None) -> Iterator[bytes]:
    """The names, but first the one that the picture's output had so far, if it is one of them."""
    if replaces is None:
        return iter(names)
    names = iter(names)
    first = list(itertools.islice(names, _LOOKED_THROUGH))
    first.sort(key=lambda name: name != replaces.relative)
    return itertools.chain(first, names)
