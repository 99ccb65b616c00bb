"""The one validation layer: what is checked before anything is sent, and of what comes back.

Headers alone are read: no pixel is decoded, and the time does not grow with the file.
"""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from rembg_plugins.core import messages
from rembg_plugins.core.answer_check import check_result, is_downscaled
from rembg_plugins.core.errors import FieldError, ValidationError
from rembg_plugins.core.limits import MAX_BYTES, check_bounds, too_large
from rembg_plugins.core.options import Options, merge_raw, parse_options
from rembg_plugins.core.request import Request
from rembg_plugins.core.source import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["check_name", "check_result", "check_upload", "is_downscaled", "validate"]


def validate(
    source: object,
    options: Options | Mapping[str, object] | None = None,
    *,
    name: str | None = None,
    transcode: bool = False,
    accept_downscaled: bool = False,
    **changes: object,
) -> Request:
    """A request that is worth its credit: the picture and the options keep every rule.

    Args:
        source: The picture: all that :meth:`Source.of` takes.
        options: What to make of it; raw values, as of a form, are parsed.
        name: The picture's file name, where it is another than the source's own. An empty
            one stands for a form in which no file was selected.
        transcode: Whether a picture of a format that the API does not take is re-encoded as
            PNG. This decodes it.
        accept_downscaled: Whether an answer that was shrunk to 460 x 460 px is welcome.
        **changes: Options by name; they win over ``options``.

    Raises:
        ValidationError: With everything that is wrong at once; nothing else is raised,
            whatever the bytes are.

    Source: API reference, "Parameters" and "Error Reference".
    """
    errors: list[FieldError] = []
    picture = None
    try:
        picture = _checked(source, name=name, transcode=transcode)
    except ValidationError as error:
        errors.extend(error.errors)
    values, problems = parse_options(merge_raw(options, changes))
    errors.extend(problems)
    if errors or picture is None:
        raise ValidationError(errors=errors)
    # The values are parsed; they name no option that Options does not have.
    chosen = Options(**values)  # type: ignore[arg-type]  # as the line above says
    return Request(source=picture, options=chosen, accept_downscaled=accept_downscaled)


def check_upload(source: Source) -> None:
    """Refuse a picture whose encoded bytes are more than the API takes.

    :func:`validate` does not encode PIL images; what sends one asks here, which does.

    Raises:
        ValidationError: It is longer than 50 MB, or cannot be read or encoded.
    """
    if source.length > MAX_BYTES:
        raise ValidationError(errors=[too_large(source.length)])


def check_name(name: str) -> None:
    """Refuse a file name as the API does, which goes by its extension too.

    :func:`validate` makes a good name for the upload; what receives uploads asks here.

    Raises:
        ValidationError: It has no extension that the API takes.
    """
    extension = _extension(name)
    if extension[1:] not in messages.ALLOWED_EXTENSIONS:
        error = messages.UNSUPPORTED_TYPE.on("image", extension=extension)
        raise ValidationError(errors=[error])


def _checked(value: object, *, name: str | None, transcode: bool) -> Source:
    """The picture, re-encoded where that is asked for and needed; raises its errors."""
    if name is not None and not name.strip():
        raise ValidationError(errors=[messages.NO_FILE.on("image")])
    source = Source.of(value, name=name)
    if transcode:
        source = _transcoded(source)
    if errors := _errors_of(source):
        raise ValidationError(errors=errors)
    return source


def _transcoded(source: Source) -> Source:
    """The source itself, or a PNG of the same picture where the API does not take its format."""
    from rembg_plugins.core.transcode import needs_transcoding, transcode  # noqa: PLC0415 - Pillow

    if source.image is not None or source.header is None or not needs_transcoding(source.header):
        return source
    with source.open() as file:
        content = file.read()  # once: a file that is replaced meanwhile is one or the other
    made = Source.of(transcode(io.BytesIO(content), source.header), name=source.given_name)
    return replace(made, original=hashlib.sha256(content).hexdigest())


def _errors_of(source: Source) -> list[FieldError]:
    # The length of a PIL image is not known before it is encoded; see check_upload().
    length = None if source.image is not None else source.length
    if length == 0:
        return [messages.EMPTY.on("image")]
    errors = []
    if length is not None and length > MAX_BYTES:
        errors.append(too_large(length))
    if source.header is None:
        errors.append(_unknown(source.given_name))
    elif source.header.format not in messages.ALLOWED_FORMATS:
        extension = source.header.extension
        errors.append(messages.UNSUPPORTED_TYPE.on("image", extension=extension))
    else:
        errors.extend(check_bounds(*source.header.size))
    return errors


def _unknown(given_name: str) -> FieldError:
    """The error of bytes that are no picture: by the name, which may say what they are."""
    extension = _extension(given_name)
    if extension and extension[1:] not in messages.ALLOWED_EXTENSIONS:
        return messages.UNSUPPORTED_TYPE.on("image", extension=extension)
    return messages.BAD_SIGNATURE.on("image")


def _extension(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 - a name from anywhere, no path
