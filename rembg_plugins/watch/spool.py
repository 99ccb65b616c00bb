"""Answers and cut-outs on disk, under names made of the picture's bytes.

An answer is written to ``spool/SHA256.part`` while it comes, and is called ``.answer`` once all of
it is there and on disk: before anything judges it. A good one moves to ``cutouts/``, where it
stays as long as there is room; one that cannot be used moves to ``refused/``, for a person.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import threading
from typing import TYPE_CHECKING

from rembg_plugins.core.atomic import sync_folder, write_atomically
from rembg_plugins.core.header import read_header
from rembg_plugins.watch.failpoints import reached
from rembg_plugins.watch.filesystem import uncache
from rembg_plugins.watch.handover import Handover

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_UNSAFE = re.compile(r"[^A-Za-z0-9.-]+")
_TRIMMED_TO = 0.9  # of the room, so that not every new cut-out has to make some
_PRIVATE = 0o600
_SUFFIX = ".png"
_PIECE = 1 << 18  # bytes that are compared at once
_DIGEST = "[0-9a-f]" * 64


class Answer(io.RawIOBase):
    """The sink of one call. It never fails: a call goes on to its end without it.

    Attributes:
        is_whole: Whether all of the answer is on disk under its name.
        problem: Why it is not, if the disk is to blame.
    """

    def __init__(self, part: Path, whole: Path) -> None:
        """Begin a new file, whatever is left of an earlier one."""
        super().__init__()
        self._part, self._whole = part, whole
        self._has_ended = True  # until there is something to close
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(part, flags, _PRIVATE)
        self._has_ended = False
        self._length = 0
        self.is_whole = False
        self.problem: OSError | None = None

    def writable(self) -> bool:
        """It is written to, and nothing else."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # any buffer, as usual
        """Write all of it."""
        if self.is_whole:  # it was not: an engine has flushed before the end
            self._whole.replace(self._part)
            self.is_whole = False
        view = memoryview(data)
        self._length += len(view)
        try:
            while view and self.problem is None:
                view = view[os.write(self._descriptor, view) :]
        except OSError as problem:
            self.problem = problem
        reached("half_read")
        return len(data)

    def flush(self) -> None:
        """All of the answer has come: make it last."""
        if self._has_ended or self.is_whole or self.problem is not None:
            return
        try:
            os.fsync(self._descriptor)
            self._part.replace(self._whole)
        except OSError as problem:
            self.problem = problem
            return
        sync_folder(self._whole.parent)
        self.is_whole = True
        reached("spooled")

    def close(self) -> None:
        """Close the file; what came so far stays."""
        if not self._has_ended:
            self._has_ended = True  # io closes by flushing, which would make half of it whole
            os.close(self._descriptor)
            if not self._length and not self.is_whole:
                self._part.unlink(missing_ok=True)
        super().close()


