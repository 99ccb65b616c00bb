"""Reading the answer 200: bounded, into memory and the caller's sink, and what is in it."""

from __future__ import annotations

import binascii
import errno
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote_to_bytes

from urllib3.exceptions import HTTPError

from rembg_plugins.api.json_text import read_json
from rembg_plugins.core.header import read_header
from rembg_plugins.core.messages import ALLOWED_FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3.response import BaseHTTPResponse

    from rembg_plugins.api.progress import Meter

PIECE = 256 * 1024  # bytes that are read at once, at most
LONGEST_ANSWER = 256 * 2**20  # bytes, decoded
LONGEST_REPORT = 64 * 1024  # bytes of an error answer that are read
_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
_DEEPEST = 4  # levels of JSON around a picture
_MOST_STRINGS = 50  # strings of such JSON that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was received.

    Attributes:
        content: The bytes, with ``Content-Encoding`` undone; also those before a failure.
        failure: Why the rest did not come, if it did not.
        sink_failure: Why the sink does not have all of it, if it does not.
        too_long: Whether reading was given up because there was no end of it.
    """

    content: bytes
    failure: Exception | None = None
    sink_failure: Exception | None = None
    too_long: bool = False

    @property
    def problem(self) -> Exception | None:
        """What went wrong here, if anything did."""
        return self.failure or self.sink_failure

    @property
    def whole(self) -> bool:
        """Whether all of it is here, and in the sink."""
        return self.problem is None and not self.too_long


def receive(
    raw: BaseHTTPResponse,
    *,
    meter: Meter,
    sink: BinaryIO | None = None,
    longest: int = LONGEST_ANSWER,
) -> Answer:
    """Read an answer to its end, or to where it breaks off.

    It was paid for, so nothing of it is thrown away: a failure of the network or of the sink
    is kept, not raised. What the meter's listener raises goes through.

    Args:
        raw: The answer, unread.
        meter: Told of the bytes as they come over the wire.
        sink: Gets each piece when it comes, and is flushed when all have come.
        longest: Bytes that are read at most.
    """
    kept = io.BytesIO()
    failure: Exception | None = None
    sink_failure: Exception | None = None
    packed = "Content-Encoding" in raw.headers
    while kept.tell() <= longest:
        try:
            # read1, not read: what came before a failure must not be lost inside a library.
            piece = raw.read1(PIECE, decode_content=packed)
        except (HTTPError, OSError) as problem:
            failure = problem
            break
        if not piece:
            if sink is not None and sink_failure is None:
                sink_failure = _flush(sink)
            meter.finish(raw.tell())
            break
        kept.write(piece)
        if sink is not None and sink_failure is None:
            sink_failure = _write(sink, piece)
        meter.advance(raw.tell())
    too_long = kept.tell() > longest
    return Answer(
        content=kept.getvalue(), failure=failure, sink_failure=sink_failure, too_long=too_long
    )


def read_report_body(raw: BaseHTTPResponse) -> bytes:
    """The first 64 kB of an error answer, or what comes of them."""
    kept = io.BytesIO()
    try:
        while kept.tell() < LONGEST_REPORT:
            piece = raw.read1(LONGEST_REPORT - kept.tell(), decode_content=True)
            if not piece:
                break
            kept.write(piece)
    except (HTTPError, OSError):
        pass  # the status says enough
    return kept.getvalue()


def picture_in(content: bytes) -> bytes | None:
    """The encoded picture that an answer is or holds, or None.

    Source: rembg.js 1.3.1 sends ``return_base64`` and still takes the answer for bytes; so
    an answer may be a picture, base64, a data URL, or JSON around one of those.
    """
    if _is_picture(content):
        return content
    text = content.strip().removeprefix(b"\xef\xbb\xbf")
    if text[:1] in {b"{", b"[", b'"'}:
        return next((found for value in _strings(text) if (found := _unwrapped(value))), None)
    return _unwrapped(text)


def _is_picture(content: bytes) -> bool:
    header = read_header(io.BytesIO(content))
    return header is not None and header.format in ALLOWED_FORMATS


def _unwrapped(text: bytes) -> bytes | None:
    text = text.strip()
    if text[:5].lower() == b"data:":
        head, _, data = text.partition(b",")
        packed = unquote_to_bytes(data)
        content = _from_base64(packed) if head.lower().endswith(b";base64") else packed
    else:
        content = _from_base64(text)
    return content if _is_picture(content) else None


def _from_base64(text: bytes) -> bytes:
    packed = b"".join(text.split()).replace(b"-", b"+").replace(b"_", b"/")
    if not _BASE64.fullmatch(packed):
        return b""
    packed = packed.rstrip(b"=")
    try:
        return binascii.a2b_base64(packed + b"=" * (-len(packed) % 4))
    except binascii.Error:
        return b""


def _strings(text: bytes) -> Iterator[bytes]:
    """The first strings in a JSON text, wherever they stand."""
    try:
        level = [read_json(text)]
    except ValueError:
        return
    left = _MOST_STRINGS
    for _ in range(_DEEPEST):
        inner: list[object] = []
        for value in level:
            if isinstance(value, str) and left:
                left -= 1
                yield value.encode(errors="replace")
            elif isinstance(value, dict):
                inner += value.values()
            elif isinstance(value, list):
                inner += value[:_MOST_STRINGS]
        level = inner


def _flush(sink: BinaryIO) -> Exception | None:
    """Let the sink make what it got last, before anything judges it."""
    try:
        sink.flush()
    except Exception as problem:  # noqa: BLE001 - as below
        return problem
    return None


def _write(sink: BinaryIO, piece: bytes) -> Exception | None:
    """Write all of a piece, also to a raw file; gives the error back, if there is one."""
    try:
        while piece:
            written: int | None = sink.write(piece)  # None of files that do not tell
            if written == 0:
                return OSError(errno.EIO, "the file takes no more bytes")
            piece = b"" if written is None else piece[written:]
    except Exception as problem:  # noqa: BLE001 - the caller's file may raise anything; the answer is paid
        return problem
    return None
