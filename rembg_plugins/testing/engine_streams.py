"""What must hold of an engine's sink and of its progress: what a caller gives into a call."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rembg_plugins.core.engine import ProgressEvent
from rembg_plugins.testing import samples
from rembg_plugins.testing.conformance import raised

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rembg_plugins.testing.engine_trial import Trial


class _Stop(Exception):  # noqa: N818 - raised by a caller, no error
    """What a caller raises to cancel."""


def sink(trial: Trial) -> Iterator[str]:
    """Two kinds: one that has bytes in it already, and one that cannot seek."""
    request = trial.request(samples.picture())
    file = io.BytesIO(b"kept")
    file.seek(0, io.SEEK_END)
    result = trial.engine.run(request, sink=file)
    if file.closed:
        yield "run() closed the sink. Leave it open: it is the caller's."
    elif file.getvalue() != b"kept" + result.content:
        yield (
            f"The sink got {len(file.getvalue()) - 4} bytes that are not the result's "
            f"{len(result.content)}. Write exactly those to it, from where it stands."
        )
    pipe = _Pipe()
    result = trial.engine.run(request, sink=pipe)  # type: ignore[arg-type]  # it is a BinaryIO
    if pipe.content != result.content:
        yield "A sink that cannot seek did not get the result's bytes. Only write to it."


class _Pipe(io.RawIOBase):
    """A sink that can only be written to."""

    def __init__(self) -> None:
        """Begin empty."""
        self.content = b""

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: object) -> int:
        """Keep it."""
        piece = bytes(data)  # type: ignore[call-overload]  # whatever has bytes
        self.content += piece
        return len(piece)


def progress(trial: Trial) -> Iterator[str]:
    """Events that are none or go back, and an exception of the caller that is swallowed."""
    events: list[ProgressEvent] = []
    trial.engine.run(trial.request(samples.picture()), on_progress=events.append)
    if not all(isinstance(event, ProgressEvent) for event in events):
        yield "on_progress got something that is no ProgressEvent."
        return
    for direction in ("upload", "download"):
        loaded = [event.loaded for event in events if event.direction == direction]
        if loaded != sorted(loaded):
            yield f"The progress of the {direction} goes back. `loaded` is the bytes so far."
        if loaded and next(e for e in reversed(events) if e.direction == direction).progress != 1:
            yield f"The last event of the {direction} has not progress 1."
    if events:
        yield from _cancelled(trial)


def _cancelled(trial: Trial) -> Iterator[str]:
    stop = _Stop("enough")

    def cancel(_event: ProgressEvent) -> None:
        raise stop

    try:
        trial.engine.run(trial.request(samples.picture()), on_progress=cancel)
    except Exception as problem:  # noqa: BLE001 - whatever comes out is judged
        if problem is not stop:
            yield f"on_progress raised, and run() {raised(problem)}. Let it come out as it is."
    else:
        yield "on_progress raised, and run() went on. Let it come out: it cancels the call."
