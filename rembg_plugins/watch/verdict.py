"""What a call's end means for its content: the arrows that leave SENDING."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rembg_plugins.core.errors import APIResponseError, DownscaledResultError, RembgError
from rembg_plugins.core.header import read_header
from rembg_plugins.core.outcomes import outcome
from rembg_plugins.core.retry import is_in_doubt
from rembg_plugins.watch.failpoints import reached
from rembg_plugins.watch.states import ContentState

if TYPE_CHECKING:
    from collections.abc import Callable

    from rembg_plugins.core.result import Result
    from rembg_plugins.watch.content import Content
    from rembg_plugins.watch.contents import Contents
    from rembg_plugins.watch.spool import Spool

DOUBT_WAIT_S = 5.0
"""How long before a call that may have been billed is made a second time, in s."""

_LONGEST_WAIT_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Puts down how calls ended.

    Attributes:
        contents: Where.
        spool: What was received.
        retry_doubts: Whether a call that may have been billed is made once more.
        now: Gives the UNIX time in s.
    """

    contents: Contents
    spool: Spool
    retry_doubts: bool
    now: Callable[[], float] = time.time

    def good(self, content: Content, result: Result) -> None:
        """The answer is what was asked for: from here on it cannot be lost.

        Raises:
            OSError: The disk of the spool is full; the answer stays where it is.
        """
        self.spool.keep(content.sha256, as_png(result))
        self.contents.cut(content.sha256, billed=result.billed)
        reached("cut")

    def bad(self, content: Content, error: RembgError) -> ContentState:
        """There is no picture, for a reason that has a class.

        Returns:
            Where the content stands now.
        """
        sha256, reason, code = content.sha256, str(error), code_of(error)
        if isinstance(error, DownscaledResultError):
            self._put_away(content, error)
            self.contents.park(sha256, billed=error.billed, code=code, reason=reason)
            return ContentState.PARKED
        # An answer that came is no doubt: whether it was billed is known, and it is the answer.
        if is_in_doubt(error) and not isinstance(error, APIResponseError):
            return self.doubtful(content, code=code, reason=reason)
        if self._passes(error):
            self.contents.requeue(sha256, not_before=self._when(content, error), how=reason)
            return ContentState.QUEUED
        self._put_away(content, error)
        self.contents.fail(
            sha256, billed=error.billed, code=code, reason=reason, status=error.status
        )
        return ContentState.FAILED

    def doubtful(self, content: Content, *, code: str, reason: str) -> ContentState:
        """Nobody can know whether the call was billed.

        Returns:
            Where the content stands now.
        """
        return self.contents.doubt(
            content.sha256,
            retry=self.retry_doubts,
            not_before=self.now() + DOUBT_WAIT_S,
            code=code,
            reason=reason,
        )

    def _passes(self, error: RembgError) -> bool:
        """Whether the same picture may be sent again: nothing of this is its own fault."""
        if error.billed is not False or isinstance(error, APIResponseError):
            return False
        return outcome(error).watcher != "fail"

    def _when(self, content: Content, error: RembgError) -> float:
        """When it may be sent again; what concerns all pictures is the gate's to wait for."""
        if outcome(error).watcher != "retry":
            return content.not_before
        return self.now() + min(_LONGEST_WAIT_S, 2.0 ** min(content.sends, 16))

    def _put_away(self, content: Content, error: RembgError) -> None:
        received = None if error.result is None else error.result.content
        self.spool.refuse(content.sha256, received)


def code_of(error: BaseException) -> str:
    """A short name of what went wrong, for programs."""
    if isinstance(error, RembgError) and error.errors:
        return error.errors[0].code
    return outcome(error).form_code


def as_png(result: Result) -> bytes:
    """The cut-out as it is kept: the bytes as they came, if they are a PNG."""
    header = read_header(io.BytesIO(result.content))
    if header is not None and header.format == "PNG":
        return result.content
    from rembg_plugins.core.options import Options  # noqa: PLC0415 - rare
    from rembg_plugins.core.postprocess import postprocess  # noqa: PLC0415 - loads Pillow

    return postprocess(result, Options(format="PNG")).content
