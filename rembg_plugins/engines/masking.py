"""What engines share that find a mask on this machine: all the rest of a cut-out."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, BinaryIO

from rembg_plugins.core.cutout import compose, coverage_of
from rembg_plugins.core.memory import decoding
from rembg_plugins.core.preparation import prepare
from rembg_plugins.core.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

    from rembg_plugins.core.request import Request


def abandon(session: object) -> None:
    """Keep an inference session of the parent process for ever.

    Its end waits for threads which a child process does not have; so in a child, its end must
    never come. Seen with onnxruntime 1.32: the child hung where the last reference went.
    """
    if session is not None:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(session))


def cut_out(
    request: Request,
    mask_of: Callable[[Image.Image], Image.Image],
    *,
    engine: str,
    sink: BinaryIO | None = None,
) -> Result:
    """The full-size cut-out of a request, by a function that finds the mask.

    Args:
        request: What to cut out; its options are not looked at.
        mask_of: RGB, (w, h) px -> L, same size; 255 is the subject.
        engine: The name that the result shall carry.
        sink: Gets the encoded cut-out, and is flushed.

    Returns:
        RGBA, the picture's size after its orientation was applied; PNG.
    """
    with decoding(request.source.size):
        prepared = prepare(request.source)
        mask = mask_of(prepared.pixels)
        image = compose(prepared, mask)
        alpha = mask if prepared.alpha is None else image.getchannel("A")
        result = Result.from_image(
            image,
            format="PNG",
            engine=engine,
            sent="nothing",
            billed=False,
            coverage=coverage_of(alpha),
        )
        if sink is not None:
            sink.write(result.content)
            sink.flush()
    return result
