"""Cut-outs: real ones, of a bounded pool of threads."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from anyio import CapacityLimiter, to_thread

from rembg_plugins.core.errors import ConfigurationError, ValidationError
from rembg_plugins.core.option_values import OptionProblem, parse_boolean
from rembg_plugins.core.options import OPTIONS, Options
from rembg_plugins.core.postprocess import postprocess
from rembg_plugins.core.retry import Retry
from rembg_plugins.core.validation import check_name, validate

if TYPE_CHECKING:
    from collections.abc import Callable

    from rembg_plugins.core.adapter import Adapter
    from rembg_plugins.core.errors import FieldError
    from rembg_plugins.core.request import Request
    from rembg_plugins.core.result import Result
    from rembg_plugins.sandbox.upload import Upload

T = TypeVar("T")

FREE_SIDE = 460
"""px: into how large a square the free tier's pictures are shrunk.

Source: seen by users of the API in production.
"""
_BASE64 = "return_base64"


class Cutter:
    """Checks forms and cuts pictures out.

    Args:
        adapter: What cuts out.
    """

    def __init__(self, adapter: Adapter) -> None:
        """Allow as many threads as there are processors."""
        self._adapter = adapter
        self._limiter = CapacityLimiter(os.cpu_count() or 1)

    async def in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        """What a function gives that would keep the event loop too long."""
        return await to_thread.run_sync(function, *arguments, limiter=self._limiter)

    async def check(self, upload: Upload) -> Request:
        """The checked request of a form.

        Raises:
            ValidationError: With everything that is wrong, in the API's words.
        """
        return await self.in_thread(_check, upload)

    async def digest(self, upload: Upload) -> tuple[str, int] | None:
        """The sha256 of the uploaded file and its length; None where there is none."""
        if upload.file is None:
            return None
        return await self.in_thread(_digest, upload.file)

    async def cut_out(self, request: Request, *, shrunk: bool) -> Result:
        """The encoded picture that a request asks for.

        Args:
            request: The picture and the options.
            shrunk: Whether it shall fit into the free tier's square.

        Raises:
            ValidationError: The picture is damaged.
        """
        return await self.in_thread(self._cut_out, request, shrunk)

    def _cut_out(self, request: Request, shrunk: bool) -> Result:  # noqa: FBT001 - run by anyio
        result = self._adapter.remove(request.source, request.options)
        if shrunk and max(result.size) > FREE_SIDE:
            small = Options(w=FREE_SIDE, h=FREE_SIDE, format=result.format)  # type: ignore[arg-type]  # it is one of ours
            result = postprocess(result, small)
        result.content  # noqa: B018 - encoded here, not in the event loop
        return result


def build_cutter(engine: str) -> Cutter:
    """A cutter with an engine of this machine.

    Raises:
        ConfigurationError: There is no such engine, it cannot work here, or it costs money.
    """
    from rembg_plugins.core.adapter import Adapter  # noqa: PLC0415 - loads Pillow
    from rembg_plugins.core.configuration import configure  # noqa: PLC0415 - as above
    from rembg_plugins.core.plugins import make_engine  # noqa: PLC0415 - as above

    made = make_engine(engine, configure(environ={}))
    if getattr(made, "paid", True):
        message = (
            f"The engine '{engine}' may cost money; a sandbox must not. Use --engine local, or "
            "--engine offline."
        )
        raise ConfigurationError(message)
    return Cutter(Adapter(made, retry=Retry.NONE))


def _check(upload: Upload) -> Request:
    options = {name: value for name, value in upload.fields.items() if name in OPTIONS}
    problems: list[FieldError] = []
    request = None
    try:
        request = validate(upload.file, options, name=upload.filename)
    except ValidationError as problem:
        problems += problem.errors
    if not any(problem.field == "image" for problem in problems):
        problems += _problems_of(check_name, upload.filename or "")
    problems += _problems_of(_check_base64, upload.fields.get(_BASE64, "false"))
    if problems or request is None:
        raise ValidationError(errors=problems)
    return request


def _check_base64(value: str) -> None:
    """Nothing but true or false; it changes nothing: the answer is bytes all the same."""
    try:
        parse_boolean(_BASE64, value)
    except OptionProblem as problem:
        raise ValidationError(errors=[problem.error]) from problem


def _problems_of(check: Callable[[str], None], value: str) -> tuple[FieldError, ...]:
    try:
        check(value)
    except ValidationError as problem:
        return problem.errors
    return ()


def _digest(file: BinaryIO) -> tuple[str, int]:
    file.seek(0)
    digest = hashlib.sha256()
    length = 0
    while piece := file.read(1 << 18):
        digest.update(piece)
        length += len(piece)
    file.seek(0)
    return digest.hexdigest(), length
