"""How an answer is delivered, and how it is spoilt on its way."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING

from starlette.responses import Response

from rembg_plugins.sandbox.transport import CONNECTION

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Message, Receive, Scope, Send

    from rembg_plugins.sandbox.faults import Fault

_UNREAD_S = 600.0
_TICK_S = 0.05  # between two pieces of a slow answer, where more than a byte falls into it


class Delivery(Response):
    """An answer that tells how it ended.

    Args:
        response: The answer.
        ended: Called once: with the status as the last of it is sent, or with None in the end.
    """

    def __init__(self, response: Response, ended: Callable[[int | None], None]) -> None:
        """Keep both; nothing is sent yet."""
        super().__init__(status_code=response.status_code)
        self._response = response
        self._ended = ended
        self._left = 0
        self._whole = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, and listen."""

        async def watching(message: Message) -> None:
            if self._is_last(message) and not scope[CONNECTION].is_closing():
                self._whole = True
                self._ended(self.status_code)  # before it is sent: the client may ask at once
            await send(message)

        try:
            await self._response(scope, receive, watching)
        finally:
            if not self._whole:
                self._ended(None)

    def _is_last(self, message: Message) -> bool:
        """Whether nothing of the body is left to be sent after this message."""
        if message["type"] == "http.response.start":
            lengths = [value for name, value in message["headers"] if name == b"content-length"]
            self._left = int(lengths[0]) if lengths else 0
            return False
        self._left -= len(message.get("body", b""))
        return self._left <= 0 and not self._whole


class Slow(Response):
    """An answer that comes so many bytes a second.

    Args:
        response: The answer.
        bytes_per_second: How fast.
        sleep: Waits some seconds.
    """

    def __init__(
        self,
        response: Response,
        bytes_per_second: float,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """Keep the parts."""
        super().__init__(bytes(response.body), response.status_code, dict(response.headers))
        self._rate = bytes_per_second
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it piece by piece, as long as there is somebody to get it."""
        del receive
        body = bytes(self.body)
        piece = max(1, int(self._rate * _TICK_S))
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        for start in range(0, len(body), piece):
            await self._sleep(piece / self._rate)
            if scope[CONNECTION].is_closing():
                return
            part = body[start : start + piece]
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class Broken(Response):
    """An answer whose body does not fit its ``Content-Length``; the connection ends with it.

    Args:
        response: The answer.
        announced: The length that it claims, in bytes.
        sent: How many bytes of the body are sent.
    """

    def __init__(self, response: Response, *, announced: int, sent: int) -> None:
        """Keep the parts."""
        super().__init__(bytes(response.body), response.status_code, dict(response.headers))
        self._announced = announced
        self._sent = sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it past the server's own checks."""
        del send
        head = (
            f"HTTP/1.1 {self.status_code} OK\r\n"
            f"Content-Type: {self.headers.get('content-type')}\r\n"
            f"Content-Length: {self._announced}\r\nConnection: close\r\n\r\n"
        )
        transport = scope[CONNECTION]
        transport.write(head.encode("latin-1") + bytes(self.body)[: self._sent])
        transport.close()
        await until_gone(receive)


class Lingering(Response):
    """An answer to a client who still sends: sent at once, then the rest is read and forgotten.

    Args:
        response: The answer.
        drain: Reads the rest, or as much as is worth it.
    """

    def __init__(self, response: Response, drain: Callable[[Receive], Awaitable[None]]) -> None:
        """Keep both."""
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


class Silence(Response):
    """No answer: the connection has ended already, or stays until the client goes."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait for that."""
        del scope, send
        await until_gone(receive)


class Reset(Response):
    """No answer: the connection ends by a TCP reset."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """End it."""
        del send
        transport = scope[CONNECTION]
        connection = transport.get_extra_info("socket")
        # Linger on, for 0 s: closing then resets the connection in place of ending it.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
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


def spoilt(response: Response, fault: Fault, sleep: Callable[[float], Awaitable[None]]) -> Response:
    """The answer as a fault delivers it; those that change nothing of that leave it as it is."""
    length = len(response.body)
    if fault.kind == "slow":
        return Slow(response, fault.bytes_per_second, sleep)
    if fault.kind == "length":
        return Broken(response, announced=max(0, length + fault.difference), sent=length)
    if fault.kind == "cut":
        sent = length // 2 if fault.after is None else fault.after
        return Broken(response, announced=length, sent=sent)
    if fault.kind == "never":
        return Silence()
    return Reset() if fault.kind == "reset" else response


async def until_gone(receive: Receive) -> None:
    """Read, and forget, until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
