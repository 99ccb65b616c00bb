"""A file of INBOX as a picture: opened without following a link, read, judged and hashed."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rembg_plugins.core import messages
from rembg_plugins.core.ending import is_complete
from rembg_plugins.core.errors import ValidationError
from rembg_plugins.core.header import Header, read_header
from rembg_plugins.core.limits import MAX_BYTES, too_large
from rembg_plugins.core.validation import validate
from rembg_plugins.watch.filesystem import is_unchanged
from rembg_plugins.watch.records import Taken

if TYPE_CHECKING:
    from collections.abc import Callable

    from rembg_plugins.core.errors import FieldError
    from rembg_plugins.watch.records import Place, Stamp

UNFINISHED_S = 60.0
"""How long a file without an end may rest before it is given up, in s."""

NO_END_S = 2.0
"""How long a file must rest whose kind has no end that is known here, in s."""

INCOMPLETE = "incomplete"
"""The code of a picture that never got its end."""

NEEDS_TRANSCODE = "needs_transcode"
"""The code of a picture of a kind that is taken with ``--transcode`` alone."""

_TRANSCODE = "{error} With --transcode it is re-encoded, and taken."
_NO_END = (
    "The {format} picture has no end ({length} bytes): it was never written to its end, or is "
    "damaged. Nothing was sent, and it costs nothing."
)
_LARGEST_TRANSCODED = 8 * MAX_BYTES  # bytes: 10,000 x 10,000 px of 4 bytes fit
_ZEROS = bytes(4096)
_BEGINNINGS = (b"\x89PNG", b"\xff\xd8", b"RIFF", b"BM")
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # who opens a pipe would wait for its other end
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_FOLDER_FLAGS = _FLAGS | getattr(os, "O_DIRECTORY", 0)
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.ENXIO})


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYet:
    """A file that cannot be judged now.

    Attributes:
        why: It is gone, or is no regular file any more; it was changed; it has no end yet; it
            cannot be read.
        reason: The same as a sentence.
    """

    why: Literal["gone", "changed", "unfinished", "unreadable"]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A file that is not worth a call; nothing was sent of it.

    Attributes:
        reason: Why, as a sentence.
        code: The same as a short name.
    """

    reason: str
    code: str


def take(
    inbox: str | os.PathLike[str],
    place: Place,
    stamp: Stamp,
    *,
    rested_s: float,
    transcode: bool = False,
    hold: Callable[[bytes, bytes], None] | None = None,
) -> Taken | NotYet | Refused:
    """A file that is at rest, read and hashed; or why not.

    No pixel is decoded.

    Args:
        inbox: INBOX.
        place: Where the file lies.
        stamp: As it was when it was looked at last.
        rested_s: For how long it has been so, in s.
        transcode: Whether kinds of pictures that the API does not take are re-encoded later.
        hold: Called with the sha256 of what was taken, and its bytes.
    """
    try:
        descriptor = open_below(inbox, place)
    except OSError as error:
        return _not_opened(error)
    try:
        content = _read_unchanged(descriptor, stamp, transcode=transcode)
    except OSError as error:
        return NotYet(why="unreadable", reason=error.strerror or str(error))
    finally:
        os.close(descriptor)
    if not isinstance(content, bytes):
        return content
    header = read_header(io.BytesIO(content))
    verdict = _judge(content, header, place, rested_s=rested_s, transcode=transcode)
    if verdict is not None:
        return verdict
    sha256 = hashlib.sha256(content).digest()
    if hold is not None:
        hold(sha256, content)
    size_px = (0, 0) if header is None else header.size
    return Taken(place=place, stamp=stamp, sha256=sha256, size_px=size_px)


def is_as_stamped(inbox: str | os.PathLike[str], place: Place, stamp: Stamp) -> bool:
    """Whether a file lies there still with that stamp, and may be read."""
    try:
        descriptor = open_below(inbox, place)
    except OSError:
        return False
    try:
        status = os.fstat(descriptor)
        return stat.S_ISREG(status.st_mode) and is_unchanged(stamp, status)
    finally:
        os.close(descriptor)


def read_whole(inbox: str | os.PathLike[str], place: Place) -> bytes:
    """The bytes of a file.

    Raises:
        OSError: There is none, it cannot be read, or it is far too long.
    """
    descriptor = open_below(inbox, place)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST_TRANSCODED:
            raise OSError(errno.EINVAL, "It is no picture any more", place.below(inbox))
        return _read(descriptor, status.st_size)
    finally:
        os.close(descriptor)


