"""An end to an answer that keeps coming: a socket's own time-out is one for each wait."""

from __future__ import annotations

import io
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable


def timed_reader(
    longest_s: float, *, clock: Callable[[], float], wait_s: float | None = None
) -> type[HTTPResponse]:
    """Reads one answer, or a proxy's before it, within so many s.

    Args:
        longest_s: From the first wait for its status to the last byte of its body, in s.
        clock: Gives the time in s.
        wait_s: The longest single wait, in s; the whole time by default.
    """

    class Reader(HTTPResponse):
        def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
            super().__init__(sock, *args, **options)
            ends = clock() + longest_s

            def left() -> float:
                rest = ends - clock()
                if rest <= 0:
                    message = f"the answer did not come to an end in {longest_s:g} s"
                    raise TimeoutError(message)
                return rest if wait_s is None else min(rest, wait_s)

            self.fp = io.BufferedReader(_Timed(self.fp.detach(), sock, left))

    return Reader


class _Timed(io.RawIOBase):
    """The bytes of a socket, as long as there is time left.

    Args:
        raw: The socket as a file.
        sock: The socket.
        left: Gives the time that the next wait may take, in s; raises where there is none.
    """

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, left: Callable[[], float]) -> None:
        self._raw = raw
        self._sock = sock
        self._left = left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        usual, left = self._sock.gettimeout(), self._left()
        # A shorter one holds on: that of connecting, while a proxy is asked for the way.
        self._sock.settimeout(left if usual is None else min(left, usual))
        try:
            return self._raw.readinto(buffer)
        finally:
            self._sock.settimeout(usual)  # the next request may go over the same connection

    def close(self) -> None:
        self._raw.close()
        super().close()
