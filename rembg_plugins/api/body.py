"""The body of an upload: multipart/form-data, streamed from the picture, with a known length."""

from __future__ import annotations

import io
import secrets
from typing import TYPE_CHECKING, BinaryIO, cast

from rembg_plugins.core.content import unreadable
from rembg_plugins.core.errors import ValidationError
from rembg_plugins.core.messages import HAS_CHANGED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rembg_plugins.api.progress import Meter
    from rembg_plugins.core.errors import Sent
    from rembg_plugins.core.source import Source

BLOCK = 256 * 1024  # bytes that are in memory at once
_BLOCK_OF_NEWS = 64 * 1024  # bytes between two progress events


class Cancelled(BaseException):
    """Ends an upload from within; what ended it is in :attr:`MultipartBody.problem`.

    No ``Exception``: the libraries that read the body swallow a ``BrokenPipeError`` and rename
    every other ``OSError``, also those of a caller's callback.
    """


class UploadTimeout(TimeoutError):  # noqa: N818 - named as TimeoutError is
    """The body took longer to leave than it may."""


class MultipartBody:
    """A file-like object that counts what was taken from it; good for one attempt.

    It has ``read`` and ``__len__``, so that requests sends a ``Content-Length`` and reads it
    block by block. It must not have ``__iter__``, for that would make requests send it in
    chunks, nor ``tell``, for nothing can rewind it.

    Args:
        source: The picture; opened when the first byte is asked for, hence after the
            connection was made.
        fields: The other form fields.

    Attributes:
        content_type: The ``Content-Type`` header that names its boundary.
        meter: Told how much has left, if set.
        left: Gives the time in s that is left for sending, if set; looked at between blocks.
        problem: What cancelled it, if anything did.
    """

    def __init__(self, source: Source, *, fields: Mapping[str, str]) -> None:
        """Lay the parts out; nothing is opened yet."""
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        head = _head(boundary, fields, source)
        tail = f"\r\n--{boundary}--\r\n".encode()
        self._picture = _Picture(source)
        self._parts: list[io.BytesIO | _Picture] = [
            io.BytesIO(head),
            self._picture,
            io.BytesIO(tail),
        ]
        self._length = len(head) + source.length + len(tail)
        self._block = bytearray()
        self._given = 0
        self.meter: Meter | None = None
        self.left: Callable[[], float] | None = None
        self.problem: BaseException | None = None

    def __len__(self) -> int:
        return self._length

    @property
    def sent(self) -> Sent:
        """How much was handed to the connection: not less than what left this machine."""
        if not self._given:
            return "nothing"
        return "all" if self._given >= self._length else "part"

    def read(self, size: int = -1) -> bytes:
        """The next block of at most ``size`` bytes, good until the next call; empty at the end.

        It is a view of one block of memory that is filled again and again: that takes half the
        CPU, and 16 uploads at once take 4 MB.

        Raises:
            Cancelled: The picture cannot be read, the callback raised, or there is no time left;
                see ``problem``.
        """
        try:
            if not self._block:
                self._block = bytearray(self._block_size())
            self._report()
            if self._given < self._length and self.left is not None and self.left() <= 0:
                message = "the picture could not be sent in the time that a call may take"
                raise UploadTimeout(message)  # noqa: TRY301 - all that ends it goes one way
            block = self._next(size)
        except BaseException as problem:
            self.problem = problem
            raise Cancelled from problem
        self._given += len(block)
        return cast("bytes", block)  # whatever sends bytes sends views of them

    def close(self) -> None:
        """Close the picture, if it was opened."""
        self._picture.close()

    def _block_size(self) -> int:
        news = self.meter is not None and self.meter.listened_to
        return min(_BLOCK_OF_NEWS if news else BLOCK, self._length)

    def _report(self) -> None:
        """Tell of the blocks before this one: they were sent, or nobody would ask for more."""
        if self.meter is not None:
            self.meter.advance(self._given)

    def _next(self, size: int) -> memoryview:
        room = len(self._block) if size < 0 else min(size, len(self._block))
        view = memoryview(self._block)[:room]
        filled = 0
        while filled < room and self._parts:
            try:
                count = self._parts[0].readinto(view[filled:])
            except ValidationError as problem:
                problem.sent = self.sent
                problem.billed = None if self._given else False
                problem.final = True
                raise
            filled += count
            if not count:
                self._parts.pop(0)
        return view[:filled]


class _Picture:
    """The picture's bytes: exactly as many as were announced."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._left = source.length
        self._file: BinaryIO | None = None

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer, or a part of it; 0 at the end.

        Raises:
            ValidationError: The picture cannot be read any more, or has become shorter.
        """
        if not self._left:
            return 0
        try:
            if self._file is None:
                self._file = self._source.open()
            count: int = self._file.readinto(buffer[: self._left])  # type: ignore[attr-defined]  # binary files have it
        except OSError as problem:
            raise unreadable(repr(self._source.name), problem) from problem
        if not count:
            raise unreadable(repr(self._source.name), HAS_CHANGED)
        self._left -= count
        return count

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _head(boundary: str, fields: Mapping[str, str], source: Source) -> bytes:
    """All that stands before the picture's bytes.

    Source: API reference, "Parameters"; that the picture may come last is multipart's own rule.
    """
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; '
        f'filename="{_quoted(source.name)}"\r\nContent-Type: {source.media_type}\r\n\r\n'
    )
    return "".join(parts).encode()


def _quoted(name: str) -> str:
    """A file name as browsers quote it in a form."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