def open_below(inbox: str | os.PathLike[str], place: Place) -> int:
    """The descriptor of a file of INBOX, for reading; no link is followed on the way.

    Raises:
        OSError: It cannot be opened, or there is a link on the way.
    """
    if os.open not in os.supports_dir_fd:  # pragma: no cover - Windows
        return os.open(place.below(inbox), _FLAGS)
    folder = os.open(inbox, _FOLDER_FLAGS & ~getattr(os, "O_NOFOLLOW", 0))
    try:
        for part in place.folder.split(b"/") if place.folder else ():
            inner = os.open(part, _FOLDER_FLAGS, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(place.name, _FLAGS, dir_fd=folder)
    finally:
        os.close(folder)


def _not_opened(error: OSError) -> NotYet:
    reason = error.strerror or str(error)
    return NotYet(why="gone" if error.errno in _GONE else "unreadable", reason=reason)


def _read_unchanged(descriptor: int, stamp: Stamp, *, transcode: bool) -> bytes | NotYet | Refused:
    """All bytes of a file that nobody changed meanwhile."""
    before = os.fstat(descriptor)
    if not stat.S_ISREG(before.st_mode):
        return NotYet(why="gone", reason="It is no file any more.")
    if not is_unchanged(stamp, before):
        return NotYet(why="changed", reason=messages.HAS_CHANGED)
    if before.st_size > MAX_BYTES and not (transcode and _may_be_long(descriptor, before.st_size)):
        return _refused(too_large(before.st_size))
    content = _read(descriptor, before.st_size)
    if len(content) != before.st_size or not is_unchanged(stamp, os.fstat(descriptor)):
        return NotYet(why="changed", reason=messages.HAS_CHANGED)
    return content


def _read(descriptor: int, length: int) -> bytes:
    """The file from its beginning: so many bytes, and one more if there are more."""
    with open(descriptor, "rb", buffering=0, closefd=False) as file:
        file.seek(0)
        content = file.read(length + 1) or b""
        if len(content) >= length:  # all at once, so that no piece is copied
            return content
        pieces = [content]
        while piece := file.read(length + 1 - sum(map(len, pieces))):
            pieces.append(piece)
        return b"".join(pieces)


def _may_be_long(descriptor: int, length: int) -> bool:
    """Whether it is of a kind that is re-encoded before its length counts."""
    from rembg_plugins.core.transcode import needs_transcoding  # noqa: PLC0415 - loads Pillow

    with open(descriptor, "rb", buffering=0, closefd=False) as file:
        header = read_header(file)
    return header is not None and needs_transcoding(header) and length <= _LARGEST_TRANSCODED


def _judge(
    content: bytes, header: Header | None, place: Place, *, rested_s: float, transcode: bool
) -> NotYet | Refused | None:
    """What speaks against the bytes of a file, if anything does."""
    if header is None and _may_become_one(content) and rested_s < UNFINISHED_S:
        return _unfinished()
    if header is not None and transcode and _is_transcoded(header):
        is_quiet = rested_s >= (UNFINISHED_S if _ends_in_zeros(content) else NO_END_S)
        return None if is_quiet else _unfinished()
    try:
        validate(content, name=os.fsdecode(place.name))
    except ValidationError as error:
        if header is not None and _is_transcoded(header):
            return Refused(reason=_TRANSCODE.format(error=error), code=NEEDS_TRANSCODE)
        return Refused(reason=str(error), code=error.errors[0].code)
    if header is None:  # pragma: no cover - it was refused above
        return None
    return _judge_ending(content, header, rested_s)


def _judge_ending(content: bytes, header: Header, rested_s: float) -> NotYet | Refused | None:
    if _is_whole(content, header):
        # A file that was given its length at once, and is filled now, ends in zeros so long.
        is_written = rested_s >= UNFINISHED_S or not _ends_in_zeros(content)
        return None if is_written else _unfinished()
    if rested_s < UNFINISHED_S:
        return _unfinished()
    reason = _NO_END.format(format=header.format, length=len(content))
    return Refused(reason=reason, code=INCOMPLETE)


def _is_whole(content: bytes, header: Header) -> bool:
    if header.format == "WEBP" and _ends_in_zeros(content):
        return False  # its end is told by its beginning alone, and zeros are no picture
    return is_complete(content, header)


def _is_transcoded(header: Header) -> bool:
    from rembg_plugins.core.transcode import TRANSCODABLE  # noqa: PLC0415 - loads Pillow

    return header.format in TRANSCODABLE


def _may_become_one(content: bytes) -> bool:
    """Whether bytes of no known kind may be a picture whose beginning is not written yet."""
    start = content[:512]
    return not start.strip(b"\0") or start.startswith(_BEGINNINGS) or len(start) < 16  # noqa: PLR2004 - no signature is longer


def _ends_in_zeros(content: bytes) -> bool:
    return content.endswith(_ZEROS)


def _unfinished() -> NotYet:
    return NotYet(why="unfinished", reason="It has no end yet.")


def _refused(error: FieldError) -> Refused:
    return Refused(reason=error.message, code=error.code)
