"""The one path from a picture to its cut-out; every interface of this package takes it."""

from __future__ import annotations

import logging
import os
import random
import time
from typing import TYPE_CHECKING, BinaryIO

from rembg_plugins.core.cutout import coverage_of
from rembg_plugins.core.errors import APIError, ConfigurationError, RembgError
from rembg_plugins.core.expected_size import TOLERANCE
from rembg_plugins.core.memory import decoding
from rembg_plugins.core.plugins import default_manager, notify
from rembg_plugins.core.postprocess import holds_alpha, postprocess
from rembg_plugins.core.preparation import prepare
from rembg_plugins.core.resampling import resize
from rembg_plugins.core.result import Result
from rembg_plugins.core.retry import Retry, is_in_doubt, wait_before_repeat
from rembg_plugins.core.store import Store, join, key_of, split
from rembg_plugins.core.validation import check_result, is_downscaled, validate

if TYPE_CHECKING:
    from collections.abc import Callable

    import pluggy
    from PIL import Image

    from rembg_plugins.core.engine import Engine, OnProgress
    from rembg_plugins.core.options import Options
    from rembg_plugins.core.request import Request
    from rembg_plugins.core.result import Shown

_LONG_WAIT_S = 2.0  # from which on the user is told why nothing happens
_log = logging.getLogger(__name__)


