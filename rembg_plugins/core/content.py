"""Where a picture's bytes lie, and readers of them that do not get in each other's way."""

from __future__ import annotations

import io
import os
import tempfile
import threading
import weakref
from typing import IO, TYPE_CHECKING, BinaryIO, Protocol, cast

from rembg_plugins.core import messages
from rembg_plugins.core.errors import ValidationError
from rembg_plugins.core.limits import MAX_BYTES, too_large

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_THE_FILE = "the file"
_PIECE = 1 << 20  # bytes that are copied at once
_BUFFER = 1 << 16  # bytes that a reader asks of a shared file at once
_IN_MEMORY = 1 << 21  # bytes of a stream that are kept in memory, before a temporary file is made


class Content(Protocol):
    """The bytes of a picture; it may be read by several threads at once."""

    @property
    def length(self) -> int:
        """Bytes in all."""
        ...

    def open(self, *, buffered: bool = True) -> BinaryIO:
        """A new reader at offset 0.

        Args:
            buffered: False where no byte may be read but those that are asked for.

        Raises:
            ValidationError: The bytes cannot be read any more.
        """
        ...


class BytesContent:
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        """Keep the bytes; they are not copied."""
        self._data = data

    @property
    def length(self) -> int:
        """Bytes in all."""
        return len(self._data)

    def open(self, *, buffered: bool = True) -> BinaryIO:  # noqa: ARG002 - memory needs no buffer
        """A new reader at offset 0."""
        return io.BytesIO(self._data)


class PathContent:
    """A regular file, which is open only while somebody reads it."""

    def __init__(self, path: str, length: int) -> None:
        """Keep the path, and the length that was found when the picture was checked."""
        self._path = path
        self.length = length

    def open(self, *, buffered: bool = True) -> BinaryIO:
        """A new reader at offset 0; refuses a file that has another length by now."""
        try:
            file = open(self._path, "rb", buffering=-1 if buffered else 0)  # noqa: PTH123, SIM115 - a str is what was given; the caller closes it
        except (OSError, ValueError) as error:
            raise unreadable(repr(self._path), error) from error
        if os.fstat(file.fileno()).st_size != self.length:
            file.close()
            raise unreadable(repr(self._path), messages.HAS_CHANGED)
        return file


class SharedContent:
    """A seekable file that belongs to somebody else, who keeps its position.

    Each reader has a position of its own; a lock, one for a file, keeps them apart. The
    caller may go on using the file between our reads, not during them.
    """

    def __init__(self, file: IO[bytes], length: int) -> None:
        """Keep the file."""
        self._file = file
        self._lock = _lock_of(file)
        self.length = length

    def open(self, *, buffered: bool = True) -> BinaryIO:
        """A new reader at offset 0."""
        reader = _SharedReader(self)
        return cast("BinaryIO", io.BufferedReader(reader, _BUFFER) if buffered else reader)

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from an offset; the file's position stays as it was."""
        try:
            with self._lock:
                before = self._file.tell()
                try:
                    self._file.seek(offset)
                    data = self._file.read(length)
                finally:
                    self._file.seek(before)
            return bytes(data or b"")[:length]
        except Exception as error:  # a stranger's file may raise anything
            raise unreadable(_THE_FILE, error) from error


class EncodedContent:
    """Bytes that are made when they are first asked for, and then kept."""

    def __init__(self, encode: Callable[[], bytes]) -> None:
        """Keep the function that makes them."""
        self._encode = encode
        self._lock = threading.Lock()
        self._data: bytes | None = None

    @property
    def length(self) -> int:
        """Bytes in all; makes them."""
        return len(self._made())

    def open(self, *, buffered: bool = True) -> BinaryIO:  # noqa: ARG002 - memory needs no buffer
        """A new reader at offset 0; makes the bytes."""
        return io.BytesIO(self._made())

    def _made(self) -> bytes:
        with self._lock:
            if self._data is None:
                self._data = self._encode()
            return self._data


def share(file: IO[bytes]) -> Content:
    """The whole of a binary file, whatever its position, which stays as it was.

    A file in which nobody can seek is copied from where it stands; copying stops just past
    :data:`MAX_BYTES`.

    Raises:
        ValidationError: It cannot be read, is a text file, or is too long to be copied.
    """
    if isinstance(file, io.TextIOBase):
        raise unreadable(_THE_FILE, messages.OPENED_AS_TEXT)
    try:
        before = file.tell()
        file.seek(before)
    except Exception:  # noqa: BLE001 - pipes and strangers' classes each have their own way to say no
        return spool(file)
    try:
        try:
            length = file.seek(0, os.SEEK_END) or file.tell()
        except (OSError, ValueError):  # its end is not known before it was read: gzip
            file.seek(0)
            return spool(file)
        finally:
            file.seek(before)
    except ValidationError:
        raise
    except Exception as error:  # a stranger's file may raise anything
        raise unreadable(_THE_FILE, error) from error
    return SharedContent(file, length)


def spool(file: IO[bytes]) -> Content:
    """A copy of the rest of a stream: in memory, or from 2 MiB on in a temporary file.

    Raises:
        ValidationError: It cannot be read, or is longer than :data:`MAX_BYTES`.
    """
    copy = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed with the content
    length = 0
    try:
        while length <= MAX_BYTES and (piece := file.read(_PIECE)):
            copy.write(piece)
            length += len(piece)
    except Exception as error:  # a stranger's file may raise anything
        copy.close()
        raise unreadable(_THE_FILE, error) from error
    if length > MAX_BYTES:
        copy.close()
        raise ValidationError(errors=[too_large(length)])
    content = SharedContent(cast("IO[bytes]", copy), length)
    weakref.finalize(content, copy.close)
    return content


def unreadable(what: str, reason: object) -> ValidationError:
    """The error of a picture whose bytes cannot be had, with the reason in few words."""
    if isinstance(reason, OSError) and reason.strerror:
        reason = reason.strerror
    text = str(reason) or type(reason).__name__
    return ValidationError(errors=[messages.UNREADABLE.on("image", value=what, reason=text)])


class _SharedReader(io.RawIOBase):
    """Reads a shared file from a position of its own."""

    def __init__(self, content: SharedContent) -> None:
        self._content = content
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._content.length}
        self._position = max(0, start[whence] + offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any writable buffer
        data = self._content.read_at(self._position, len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


_LOCKS: weakref.WeakKeyDictionary[Hashable, threading.Lock] = weakref.WeakKeyDictionary()
_GUARD = threading.Lock()
_COMMON = threading.Lock()  # of files that can be no key of the dictionary


def _lock_of(file: object) -> threading.Lock:
    """The one lock of a file, however often it is given to us."""
    try:
        with _GUARD:
            return _LOCKS.setdefault(file, threading.Lock())
    except TypeError:
        return _COMMON
