"""How many pixels are decoded at once, bounded by this machine's memory."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BYTES_PER_PIXEL = 24
"""What a pixel takes while it is cut out: the picture, its cut-out and a premultiplied copy at
4 bytes each, masks, and the encoder's own. A turn by an odd angle takes up to 33 (measured on
10000 x 10000 px); the other half of the memory is there for it."""

_SHARE = 2  # half of the memory is for pictures, the rest for everything else
_UNKNOWN = 4 * 2**30  # bytes of memory assumed where the system does not tell
_CGROUP = Path("/sys/fs/cgroup/memory.max")


class Gate:
    """Lets pictures pass while their pixels fit into the budget, in the order of their coming.

    At least one always passes, however large. A thread that is inside passes again at once:
    otherwise it would wait for itself.

    Args:
        budget: Pixels that may be inside at once, in px.
    """

    def __init__(self, budget: int) -> None:
        """Begin with nobody inside."""
        self.budget = budget
        self._inside = 0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()
        self._mine = threading.local()

    @property
    def waiting(self) -> int:
        """How many pictures wait for room."""
        return len(self._waiting)

    @contextlib.contextmanager
    def decoding(self, size: tuple[int, int]) -> Iterator[None]:
        """Hold the room for a picture of ``size`` px, and wait for it where there is none."""
        if getattr(self._mine, "held", False):
            yield
            return
        pixels = size[0] * size[1]
        self._enter(pixels)
        self._mine.held = True
        try:
            yield
        finally:
            self._mine.held = False
            with self._changed:
                self._inside -= pixels
                self._changed.notify_all()

    def _enter(self, pixels: int) -> None:
        place = object()
        with self._changed:
            self._waiting.append(place)
            try:
                # In turn, so that a large picture is not passed by small ones for ever.
                self._changed.wait_for(lambda: self._waiting[0] is place and self._fits(pixels))
                self._inside += pixels
            finally:
                self._waiting.remove(place)
                self._changed.notify_all()

    def _fits(self, pixels: int) -> bool:
        return self._inside == 0 or self._inside + pixels <= self.budget


def decoding(size: tuple[int, int]) -> contextlib.AbstractContextManager[None]:
    """Hold the room for a picture of ``size`` px in this process, while it is decoded."""
    return _Process.gate.decoding(size)


def memory_size() -> int:
    """The memory of this machine, or of the container that this is, in bytes."""
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        size = _UNKNOWN
    with contextlib.suppress(OSError, ValueError):  # no such file, or "max"
        size = min(size, int(_CGROUP.read_text(encoding="ascii")))
    return size


def _new_gate() -> Gate:
    return Gate(memory_size() // _SHARE // BYTES_PER_PIXEL)


class _Process:
    """The gate of this process."""

    gate = _new_gate()


def _open_new_gate() -> None:
    """A child process inherits the pictures inside, but not the threads that would leave."""
    _Process.gate = _new_gate()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_open_new_gate)
