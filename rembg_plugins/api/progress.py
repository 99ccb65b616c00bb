"""Progress events, made of a count of bytes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from rembg_plugins.core.engine import ProgressEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from rembg_plugins.core.engine import OnProgress


class Meter:
    """Tells the caller how far one direction has come; costs nothing where nobody listens.

    Args:
        direction: ``"upload"`` or ``"download"``.
        total: Bytes in all, or None where unknown.
        on_progress: Who listens; what it raises goes through.
        clock: Gives the time in s.
    """

    def __init__(
        self,
        direction: Literal["upload", "download"],
        total: int | None,
        on_progress: OnProgress | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the clock."""
        self._direction = direction
        self._total = total
        self._on_progress = on_progress
        self._clock = clock
        self._began = clock()
        self._loaded = 0
        self._told_end = False

    @property
    def listened_to(self) -> bool:
        """Whether there is anybody to tell."""
        return self._on_progress is not None

    def advance(self, loaded: int) -> None:
        """Report so many bytes since the start, unless that is no news."""
        if loaded > self._loaded:
            self._tell(loaded, self._total)

    def finish(self, loaded: int) -> None:
        """Report the end, unless the last event did; its ``progress`` is 1."""
        if not self._told_end:
            self._tell(loaded, loaded)

    def _tell(self, loaded: int, total: int | None) -> None:
        """Source: the events of the vendor's client, rembg.js 1.3.1."""
        news, self._loaded = loaded - self._loaded, loaded
        if self._on_progress is None:
            return
        elapsed = self._clock() - self._began
        rate = loaded / elapsed if elapsed > 0 and loaded else None
        left = None if total is None else max(0, total - loaded)
        self._told_end = left == 0
        self._on_progress(
            ProgressEvent(
                direction=self._direction,
                loaded=loaded,
                total=total,
                progress=None if total is None else _share(loaded, total),
                bytes=news,
                rate=rate,
                estimated=None if rate is None or left is None else left / rate,
            )
        )


def _share(loaded: int, total: int) -> float:
    return min(1.0, loaded / total) if total else 1.0
