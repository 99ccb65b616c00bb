"""How an answer is spoilt on its way."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import json
import socket
import struct
from typing import TYPE_CHECKING

from starlette.responses import Response

from rembg_plugins.api.schemas import error_body
from rembg_plugins.sandbox.refusal import JSON
from rembg_plugins.sandbox.transport import CONNECTION

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive, Scope, Send

    from rembg_plugins.sandbox.faults import Content, Fault

_OK = 200
_HTML = "text/html; charset=utf-8"
_PAGE = "<!doctype html><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1>"
_UNREAD_S = 600.0
_TICK_S = 0.05  # between two pieces of a slow answer, where more than a byte falls into it


def made_up(fault: Fault) -> Response:
    """The answer of a fault that needs no picture: ``status`` or ``redirect``."""
    if fault.kind == "redirect":
        return Response(status_code=fault.status or 302, headers={"Location": fault.location})
    if fault.message is not None:
        body: object = error_body(fault.status, [fault.message.on(None)])
    else:
        body = _PAGE if fault.body is None else fault.body
    if isinstance(body, str):
        return Response(body, fault.status, fault.headers, media_type=_HTML)
    return Response(json.dumps(body), fault.status, fault.headers, media_type=JSON)


def replaced(fault: Fault, picture: bytes) -> Response:
    """The answer 200 of ``answer``: something else than the picture that was made."""
    content, media_type = _contents(fault.content, fault, picture)
    return Response(content, _OK, media_type=media_type)


def _contents(kind: Content, fault: Fault, picture: bytes) -> tuple[bytes, str | None]:
    encoded = base64.b64encode(picture)
    if kind == "html":
        return _PAGE.encode(), _HTML
    if kind == "json":
        return b'{"result": "ok"}', JSON
    if kind == "base64":
        return encoded, "text/plain"
    if kind == "data_url":
        return b"data:image/png;base64," + encoded, "text/plain"
    return (b"", None) if kind == "empty" else (_of_size(fault), "image/png")


def _of_size(fault: Fault) -> bytes:
    from PIL import Image  # noqa: PLC0415 - rare

    file = io.BytesIO()
    Image.new("RGBA", (fault.width, fault.height), (200, 30, 40, 128)).save(file, "PNG")
    return file.getvalue()


class Spoilt(Response):
    """An answer that is made as ever, and spoilt as a fault says.

    Args:
        response: The answer.
        fault: What goes wrong.
        sleep: Waits some seconds.
        delivered: Called when all of it was sent.
    """

    def __init__(
        self,
        response: Response,
        fault: Fault,
        *,
        sleep: Callable[[float], Awaitable[None]],
        delivered: Callable[[], None],
    ) -> None:
        """Keep the parts; nothing is sent yet."""
        super().__init__(bytes(response.body), response.status_code, dict(response.headers))
        self._fault = fault
        self._sleep = sleep
        self._delivered = delivered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, or what is left of it."""
        kind = self._fault.kind
        if kind == "slow":
            await self._send_slowly(send)
            self._delivered()
        elif kind == "gzip":
            await self._send_packed(scope, receive, send)
            self._delivered()
        elif kind == "never":
            await until_gone(receive)
        elif kind == "reset":
            reset(scope)
            await until_gone(receive)
        else:
            self._send_broken(scope)
            await until_gone(receive)

    async def _send_slowly(self, send: Send) -> None:
        body = bytes(self.body)
        piece = max(1, int(self._fault.bytes_per_second * _TICK_S))
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        for start in range(0, len(body), piece):
            await self._sleep(piece / self._fault.bytes_per_second)
            part = body[start : start + piece]
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_packed(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {"Content-Encoding": "gzip"}
        packed = Response(
            gzip.compress(bytes(self.body), mtime=0),
            self.status_code,
            headers,
            self.headers.get("content-type"),
        )
        await packed(scope, receive, send)

    def _send_broken(self, scope: Scope) -> None:
        """Past the server's own checks: the body does not fit its ``Content-Length``."""
        body = bytes(self.body)
        announced, sent = len(body), len(body)
        if self._fault.kind == "length":
            announced = max(0, announced + self._fault.difference)
        else:
            sent = len(body) // 2 if self._fault.after is None else self._fault.after
        media_type = self.headers.get("content-type")
        head = (
            f"HTTP/1.1 {self.status_code} OK\r\nContent-Type: {media_type}\r\n"
            f"Content-Length: {announced}\r\nConnection: close\r\n\r\n"
        )
        transport = scope[CONNECTION]
        transport.write(head.encode("latin-1") + body[:sent])
        transport.close()


class Lingering(Response):
    """An answer to a client who still sends: sent at once, then the rest is read and forgotten.

    Without that, the reset of the connection would take the answer away from the client.
    """

    def __init__(self, response: Response, drain: Callable[[Receive], Awaitable[None]]) -> None:
        """Keep the answer, and what reads the rest."""
        super().__init__(bytes(response.body), response.status_code, dict(response.headers))
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send, read on, end the connection."""
        del scope
        headers = [*self.raw_headers, (b"connection", b"close")]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(self.body), "more_body": True})
        await self._drain(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class Gone(Response):
    """No answer: the connection has ended already, or ends now."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait until the server has noticed."""
        del scope, send
        await until_gone(receive)


class Unread(Response):
    """No answer, and no byte of the body is read any more; after some minutes the connection ends.

    Not read, it does not tell when the client goes.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stop reading."""
        del receive, send
        transport = scope[CONNECTION]
        transport.pause_reading()
        await asyncio.sleep(_UNREAD_S)
        transport.abort()


def reset(scope: Scope) -> None:
    """End the connection by a TCP reset."""
    transport = scope[CONNECTION]
    connection = transport.get_extra_info("socket")
    # Linger on, for 0 s: closing then resets the connection in place of ending it.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def until_gone(receive: Receive) -> None:
    """Read, and forget, until the client has gone."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        await asyncio.sleep(0)