class Adapter:
    """An engine with everything around it; safe to use from several threads.

    Args:
        engine: What cuts out.
        store: Where cut-outs are kept and looked up; None keeps none.
        retry: When to try again.
        manager: Whose hooks are told; those of this process by default.
        sleep: Waits some seconds; tests put their own here.
        clock: Gives the time in s; likewise.
        jitter: Gives a number from 0 to 1; likewise.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        store: Store | None = None,
        retry: Retry | None = None,
        manager: pluggy.PluginManager | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Put the parts together; nothing is opened yet."""
        if retry is not None and not isinstance(retry, Retry):
            message = f"retry must be a Retry, as in Retry(attempts=2), got: {retry!r}"
            raise ConfigurationError(message)
        self.engine = engine
        self.store = store
        self.retry = Retry() if retry is None else retry
        self._manager = default_manager() if manager is None else manager
        self._sleep = sleep
        self._clock = clock
        self._jitter = jitter

    def __repr__(self) -> str:
        return f"Adapter(engine={self.engine.name!r}, store={self.store!r})"

    def remove(
        self,
        source: object,
        options: Options | dict[str, object] | None = None,
        *,
        on_progress: OnProgress | None = None,
        sink: BinaryIO | None = None,
        transcode: bool = False,
        accept_downscaled: bool = False,
        fresh: bool = False,
        name: str | None = None,
        **changes: object,
    ) -> Result:
        """Remove the background of one picture.

        Args:
            source: A path, bytes, binary file, PIL image, ``data:`` URL or ``{"base64": ...}``.
            options: What to make of it.
            on_progress: Called for each piece that was sent or received; what it raises cancels
                the call and comes out as it is.
            sink: A binary file that gets the engine's answer before anything judges it, and is
                flushed when it has all of it; nothing where the store has the cut-out already.
            transcode: Re-encode kinds of pictures that the API does not take (TIFF, AVIF, ...).
            accept_downscaled: Take an answer that was shrunk to 460 × 460 px.
            fresh: Have it cut out anew, whatever the store holds; the new cut-out is kept.
            name: The file name, where the source has none.
            **changes: Single options, as in ``w=400``; they win over ``options``.

        Raises:
            ValidationError: Before anything is sent or spent.
            APIError: The API could not be used, or refused.
            ConfigurationError: The engine cannot work as configured.
        """
        request = validate(
            source,
            options,
            name=name,
            transcode=transcode,
            accept_downscaled=accept_downscaled,
            **changes,
        )
        if self.store is None and self.engine.native_options:
            return _in_format(self._run(request, on_progress, sink), request)
        cutout = self._cutout(request.full_size(), on_progress, sink, fresh=fresh)
        with decoding(cutout.size):
            return postprocess(cutout, request.options)

    def find(
        self,
        source: object,
        options: Options | dict[str, object] | None = None,
        *,
        transcode: bool = False,
        name: str | None = None,
    ) -> Result | None:
        """The same from the store alone, at no cost: None where it is not there.

        Args:
            source: As for :meth:`remove`.
            options: What to make of it.
            transcode: As for :meth:`remove`.
            name: The file name, where the source has none.

        Raises:
            ValidationError: The picture or an option breaks a rule.
        """
        request = validate(source, options, name=name, transcode=transcode)
        if self.store is None:
            return None
        key = key_of(request.source, self.engine)
        kept = self._kept(self.store, key, request.full_size())
        if kept is None:
            return None
        with decoding(kept.size):
            return postprocess(kept, request.options)

    def _cutout(
        self,
        request: Request,
        on_progress: OnProgress | None,
        sink: BinaryIO | None,
        *,
        fresh: bool,
    ) -> Result:
        """The full-size cut-out, from the store or by one engine call."""
        if self.store is None:
            return self._run(request, on_progress, sink)
        key = key_of(request.source, self.engine)
        # What is there is given without the lock; under it again, since another may have made it.
        kept = None if fresh else self._kept(self.store, key, request)
        if kept is not None:
            return kept
        with self.store.lock(key):
            kept = None if fresh else self._kept(self.store, key, request)
            if kept is not None:
                return kept
            made = self._run(request, on_progress, sink)
            try:
                with decoding(request.source.size):
                    return self._keep(self.store, key, request, made)
            except Exception as problem:  # noqa: BLE001 - whatever it is, the cut-out is paid for
                _log.warning("The cut-out is not kept in the store: %s", problem)
                return made

    def _kept(self, store: Store, key: str, request: Request) -> Result | None:
        """The full-size cut-out that the store has, if it has one."""
        with decoding(request.source.size):
            entry = store.get(key)
            if entry is None:
                return None
            return self._joined(join(prepare(request.source), entry), None)

    def _keep(self, store: Store, key: str, request: Request, made: Result) -> Result:
        """Put a new cut-out into the store; gives it as later calls will get it."""
        prepared = prepare(request.source)
        size = prepared.pixels.size
        off = [abs(ours - theirs) for ours, theirs in zip(size, made.size, strict=True)]
        if max(off) > TOLERANCE:  # shrunk, or lying on its side
            _log.warning("The cut-out is not kept in the store: it is not of the picture's size")
            return made
        entry = split(prepared, resize(made.image.convert("RGBA"), size))
        if key_of(request.source, self.engine) != key:
            _log.warning("The cut-out is not kept in the store: the source has changed meanwhile")
            return made
        store.put(key, entry)
        return self._joined(join(prepared, entry), made)

    def _joined(self, image: Image.Image, made: Result | None) -> Result:
        """The cut-out as a result; free of charge where it was not made just now."""
        return Result.from_image(
            image,
            format="PNG",
            engine=self.engine.name,
            sent="nothing" if made is None else made.sent,
            billed=False if made is None else made.billed,
            coverage=coverage_of(image.getchannel("A")),
            notes=() if made is None else made.notes,
        )

    def _run(
        self, request: Request, on_progress: OnProgress | None, sink: BinaryIO | None
    ) -> Result:
        """One good answer, by as many tries as the money rules allow."""
        rewind = _rewinder(sink)
        attempt = doubts = 0
        while True:
            attempt += 1
            began = self._clock()
            notify(self._manager, "rembg_before_request", request=request)
            try:
                result = self.engine.run(request, on_progress=on_progress, sink=sink)
            except RembgError as error:
                notify(self._manager, "rembg_on_error", request=request, error=error)
                if not isinstance(error, APIError):  # the set-up or the picture: never passes
                    raise
                wait = wait_before_repeat(
                    error, attempt=attempt, doubts=doubts, policy=self.retry, jitter=self._jitter
                )
                if wait is None:
                    raise
                doubts += is_in_doubt(error)
                error_text = str(error)
            else:
                return self._checked(request, result, self._clock() - began)
            if wait >= _LONG_WAIT_S:
                _log.warning("Waiting %.0f s before the next try: %s", wait, error_text)
            self._sleep(wait)
            rewind()

    def _checked(self, request: Request, result: Result, elapsed: float) -> Result:
        """The result, if it is what was asked for; no repeat here: it was paid for."""
        anonymous = getattr(self.engine, "anonymous", False)
        try:
            check_result(request, result, accept_downscaled=anonymous)
        except RembgError as error:
            notify(self._manager, "rembg_on_error", request=request, error=error)
            raise
        result = result.showing(_shown_by(request.options))
        if is_downscaled(request, result):
            result = result.with_note(_shrunk(result, anonymous=anonymous))
        notify(self._manager, "rembg_after_result", request=request, result=result, elapsed=elapsed)
        return result


def _rewinder(sink: BinaryIO | None) -> Callable[[], None]:
    """Undoes what a failed try wrote; bytes of the caller's behind its start are never cut off."""
    if sink is None or not sink.seekable():
        return lambda: None
    start = sink.tell()
    at_end = sink.seek(0, os.SEEK_END) == start
    sink.seek(start)

    def rewind() -> None:
        if sink.tell() != start:
            sink.seek(start)
            if at_end:
                sink.truncate()

    return rewind


def _shown_by(options: Options) -> Shown:
    """What the engine's answer shows, by the options that it was given."""
    if options.mask:
        return "mask"
    return "cut-out" if options.bg_color is None and holds_alpha(options) else "picture"


def _shrunk(result: Result, *, anonymous: bool) -> str:
    width, height = result.size
    why = "as without an API key" if anonymous else "as for an account without credits"
    return f"The picture was shrunk to {width} × {height} px, {why}."


def _in_format(result: Result, request: Request) -> Result:
    """The API's answer untouched, or re-encoded here where it has not the format asked for."""
    wanted = request.options.format
    if wanted is None or result.format == wanted:
        return result
    from rembg_plugins.core.options import Options  # noqa: PLC0415 - rare

    with decoding(result.size):
        return postprocess(result, Options(format=wanted))
