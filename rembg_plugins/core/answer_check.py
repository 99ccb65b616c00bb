"""What is checked of an answer before anybody relies on it; it was paid for, so it is kept."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rembg_plugins.core import messages
from rembg_plugins.core.ending import is_complete
from rembg_plugins.core.errors import APIResponseError, DownscaledResultError, NotAnImageError
from rembg_plugins.core.expected_size import Size, expected_sizes, explains, is_free_size
from rembg_plugins.core.header import read_header

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rembg_plugins.core.options import Options
    from rembg_plugins.core.request import Request
    from rembg_plugins.core.result import Result


def check_result(request: Request, result: Result, *, accept_downscaled: bool = False) -> None:
    """Refuse an answer that is no whole picture of a size that the request explains.

    Nothing is decoded. The error carries the answer in ``result``.

    Args:
        request: What was asked for.
        result: The answer.
        accept_downscaled: Whether one that was shrunk to 460 x 460 px is welcome; so it is
            too if the request says so.

    Raises:
        NotAnImageError: It is no PNG, JPEG, WebP or BMP, or is cut short.
        DownscaledResultError: It fits into 460 x 460 px, where something larger was due.
        APIResponseError: Its size is another one that the options do not explain, by more
            than 2 px, with or without enlarging, either way up.
    """
    check_answer(
        result,
        request.source.size,
        request.options,
        accept_downscaled=accept_downscaled or request.accept_downscaled,
    )


def check_answer(
    result: Result, source: Size, options: Options, *, accept_downscaled: bool = False
) -> None:
    """The same where the picture itself is not at hand: all that is needed of it is its size.

    Args:
        result: The answer.
        source: Width and height of the picture that was sent, in px.
        options: What was asked for.
        accept_downscaled: As above.

    Raises:
        NotAnImageError: As above.
        DownscaledResultError: As above.
        APIResponseError: As above.
    """
    size = _size_of_whole(result)
    expected = expected_sizes(source, options)
    if explains(expected, size):
        return
    texts = {"size": _text(size), "source": _text(source), "expected": _text(expected[0])}
    if not _is_shrunk(size, expected):
        raise _refusal(APIResponseError, messages.UNEXPLAINED_SIZE.format(**texts), result)
    if not accept_downscaled:
        raise _refusal(DownscaledResultError, messages.DOWNSCALED.format(**texts), result)


def is_downscaled(request: Request, result: Result) -> bool:
    """Whether a good answer was shrunk to fit into 460 x 460 px, though nobody asked for that."""
    expected = expected_sizes(request.source.size, request.options)
    return _is_shrunk(result.size, expected) and not explains(expected, result.size)


def _is_shrunk(size: Size, expected: Sequence[Size]) -> bool:
    """Whether a size fits into the free tier's square, and the likeliest of others does not."""
    return is_free_size(size) and not is_free_size(expected[0])


def _size_of_whole(result: Result) -> Size:
    """The size of an answer that is a picture to its end, in px."""
    if not result.is_encoded:
        return result.size  # a picture in memory; encoding it here would prove nothing
    content = result.content
    header = read_header(io.BytesIO(content))
    if header is None or 0 in header.size:
        text = messages.NO_PICTURE.format(length=len(content))
        raise _refusal(NotAnImageError, text, result)
    if not is_complete(content, header):
        text = messages.CUT_SHORT.format(format=header.format, length=len(content))
        raise _refusal(NotAnImageError, text, result)
    return header.size


def _refusal(cls: type[APIResponseError], text: str, result: Result) -> APIResponseError:
    return cls(text, result=result, sent=result.sent, billed=result.billed)


def _text(size: Size) -> str:
    return f"{size[0]} x {size[1]}"