class Spool:
    """What came of the calls of one engine.

    Args:
        folder: On a local disk.
        engine: Name and version of the engine.
        room: Bytes of cut-outs that are kept; the oldest go first.
    """

    def __init__(self, folder: Path, *, engine: str, room: int) -> None:
        """Make the folders."""
        own = _folder_of(engine)
        self._spool = folder / "spool" / own
        self._cutouts = folder / "cutouts" / own
        self._refused = folder / "refused"
        self._room = room
        self._lock = threading.Lock()
        self._fresh = Handover()
        self._make_folders()
        self._used = sum(path.stat().st_size for path in self._all())

    def _make_folders(self) -> None:
        for one in (self._spool, self._cutouts, self._refused):
            one.mkdir(parents=True, exist_ok=True, mode=0o700)

    @contextlib.contextmanager
    def receiving(self, sha256: bytes) -> Iterator[Answer]:
        """The sink for the call for some bytes."""
        part, whole = (self._spool / f"{sha256.hex()}.{kind}" for kind in ("part", "answer"))
        if whole.exists():  # of an earlier call, and judged since
            self.refuse(sha256)
        answer = Answer(part, whole)
        with contextlib.closing(answer):
            yield answer

    def answer(self, sha256: bytes) -> bytes | None:
        """The whole answer that was received for some bytes, and not yet judged."""
        return _read(self._spool / f"{sha256.hex()}.answer")

    def cutout(self, sha256: bytes) -> bytes | None:
        """The cut-out of some bytes, if it is kept."""
        path = self._place_of(sha256)
        content = self._fresh.take(sha256) or _read(path)
        if content is not None:
            with contextlib.suppress(OSError):
                os.utime(path)  # the one that was used last goes last
        return content

    def keep(self, sha256: bytes, content: bytes) -> None:
        """Keep a good cut-out, in place of the answer; both are never missing at once.

        Raises:
            OSError: There is no room on the disk; the answer is untouched.
        """
        place = self._place_of(sha256)
        place.parent.mkdir(exist_ok=True, mode=0o700)
        answer = self._spool / f"{sha256.hex()}.answer"
        if _holds(answer, content):
            answer.replace(place)
            sync_folder(place.parent)
        else:  # it came wrapped in something, as base64 in JSON, or the disk was full
            self.forget_part(sha256)  # which takes room
            write_atomically(place, content)
            answer.unlink(missing_ok=True)
        with self._lock:
            self._used += len(content)
        self._fresh.give(sha256, content)

    def refuse(self, sha256: bytes, content: bytes | None = None) -> Path | None:
        """Put away what cannot be used, for a person to look at.

        Args:
            sha256: For which bytes it was received.
            content: What was received, where no whole answer lies in the spool.

        Returns:
            Where it lies now; None where there is nothing.
        """
        name = sha256.hex()
        answer, part = (self._spool / f"{name}.{kind}" for kind in ("answer", "part"))
        received = _read(answer) or content or _read(part)
        if not received:
            self._forget(sha256)
            return None
        header = read_header(io.BytesIO(received))
        target = self._refused / f"{name}{header.extension if header else '.bin'}"
        write_atomically(target, received)
        self._forget(sha256)
        return target

    def refused(self, sha256: bytes) -> Path | None:
        """Where that lies which was received for some bytes and cannot be used."""
        return next(self._refused.glob(f"{sha256.hex()}.*"), None)

    def forget_part(self, sha256: bytes) -> None:
        """Remove the beginning of an answer of which no more will come."""
        (self._spool / f"{sha256.hex()}.part").unlink(missing_ok=True)

    def unjudged(self) -> list[bytes]:
        """For which bytes whole answers lie in the spool."""
        return [bytes.fromhex(path.stem) for path in self._spool.glob(f"{_DIGEST}.answer")]

    def sweep(self) -> None:
        """Remove what a crash has left; nobody may be receiving anything."""
        for path in (
            *self._spool.glob("*.part"),
            *self._cutouts.glob("??/.rembg-*.tmp"),
            *self._refused.glob(".rembg-*.tmp"),
        ):
            path.unlink(missing_ok=True)
        for sha256 in self.unjudged():
            self.refuse(sha256)

    def kept(self) -> Iterator[tuple[bytes, Path]]:
        """Every cut-out that is kept: the sha256 of its picture, and the file."""
        for path in self._all():
            yield bytes.fromhex(path.stem), path

    def take_over(self, engine: str) -> None:
        """Move the cut-outs here that another engine has made, which is the same service.

        Done once more after a crash, it moves what is left.
        """
        for path in (self._cutouts.parent / _folder_of(engine)).glob(f"??/{_DIGEST}{_SUFFIX}"):
            place = self._place_of(bytes.fromhex(path.stem))
            place.parent.mkdir(exist_ok=True, mode=0o700)
            self._used += path.stat().st_size
            path.replace(place)

    def trim(self, is_needed: Callable[[bytes], bool]) -> list[bytes]:
        """Make room by removing the cut-outs that were not used for longest.

        Args:
            is_needed: Whether a cut-out is still to be published.

        Returns:
            Those that are gone.
        """
        if self._used <= self._room:
            return []
        with self._lock:
            files = sorted(((path.stat(), sha256, path) for sha256, path in self.kept()), key=_age)
            self._used = sum(stat.st_size for stat, _, _ in files)
            gone = []
            for stat, sha256, path in files:
                if self._used <= self._room * _TRIMMED_TO:
                    break
                if not is_needed(sha256):
                    path.unlink(missing_ok=True)
                    self._used -= stat.st_size
                    gone.append(sha256)
        return gone

    def _forget(self, sha256: bytes) -> None:
        for kind in ("answer", "part"):
            (self._spool / f"{sha256.hex()}.{kind}").unlink(missing_ok=True)

    def _all(self) -> Iterator[Path]:
        return self._cutouts.glob(f"??/{_DIGEST}{_SUFFIX}")

    def _place_of(self, sha256: bytes) -> Path:
        name = sha256.hex()
        return self._cutouts / name[:2] / f"{name}{_SUFFIX}"


def _folder_of(engine: str) -> str:
    """The name of an engine's own folders."""
    return f"{_UNSAFE.sub('-', engine)[:40]}-{hashlib.sha256(engine.encode()).hexdigest()[:8]}"


def _age(file: tuple[os.stat_result, bytes, Path]) -> int:
    return file[0].st_mtime_ns


def _holds(path: Path, content: bytes) -> bool:
    """Whether a file has these very bytes; read through one small piece of memory."""
    piece, rest = bytearray(_PIECE), memoryview(content)
    try:
        with path.open("rb", buffering=0) as file:
            while length := file.readinto(piece):
                # Bytes compare quickly, views one by one.
                if (piece if length == _PIECE else piece[:length]) != rest[:length]:
                    return False
                rest = rest[length:]
            uncache(file.fileno())
    except FileNotFoundError:
        return False
    return not rest


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
