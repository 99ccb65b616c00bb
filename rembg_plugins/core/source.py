"""A picture from anywhere: its header is read, its pixels are not."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import stat
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import unquote_to_bytes

from rembg_plugins.core import messages
from rembg_plugins.core.content import (
    BytesContent,
    Content,
    EncodedContent,
    PathContent,
    share,
    spool,
    unreadable,
)
from rembg_plugins.core.errors import ValidationError
from rembg_plugins.core.header import Header, read_header
from rembg_plugins.core.limits import MAX_BYTES, too_large

if TYPE_CHECKING:
    import io

    from PIL import Image

_UNSAFE = re.compile(r"[^A-Za-z0-9 ._()+-]+")
_THE_IMAGE = "the PIL image"
_STEM_LENGTH = 80  # characters
_ORIENTATION = 0x0112  # the EXIF tag


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source:
    """One picture, wherever it comes from; made by :meth:`of`.

    It may be read by several threads at once. It is not picklable.

    Attributes:
        name: The file name that is sent: safe, with an extension that the API allows, chosen
            by the signature.
        given_name: The name that the picture came with, or an empty string.
        header: What the file says about itself; None where the signature is unknown. Of a PIL
            image, the header that it has when it is sent, as a PNG.
        content: Its bytes.
        image: The PIL image that it was made of, if it was.
        original: The sha256 of the file that it was re-encoded from, if it was.
    """

    name: str
    given_name: str = ""
    header: Header | None
    content: Content = field(repr=False)
    image: Image.Image | None = field(default=None, repr=False)
    original: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, value: object, *, name: str | None = None) -> Source:
        """The picture that a value stands for.

        Args:
            value: A path (``str`` or path-like); a ``str`` that starts with ``data:``;
                ``{"base64": ...}``; bytes or the like; a binary file, of which the whole is
                used and the position kept, if one can seek in it; a PIL image, which must not
                be changed as long as the source is used; or a source.
            name: The file's name, where it is another than the value's own.

        Raises:
            ValidationError: There is no such file, it cannot be read, or the value is of no
                kind that is known.
        """
        if isinstance(value, Source):
            return value if name is None else _named(value, name)
        if _is_image(value):
            return _of_image(cast("Image.Image", value), name)
        content, own_name = _content_of(value)
        with content.open(buffered=False) as file:
            header = read_header(file)
        given = own_name if name is None else name
        return cls(name=_safe_name(given, header), given_name=given, header=header, content=content)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px, before any EXIF orientation; (0, 0) where unknown."""
        return (0, 0) if self.header is None else self.header.size

    @property
    def length(self) -> int:
        """Bytes of the encoded picture; of a PIL image, encodes it.

        Raises:
            ValidationError: The PIL image cannot be encoded.
        """
        return self.content.length

    @property
    def media_type(self) -> str:
        """Such as ``image/png``."""
        return "application/octet-stream" if self.header is None else self.header.media_type

    def open(self) -> BinaryIO:
        """A new reader of the encoded picture, at offset 0, independent of all others.

        Raises:
            ValidationError: The picture cannot be read any more, now or while it is read.
        """
        return self.content.open()

    def digest(self) -> str:
        """The sha256 of the encoded bytes; of a PIL image, of all that decides its looks.

        Of a picture that was re-encoded it is the original's: another release of a library that
        encodes would give other bytes, and have the same picture paid for again.

        Raises:
            ValidationError: The picture cannot be read any more.
        """
        if self.original is not None:
            return self.original
        if self.image is not None:
            return _digest_of_image(self.image)
        with self.open() as file:
            return hashlib.file_digest(cast("io.BufferedReader", file), "sha256").hexdigest()


def _named(source: Source, name: str) -> Source:
    return replace(source, name=_safe_name(name, source.header), given_name=name)


