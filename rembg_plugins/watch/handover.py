"""Bytes that one step has just had in hand, for the next: not read and hashed a second time."""

from __future__ import annotations

import threading

ROOM = 16 << 20
"""Bytes that are held at once; what was given first goes first."""


class Handover:
    """Holds the bytes of a few pictures for a moment; used by several threads.

    It is never all that there is of anything: what it does not hold is read from the disk.

    Args:
        room: Bytes that are held at once.
    """

    def __init__(self, room: int = ROOM) -> None:
        """Nothing is held yet."""
        self._room = room
        self._held: dict[bytes, bytes] = {}
        self._lock = threading.Lock()

    def give(self, sha256: bytes, content: bytes) -> None:
        """Hold some bytes, if there is room.

        Args:
            sha256: Of the picture that they belong to.
            content: Must not be more than the room, or it is not held.
        """
        with self._lock:
            self._held.pop(sha256, None)
            if len(content) > self._room:
                return
            self._held[sha256] = content
            while sum(map(len, self._held.values())) > self._room:
                del self._held[next(iter(self._held))]

    def take(self, sha256: bytes) -> bytes | None:
        """What is held for a picture, once; None where that is nothing."""
        with self._lock:
            return self._held.pop(sha256, None)
