"""What an engine is, and how a call reports its progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from rembg_plugins.core.request import Request
    from rembg_plugins.core.result import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressEvent:
    """How far an upload or a download has come.

    The last event of each direction has ``progress`` 1.
    Source: the events of the vendor's client, rembg.js 1.3.1.

    Attributes:
        direction: ``"upload"`` or ``"download"``.
        loaded: Bytes so far.
        total: Bytes in all, or None where unknown.
        progress: Share done, 0 to 1, or None where ``total`` is unknown.
        bytes: Bytes since the last event.
        rate: Bytes per second since the start, or None before it can be told.
        estimated: Seconds until the end, or None where unknown.
    """

    direction: Literal["upload", "download"]
    loaded: int
    total: int | None
    progress: float | None
    bytes: int
    rate: float | None = None
    estimated: float | None = None


OnProgress = Callable[[ProgressEvent], None]


@runtime_checkable
class Engine(Protocol):
    """Something that cuts a subject out of a picture.

    Attributes:
        name: Its name, as in ``engine="local"``.
        version: Changes when its cut-outs change; part of the store's keys.
        native_options: True where it applies the options itself; False where it gives a
            full-size cut-out, and :mod:`rembg_plugins.core.postprocess` applies them.
    """

    name: str
    version: str
    native_options: bool

    def run(
        self,
        request: Request,
        *,
        on_progress: OnProgress | None = None,
        sink: BinaryIO | None = None,
    ) -> Result:
        """Give the cut-out of one picture.

        Args:
            request: What to cut out; checked, hence trusted.
            on_progress: Called for each piece that was sent or received. An exception that it
                raises cancels the call and reaches the caller as it is.
            sink: A binary file that gets the answer's bytes before anything judges them; it is
                flushed when it has all of them, and only then.

        Raises:
            RembgError: Why there is no cut-out, with ``sent`` and ``billed``.
        """
        ...
