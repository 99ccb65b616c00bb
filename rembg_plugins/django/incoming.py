"""A file on its way into a storage: whether it is a picture to be cut out, and what it is else."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from django.conf import settings
from django.core.files.base import File

from rembg_plugins.core import messages
from rembg_plugins.core.header import read_header
from rembg_plugins.core.memory import decoding
from rembg_plugins.core.postprocess import postprocess
from rembg_plugins.core.preparation import prepare
from rembg_plugins.core.result import Result
from rembg_plugins.core.source import Source
from rembg_plugins.core.transcode import TRANSCODABLE, transcode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rembg_plugins.core.options import Options

PICTURES = TRANSCODABLE | set(messages.ALLOWED_FORMATS)
"""The formats that are cut out; all others, SVG among them, are kept as they come."""

_ENGINE = "none"  # of a picture that nothing was cut out of


@contextmanager
def seekable(content: IO[Any], name: str) -> Iterator[File[Any]]:
    """The content as a file in which one can seek: itself, or a copy of what is left of it.

    A copy lies in memory up to ``FILE_UPLOAD_MAX_MEMORY_SIZE``, then in a temporary file. The
    content itself is not closed.

    Args:
        content: A file of Django's, or anything that can be read.
        name: The file's name.
    """
    file = content if isinstance(content, File) or hasattr(content, "chunks") else None
    file = File(content, name) if file is None else cast("File[Any]", file)
    if file.seekable():
        yield file
        return
    most, folder = settings.FILE_UPLOAD_MAX_MEMORY_SIZE, settings.FILE_UPLOAD_TEMP_DIR
    with SpooledTemporaryFile(max_size=most, dir=folder) as copy:
        for piece in file.chunks():
            copy.write(piece.encode() if isinstance(piece, str) else piece)
        copy.seek(0)
        whole = File(cast("IO[bytes]", copy), name)
        if hasattr(content, "content_type"):  # storages that have media types look for it
            whole.content_type = content.content_type  # type: ignore[attr-defined]  # as it does on an upload
        yield whole


def picture_in(file: File[Any], name: str) -> Source | None:
    """The picture that a file is by its signature; None for all that is kept as it is.

    Args:
        file: One can seek in it; its position stays as it is.
        name: The file's name, which decides nothing.
    """
    if not isinstance(file.read(0), bytes):  # opened as text
        return None
    position = file.tell()
    try:
        header = read_header(cast("BinaryIO", file))
    finally:
        file.seek(position)
    if header is None or header.format not in PICTURES:
        return None
    return Source.of(file, name=os.path.basename(name))  # noqa: PTH119 - a name in a storage, no path


def uncut(picture: Source, options: Options) -> Result:
    """The picture as it is, in the size and format that its cut-out would have had.

    Raises:
        ValidationError: It cannot be decoded.
    """
    header = picture.header
    if header is not None and header.format in TRANSCODABLE:
        with picture.open() as file:
            picture = Source.of(transcode(file, header))
    with decoding(picture.size):
        prepared = prepare(picture)
        image = prepared.pixels.copy()
        if prepared.alpha is not None:
            image.putalpha(prepared.alpha)
        image.info = {"icc_profile": prepared.profile}
        plain = Result.from_image(
            image, format="PNG", engine=_ENGINE, sent="nothing", billed=False, coverage=None
        )
        return postprocess(plain, replace(options, mask=False))
