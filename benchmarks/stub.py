"""A stand-in for the API on loopback: reads a body, waits, answers one and the same picture.

It runs in a process of its own and prints its port. Raw sockets, a thread a connection: at a
fifth of a millisecond a request it is not what limits the clients.
"""

from __future__ import annotations

import argparse
import socket
import threading
import time
from pathlib import Path

_PIECE = 1 << 20  # bytes
_END = b"\r\n\r\n"


def main() -> None:
    """Serve until the process is ended."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("answer", type=Path, help="the picture that is answered")
    options.add_argument("--latency", type=float, default=0.0, help="s from body to answer")
    arguments = options.parse_args()
    picture = arguments.answer.read_bytes()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: {len(picture)}\r\n\r\n"
    answer = head.encode() + picture
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            task = (connection, answer, arguments.latency)
            threading.Thread(target=_serve, args=task, daemon=True).start()


def _serve(connection: socket.socket, answer: bytes, latency: float) -> None:
    """Answer the requests of one connection until the client closes it."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    buffer = bytearray(_PIECE)
    with connection:
        try:
            while _read_request(connection, buffer):
                if latency:
                    time.sleep(latency)
                connection.sendall(answer)
        except ConnectionError:
            return  # the client went away in the middle, which is its own affair


def _read_request(connection: socket.socket, buffer: bytearray) -> bool:
    """Read one request to its end; False at the end of the connection."""
    view = memoryview(buffer)
    begun = 0
    while (end := buffer.find(_END, 0, begun)) < 0:
        received = connection.recv_into(view[begun:])
        if not received:
            return False
        begun += received
    left = _length(bytes(buffer[:end])) - (begun - end - len(_END))
    while left > 0:
        received = connection.recv_into(view, min(left, _PIECE))
        if not received:
            return False
        left -= received
    return True


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    message = f"a request without a length: {head!r}"
    raise ValueError(message)


if __name__ == "__main__":
    main()
