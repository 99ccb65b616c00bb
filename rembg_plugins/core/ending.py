"""Whether an encoded picture goes on to its end, found without decoding it."""

from __future__ import annotations

import io

from rembg_plugins.core.header import Header, scan_offset

_PNG_START = 8  # length of the signature
_CHUNK_FRAME = 12  # length, kind and checksum of a chunk
_BMP_PLAIN = frozenset({0, 3, 6})  # compressions that leave every row at its full length
_BMP_OS2 = 12  # length of the oldest header


def is_complete(content: bytes, header: Header) -> bool:
    """Whether nothing is missing at the end; bytes behind the end are no fault.

    Args:
        content: The whole file.
        header: Its header, of one of the four formats of the API.
    """
    if header.format == "PNG":
        return _png_ends(content)
    if header.format == "JPEG":
        start = scan_offset(io.BytesIO(content))
        # Behind the first scan's start, a marker's bytes stand for nothing but the marker.
        return start is not None and content.find(b"\xff\xd9", start) >= 0
    if header.format == "WEBP":
        return 8 + int.from_bytes(content[4:8], "little") <= len(content)
    return _bmp_end(content, header) <= len(content)


def _png_ends(content: bytes) -> bool:
    offset = _PNG_START
    while offset + _CHUNK_FRAME <= len(content):
        kind = content[offset + 4 : offset + 8]
        offset += _CHUNK_FRAME + int.from_bytes(content[offset : offset + 4], "big")
        if kind == b"IEND":
            return offset <= len(content)
    return False


def _bmp_end(content: bytes, header: Header) -> int:
    """The offset behind the last row, by the header's own account."""
    start = int.from_bytes(content[10:14], "little")
    if int.from_bytes(content[14:18], "little") == _BMP_OS2:
        depth, compression = int.from_bytes(content[24:26], "little"), 0
    else:
        depth = int.from_bytes(content[28:30], "little")
        compression = int.from_bytes(content[30:34], "little")
    if compression not in _BMP_PLAIN:
        return start + int.from_bytes(content[34:38], "little")
    row = (header.width * depth + 31) // 32 * 4
    return start + row * header.height