def _is_image(value: object) -> bool:
    """Whether it is a PIL image; without loading Pillow where nobody has."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)


def _of_image(image: Image.Image, name: str | None) -> Source:
    def encode() -> bytes:
        from rembg_plugins.core.transcode import encode_png  # noqa: PLC0415 - loads Pillow

        try:
            return encode_png(image)
        except Exception as error:  # a lazily opened image may be broken in any way
            raise unreadable(_THE_IMAGE, error) from error

    given = str(getattr(image, "filename", "") or "") if name is None else name
    width, height = image.size
    header = Header(format="PNG", width=width, height=height)
    return Source(
        name=_safe_name(given, header),
        given_name=given,
        header=header,
        content=EncodedContent(encode),
        image=image,
    )


def _content_of(value: object) -> tuple[Content, str]:
    """The bytes that a value stands for, and the name that it brings along."""
    if value is None:
        raise ValidationError(errors=[messages.NO_IMAGE.on("image")])
    if isinstance(value, str) and value[:5].lower() == "data:":
        return _of_data_url(value), ""
    if isinstance(value, str | os.PathLike):
        return _of_path(os.fsdecode(value))
    if isinstance(value, Mapping):
        return _of_base64(value), ""
    if callable(getattr(value, "read", None)):
        name = getattr(value, "name", "")
        return share(cast("IO[bytes]", value)), name if isinstance(name, str) else ""
    return _of_buffer(value), ""


def _of_path(path: str) -> tuple[Content, str]:
    if not path:
        raise ValidationError(errors=[messages.NO_FILE.on("image")])
    try:
        status = os.stat(path)  # noqa: PTH116 - a str is what was given
        regular = stat.S_ISREG(status.st_mode)
        stream = None if regular else open(path, "rb")  # noqa: PTH123, SIM115 - as above; closed below
    except (OSError, ValueError) as error:
        raise unreadable(repr(path), error) from error
    if stream is None:
        return PathContent(path, status.st_size), os.path.basename(path)  # noqa: PTH119 - as above
    with stream:
        return spool(stream), os.path.basename(path)  # noqa: PTH119 - as above


def _of_buffer(value: object) -> Content:
    if isinstance(value, bytes):
        return BytesContent(value)
    try:
        view = memoryview(cast("Any", value))  # a TypeError is an answer here
    except (TypeError, ValueError):
        view = None
    if view is None or view.itemsize != 1 or view.ndim != 1:
        kind = f"'{type(value).__name__}'"
        raise ValidationError(errors=[messages.NOT_A_SOURCE.on("image", value=kind)])
    if view.nbytes > MAX_BYTES:
        raise ValidationError(errors=[too_large(view.nbytes)])
    return BytesContent(view.tobytes())


def _of_base64(value: Mapping[object, object]) -> Content:
    text = value.get("base64")
    if isinstance(text, bytes | bytearray):
        text = text.decode("latin-1")
    if not isinstance(text, str):
        raise ValidationError(errors=[messages.NOT_A_SOURCE.on("image", value="a mapping")])
    if text[:5].lower() == "data:":
        return _of_data_url(text)
    return BytesContent(_decode_base64(text))


def _of_data_url(url: str) -> Content:
    head, comma, data = url.partition(",")
    if not comma:
        raise _bad_base64(messages.NO_COMMA)
    if head.lower().endswith(";base64"):
        return BytesContent(_decode_base64(unquote_to_bytes(data).decode("latin-1")))
    return BytesContent(unquote_to_bytes(data))


def _decode_base64(text: str) -> bytes:
    """The bytes of base64 in its usual or its URL alphabet, with or without padding."""
    packed = "".join(text.split()).rstrip("=").replace("-", "+").replace("_", "/")
    length = len(packed) * 3 // 4
    if length > MAX_BYTES:
        raise ValidationError(errors=[too_large(length)])
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _bad_base64(error) from error


def _bad_base64(reason: object) -> ValidationError:
    return ValidationError(errors=[messages.BAD_BASE64.on("image", reason=reason)])


def _safe_name(given: str, header: Header | None) -> str:
    """A file name of harmless ASCII characters, with the extension of the signature."""
    plain = unicodedata.normalize("NFKD", re.split(r"[\\/]", given)[-1])
    stem, dot, suffix = plain.encode("ascii", "ignore").decode().rpartition(".")
    if not dot:
        stem, suffix = suffix, ""
    stem = _UNSAFE.sub("_", stem)[:_STEM_LENGTH].strip(" .") or "image"
    if header is None:
        return stem
    kept = header.format == "JPEG" and suffix.lower() == "jpeg"
    return stem + (".jpeg" if kept else header.extension)


def _digest_of_image(image: Image.Image) -> str:
    try:
        image.load()
        palette = image.palette.mode if image.palette is not None else None
        looks = (
            image.mode,
            image.size,
            palette and image.getpalette(palette),
            image.info.get("transparency"),
            image.info.get("icc_profile"),
            image.getexif().get(_ORIENTATION),
        )
        digest = hashlib.sha256(repr(looks).encode())
        digest.update(image.tobytes())
    except Exception as error:  # a lazily opened image may be broken in any way
        raise unreadable(_THE_IMAGE, error) from error
    return digest.hexdigest()
