"""The server: one process, one event loop, a few threads that cut out."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from ipaddress import ip_address
from typing import TYPE_CHECKING

import uvicorn
from anyio import to_thread

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.sandbox.app import build_app
from rembg_plugins.sandbox.cutting import build_cutter
from rembg_plugins.sandbox.removal import Removals
from rembg_plugins.sandbox.transport import ReachableProtocol
from rembg_plugins.sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi import FastAPI

    from rembg_plugins.sandbox.calls import Call
    from rembg_plugins.sandbox.settings import Settings

_BACKLOG = 2048  # connections that wait to be taken
_IDLE_S = 75  # that a connection without calls is kept; clients close theirs earlier
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_WRITERS = 4
_LAST_CALLS_S = 3  # that calls may take yet when the server is told to stop


def serve(
    settings: Settings,
    *,
    host: str,
    port: int,
    on_ready: Callable[[str], None],
    on_call: Callable[[Call], None],
) -> None:
    """Serve until Ctrl-C or SIGTERM, which it raises again when it has stopped.

    Args:
        settings: What can be set.
        host: The address to listen on.
        port: The port; 0 picks one.
        on_ready: Told the URL once connections are accepted.
        on_call: Told of each call that has ended.

    Raises:
        ConfigurationError: The address cannot be had, or the engine cannot work.
    """
    with listen(host, port) as listening:
        world = World(settings)
        app = build_app(world, Removals(world, build_cutter(settings.engine), on_call=on_call))
        server = build_server(app, lambda: on_ready(url_of(listening)))
        server.run(sockets=[listening])


def build_server(app: FastAPI, on_ready: Callable[[], None]) -> uvicorn.Server:
    """A server for the application; ``on_ready`` is told when connections are accepted."""
    configuration = uvicorn.Config(
        app,
        http=ReachableProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,  # who calls is who is connected
        workers=1,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=_LAST_CALLS_S,
    )
    return _Server(configuration, on_ready)


class _Server(uvicorn.Server):
    """uvicorn's, which tells when it is ready."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but a signal that is ignored, as Ctrl-C is behind nohup, stays so."""
        handled = threading.current_thread() is threading.main_thread()
        ignored = [number for number in _SIGNALS if signal.getsignal(number) is signal.SIG_IGN]
        with super().capture_signals():
            for number in ignored if handled else ():
                signal.signal(number, signal.SIG_IGN)
            yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # Threads that write uploads to disk: each keeps memory of its own.
        to_thread.current_default_thread_limiter().total_tokens = _WRITERS
        await super().startup(sockets)
        self._on_ready()


def listen(host: str, port: int) -> socket.socket:
    """A socket that accepts connections.

    Raises:
        ConfigurationError: The address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if not host:
        message = "Give --host an address, such as 127.0.0.1; 0.0.0.0 stands for all."
        raise ConfigurationError(message)
    try:
        socket.getaddrinfo(host, port)
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except socket.gaierror as problem:
        message = f"There is no address '{host}' here. Choose another with --host."
        raise ConfigurationError(message) from problem
    except (OSError, OverflowError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        message = f"Cannot listen on {host}, port {port}: {reason}. Choose another with --port."
        raise ConfigurationError(message) from problem


def url_of(listening: socket.socket) -> str:
    """The URL under which a listening socket is reached from this machine."""
    host, port, *_ = listening.getsockname()
    if ip_address(host).is_unspecified:  # all addresses: this machine's own is one of them
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
