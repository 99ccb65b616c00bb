"""A real HTTP server on loopback that does what a test's script says, byte by byte."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl

PICTURE_TYPE = {"Content-Type": "image/png"}


@dataclass
class Received:
    """One request as it came over the wire."""

    line: str
    headers: dict[str, str]
    connection: int
    body: bytes = b""


@dataclass
class Exchange:
    """A request whose head was read, and the socket to answer on."""

    server: Server
    sock: socket.socket
    request: Received
    buffered: bytes
    closed: bool = False

    def read(self, length: int) -> bytes:
        pieces, self.buffered = [self.buffered[:length]], self.buffered[length:]
        left = length - len(pieces[0])
        while left and (piece := self.sock.recv(min(left, 1 << 20))):
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def read_body(self) -> bytes:
        self.request.body = self.read(int(self.request.headers.get("content-length", "0")))
        return self.request.body

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def close(self) -> None:
        self.closed = True

    def reset(self) -> None:
        """Close with RST, so that the other side has a connection reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.closed = True

    def upgrade(self, context: ssl.SSLContext) -> None:
        """Speak TLS from here on, as behind a CONNECT."""
        self.sock = context.wrap_socket(self.sock, server_side=True)
        self.server.keep(self.sock)


Script = Callable[[Exchange], None]


def head(status: int, headers: dict[str, str] | None = None, reason: str = "Reason") -> bytes:
    lines = [f"HTTP/1.1 {status} {reason}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def answer(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> Script:
    """A script: read the whole request, then answer with a true Content-Length."""

    def script(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.send(head(status, {"Content-Length": str(len(body)), **(headers or {})}) + body)

    return script


def raw_answer(data: bytes, *, then: str = "close") -> Script:
    """A script: read the whole request, send these very bytes, then "close" or "reset"."""

    def script(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.send(data)
        getattr(exchange, then)()

    return script


@dataclass
class Server:
    """Serves one script, a thread for each connection; ``requests`` is what came."""

    script: Script
    context: ssl.SSLContext | None = None
    greeting: bytes = b""
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        scheme = "http" if self.context is None else "https"
        host = "127.0.0.1" if self.context is None else "localhost"
        return f"{scheme}://{host}:{self.port}/rmbg"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for sock in self._open:
            sock.close()

    def keep(self, sock: socket.socket) -> None:
        """Close a socket in the end."""
        self._open.append(sock)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self.keep(sock)
                self._start(self._serve, sock, self.connections)

    def _serve(self, sock: socket.socket, number: int) -> None:
        # A client that gives up, or is refused, is what many tests are about.
        with contextlib.suppress(OSError), contextlib.closing(sock):
            if self.context is not None:
                sock = self.context.wrap_socket(sock, server_side=True)
            with contextlib.closing(sock):
                sock.sendall(self.greeting)
                exchange = next_exchange(self, sock, number)
                while exchange is not None:
                    self.script(exchange)
                    if exchange.closed:
                        return
                    exchange = next_exchange(self, exchange.sock, number)


def next_exchange(server: Server, sock: socket.socket, number: int) -> Exchange | None:
    """Read the head of the next request on a connection; None where there is none."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            return None
        data += piece
    top, _, rest = data.partition(b"\r\n\r\n")
    line, *lines = top.decode("latin-1").split("\r\n")
    headers = dict(entry.split(": ", 1) for entry in lines)
    request = Received(line, {name.lower(): value for name, value in headers.items()}, number)
    server.requests.append(request)
    return Exchange(server, sock, request, rest)


def parse_multipart(request: Received) -> list[tuple[dict[str, str], bytes]]:
    """The parts of a form, exactly: every delimiter must be where it belongs."""
    kind, _, boundary = request.headers["content-type"].partition("; boundary=")
    assert kind == "multipart/form-data"
    delimiter = f"--{boundary}".encode()
    assert request.body.startswith(delimiter + b"\r\n")
    assert request.body.endswith(b"\r\n" + delimiter + b"--\r\n")
    inner = request.body[len(delimiter) + 2 : -len(delimiter) - 6]
    parts = []
    for part in inner.split(b"\r\n" + delimiter + b"\r\n"):
        top, _, content = part.partition(b"\r\n\r\n")
        parts.append((dict(line.split(": ", 1) for line in top.decode().split("\r\n")), content))
    return parts
