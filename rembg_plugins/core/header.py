"""What the first bytes of a picture tell about it, without decoding a pixel.

A header is read by seeking: at most 64 KiB are read, whatever the file's length, so that the
time does not grow with it either. What a file claims to be by its name plays no part here.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

READ_LIMIT = 64 * 1024
"""How many bytes of a file are read at most, to find its header."""

EXTENSIONS = {
    "PNG": ".png",
    "JPEG": ".jpg",
    "WEBP": ".webp",
    "BMP": ".bmp",
    "TIFF": ".tiff",
    "GIF": ".gif",
    "AVIF": ".avif",
    "JPEG2000": ".jp2",
    "ICO": ".ico",
    "HEIC": ".heic",
    "JXL": ".jxl",
    "PSD": ".psd",
    "PDF": ".pdf",
    "EPS": ".eps",
    "SVG": ".svg",
    "HTML": ".html",
    "MP4": ".mp4",
    "ZIP": ".zip",
    "EXE": ".exe",
}
"""The usual file extension of each format that is recognised."""

SUFFIXES = {suffix: name for name, suffix in EXTENSIONS.items()}
SUFFIXES |= {".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".tif": "TIFF", ".heif": "HEIC"}
"""The format that each extension of a file name stands for."""

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_SIGNATURES = (
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),  # the 64-bit kind
    (b"MM\0+", "TIFF"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),  # a bare codestream
    (b"\0\0\1\0", "ICO"),
    (b"\xff\x0a", "JXL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JXL"),
    (b"8BPS", "PSD"),
    (b"%PDF", "PDF"),
    (b"%!PS", "EPS"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"PK\3\4", "ZIP"),
    (b"MZ", "EXE"),
)
_TEXTS = (
    (b"<svg", "SVG"),
    (b"<!doctype svg", "SVG"),
    (b"<!doctype html", "HTML"),
    (b"<html", "HTML"),
)
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by color type
_PNG_BITS = {1, 2, 4, 8, 16}
_BMP_HEADERS = {12, 40, 52, 56, 64, 108, 124}  # lengths in bytes; 12 is the one of OS/2
_BMP_OS2 = 12
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # frame headers; the three are tables
_BARE = frozenset(range(0xD0, 0xD9)) | {0x01}  # markers without a length
_EOI, _SOS = 0xD9, 0xDA
_CMYK_BANDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a file says about itself.

    Attributes:
        format: The format that its signature proves: a key of :data:`EXTENSIONS`.
        width: As stored, in px, before any EXIF orientation; 0 where only the signature is read.
        height: As stored, in px; 0 where only the signature is read.
        bits: Bits of a sample: 8, or 16 for a deep PNG.
        channels: Samples of a pixel, alpha included; 1 for a palette; 0 where not read.
    """

    format: str
    width: int = 0
    height: int = 0
    bits: int = 8
    channels: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px, as stored."""
        return self.width, self.height

    @property
    def extension(self) -> str:
        """The usual extension, with its dot."""
        return EXTENSIONS[self.format]

    @property
    def media_type(self) -> str:
        """The media type to send it under: ``image/jpeg``."""
        return f"image/{self.format.lower()}"

    @property
    def cmyk(self) -> bool:
        """Whether its colors are inks, not light; only a JPEG's header tells."""
        return self.format == "JPEG" and self.channels == _CMYK_BANDS


def read_header(file: BinaryIO) -> Header | None:
    """The header of the file that begins at offset 0, whatever the file's position is.

    The position afterwards is undefined. At most :data:`READ_LIMIT` bytes are read.

    Returns:
        The header, or None for bytes of no known format and for a header that is broken.
    """
    reader = _Reader(file)
    start = reader.at(0, 512)
    if start.startswith(_PNG):
        return _read_png(start)
    if start.startswith(_JPEG):
        return _read_jpeg(reader)
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return _read_webp(start)
    if start[:2] == b"BM":
        return _read_bmp(start)
    format_ = _recognise(start)
    return None if format_ is None else Header(format=format_)


def scan_offset(file: BinaryIO) -> int | None:
    """The offset of a JPEG's first scan, behind which no thumbnails lie; None if not found."""
    for marker, offset, _ in _segments(_Reader(file)):
        if marker == _SOS:
            return offset
    return None


