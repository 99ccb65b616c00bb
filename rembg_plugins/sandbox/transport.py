"""uvicorn's protocol, with the connection itself in reach of a call."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from starlette.types import Receive, Scope, Send

CONNECTION = "rembg_plugins.connection"
"""Under this name the scope of a call holds the connection's transport."""


_PIECE = 2**15  # bytes


class ReachableProtocol(H11Protocol):
    """A reset, or a false length, cannot be had through ASGI; so the transport is handed on."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base's own
        """Let the application of this connection know it, and answer without delay."""
        super().connection_made(transport)
        # asyncio leaves the delay on, where a listening socket does not name its protocol; with
        # the client's own delay of acknowledgements that is 40 ms a call.
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # How much asyncio reads at once: hundreds of uploads may be under way.
        transport.max_size = _PIECE  # type: ignore[attr-defined]  # asyncio's, of all its loops
        application = self.app

        async def reaching(scope: Scope, receive: Receive, send: Send) -> None:
            scope[CONNECTION] = transport
            await application(scope, receive, send)

        self.app = reaching
