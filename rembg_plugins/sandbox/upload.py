"""The form of a call: read once, spooled to disk, and never past the limit."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from starlette import requests
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from rembg_plugins.core import messages
from rembg_plugins.core.limits import MAX_BYTES, too_large
from rembg_plugins.sandbox.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Message, Receive, Scope

    from rembg_plugins.core.errors import FieldError

_FORM = "multipart/form-data"
_IN_MEMORY = 2**16  # bytes of a picture from which on it is spooled: hundreds may wait at once
_REST_OF_FORM = 2**20  # bytes: boundaries and all fields but the picture
LONGEST_BODY = MAX_BYTES + _REST_OF_FORM
SILENCE_S = 60.0  # s without a byte, after which a client is given up
_MOST_FIELDS = 50
_REQUEST_TIMEOUT = 408
_BAD_REQUEST = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What a form held.

    Attributes:
        file: The picture; None where there is no such file.
        filename: Its name; empty where no file was selected.
        fields: Every other field, as text; of several of one name, the last.
    """

    file: BinaryIO | None = None
    filename: str | None = None
    fields: dict[str, str] = field(default_factory=dict)


class UnreadError(Exception):
    """Reading stopped before the end of the body: it is too long, or no form.

    Attributes:
        refusal: What to answer.
    """

    def __init__(self, error: FieldError) -> None:
        """Make the refusal of the error."""
        super().__init__(error.message)
        self.refusal = Refusal(_BAD_REQUEST, [error])


@asynccontextmanager
async def read_upload(scope: Scope, receive: Receive) -> AsyncIterator[Upload]:
    """The form of a request; its file lives as long as the block.

    Raises:
        Refusal: The client fell silent.
        UnreadError: It is longer than the API takes, or broken.
        ClientDisconnect: The client went away.
    """
    request = requests.Request(scope, _bounded(receive, _announced(scope)))
    try:
        form = await _read_form(request)
    except MultiPartException as problem:
        raise UnreadError(messages.BAD_FORM.on("image", reason=problem.message)) from problem
    except TimeoutError as problem:
        error = messages.BAD_FORM.on("image", reason=f"nothing came for {SILENCE_S:.0f} s")
        raise Refusal(_REQUEST_TIMEOUT, [error], {"Connection": "close"}) from problem
    try:
        yield _upload_of(form)
    finally:
        await form.close()


async def _read_form(request: requests.Request) -> FormData:
    """The form, if the body is one."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        async for _ in request.stream():  # read to its end, so that the answer gets through
            pass
        return FormData()
    async with aclosing(request.stream()) as stream:
        parser = MultiPartParser(
            request.headers, stream, max_files=_MOST_FIELDS, max_fields=_MOST_FIELDS
        )
        parser.spool_max_size = _IN_MEMORY
        return await parser.parse()


async def drain(receive: Receive) -> None:
    """Read on for a while and forget it, so that a client who still sends can see the answer."""
    seen = 0
    try:
        while seen <= LONGEST_BODY:
            message = await asyncio.wait_for(receive(), SILENCE_S)
            seen += len(message.get("body", b""))
            if not message.get("more_body"):
                return
    except TimeoutError:
        return


def _upload_of(form: FormData) -> Upload:
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    picture = form.get("image")
    if not isinstance(picture, UploadFile):
        return Upload(fields=fields)
    return Upload(file=picture.file, filename=picture.filename or "", fields=fields)


def _announced(scope: Scope) -> int:
    """What ``Content-Length`` says, or 0."""
    value = dict(scope["headers"]).get(b"content-length", b"")
    return int(value) if value.isdigit() else 0


def _bounded(receive: Receive, announced: int) -> Receive:
    """Reads as ``receive``, and stops at the limit."""
    seen = 0

    async def read() -> Message:
        nonlocal seen
        if announced > LONGEST_BODY:
            raise UnreadError(too_large(announced))
        message = await asyncio.wait_for(receive(), SILENCE_S)
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        seen += len(message.get("body", b""))
        if seen > LONGEST_BODY:
            raise UnreadError(too_large(seen))
        return message

    return read