class _Reader:
    """Reads pieces of a file until the limit is used up; then there is nothing more to read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = READ_LIMIT

    def at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes; fewer at the end of the file or of the limit."""
        length = min(length, self._left)
        pieces = b""
        self._file.seek(offset)
        while len(pieces) < length and (piece := self._file.read(length - len(pieces))):
            pieces += piece
        self._left -= len(pieces)
        return pieces


def _read_png(start: bytes) -> Header | None:
    if len(start) < 33 or start[8:16] != b"\0\0\0\rIHDR":  # noqa: PLR2004 - signature and IHDR
        return None
    width, height, bits, color_type, *_, checksum = struct.unpack(">IIBBBBBI", start[16:33])
    channels = _PNG_CHANNELS.get(color_type)
    if channels is None or bits not in _PNG_BITS or zlib.crc32(start[12:29]) != checksum:
        return None
    return Header(format="PNG", width=width, height=height, bits=bits, channels=channels)


def _read_jpeg(reader: _Reader) -> Header | None:
    for marker, _, body in _segments(reader):
        if marker in _SOF:
            if len(body) < 6:  # noqa: PLR2004 - the fields that follow
                return None
            bits, height, width, channels = struct.unpack(">BHHB", body)
            return Header(format="JPEG", width=width, height=height, bits=bits, channels=channels)
    return None


def _segments(reader: _Reader) -> Iterator[tuple[int, int, bytes]]:
    """Marker, offset and first 6 bytes of each segment, up to the first scan or the end.

    Bytes between segments are skipped, as decoders do.
    """
    offset = 2
    while len(head := reader.at(offset, 10)) >= 4:  # noqa: PLR2004 - a marker and a length
        marker = head[1]
        if head[0] != 0xFF or marker == 0:  # noqa: PLR2004 - what begins a marker
            following = head.find(b"\xff", 1)
            offset += following if following > 0 else len(head)
        elif marker == 0xFF:  # noqa: PLR2004 - a marker may be padded with its first byte
            offset += max(1, len(head) - len(head.lstrip(b"\xff")) - 1)
        elif marker in _BARE:
            offset += 2
        else:
            yield marker, offset, head[4:]
            length = int.from_bytes(head[2:4], "big")
            if marker in {_SOS, _EOI} or length < 2:  # noqa: PLR2004 - it counts itself
                return
            offset += 2 + length


def _read_webp(start: bytes) -> Header | None:
    kind, body = start[12:16], start[20:30]
    if len(body) < (5 if kind == b"VP8L" else 10):
        return None
    if kind == b"VP8X":
        width = int.from_bytes(body[4:7], "little") + 1
        height = int.from_bytes(body[7:10], "little") + 1
        channels = 4 if body[0] & 0x10 else 3
    elif kind == b"VP8L" and body[0] == 0x2F:  # noqa: PLR2004 - its signature
        packed = int.from_bytes(body[1:5], "little")
        width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
        channels = 4 if packed >> 28 & 1 else 3
    elif kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width = int.from_bytes(body[6:8], "little") & 0x3FFF
        height = int.from_bytes(body[8:10], "little") & 0x3FFF
        channels = 3
    else:
        return None
    return Header(format="WEBP", width=width, height=height, channels=channels)


def _read_bmp(start: bytes) -> Header | None:
    length = int.from_bytes(start[14:18], "little")
    layout, end = ("<HHHH", 26) if length == _BMP_OS2 else ("<iiHH", 30)
    if length not in _BMP_HEADERS or len(start) < end:
        return None
    width, height, _, depth = struct.unpack(layout, start[18:end])
    channels = {1: 1, 2: 1, 4: 1, 8: 1, 16: 3, 24: 3, 32: 4}.get(depth)
    if channels is None:
        return None
    # A negative height says that the rows begin at the top; a negative width says nothing.
    return Header(format="BMP", width=max(width, 0), height=abs(height), channels=channels)


def _recognise(start: bytes) -> str | None:
    """A format of which only the signature is looked at."""
    if start[4:8] == b"ftyp":
        return _recognise_brands(start)
    for signature, format_ in _SIGNATURES:
        if start.startswith(signature):
            return format_
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"<?xml"):
        return "SVG" if b"<svg" in text else None
    return next((format_ for tag, format_ in _TEXTS if text.startswith(tag)), None)


def _recognise_brands(start: bytes) -> str:
    """Which of the formats that share the ISO container; the first brand is the main one."""
    length = min(int.from_bytes(start[:4], "big"), len(start))
    brands = {start[8:12], *(start[at : at + 4] for at in range(16, length, 4))}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIC" if brands & _HEIC_BRANDS else "MP4"
