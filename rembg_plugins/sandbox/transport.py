"""uvicorn's protocol, with the connection itself in reach of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from starlette.types import Receive, Scope, Send

CONNECTION = "rembg_plugins.connection"
"""Under this name the scope of a call holds the connection's transport."""


class ReachableProtocol(H11Protocol):
    """A reset, or a false length, cannot be had through ASGI; so the transport is handed on."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base's own
        """Let the application of this connection know it."""
        super().connection_made(transport)
        application = self.app

        async def reaching(scope: Scope, receive: Receive, send: Send) -> None:
            scope[CONNECTION] = transport
            await application(scope, receive, send)

        self.app = reaching
