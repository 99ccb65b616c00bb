"""What a crash left: each content that was being sent is settled, before anything is sent."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from rembg_plugins.api.answer import picture_in
from rembg_plugins.core.answer_check import check_answer
from rembg_plugins.core.errors import NotAnImageError, RembgError
from rembg_plugins.core.expected_size import is_free_size
from rembg_plugins.core.header import read_header
from rembg_plugins.core.options import Options
from rembg_plugins.core.result import Result
from rembg_plugins.watch.states import ContentState
from rembg_plugins.watch.verdict import as_png

if TYPE_CHECKING:
    from rembg_plugins.core.engine import Engine
    from rembg_plugins.watch.content import Content
    from rembg_plugins.watch.ledger import Ledger
    from rembg_plugins.watch.spool import Spool
    from rembg_plugins.watch.verdict import Judge

_CRASH = "The process ended while it was being sent."


class Recovery:
    """Brings the ledger and the spool together.

    Args:
        ledger: Held by its owner's lock: nobody else may be sending.
        spool: What was received.
        judge: Puts down what is found.
        engine: Whose answers they are.
        accept_downscaled: Whether answers that were shrunk to 460 × 460 px are welcome.
    """

    def __init__(
        self,
        ledger: Ledger,
        spool: Spool,
        judge: Judge,
        *,
        engine: Engine,
        accept_downscaled: bool = False,
    ) -> None:
        """Nothing is looked at yet."""
        self._ledger = ledger
        self._spool = spool
        self._judge = judge
        self._engine = engine
        self._accept_downscaled = accept_downscaled or getattr(engine, "anonymous", False)

    def run(self) -> list[Content]:
        """Settle every content that a crash has left in SENDING.

        Returns:
            Those of which nobody can know whether they were paid for.
        """
        if not self._ledger.meta.get("cutouts"):
            self._adopt()
        if not self._judge.retry_doubts:
            self._ledger.contents.park_doubts()
        left = self._ledger.contents.in_state(ContentState.SENDING)
        lost = [content for content in left if not self.settle(content)]
        self._spool.sweep()
        return lost

    def settle(self, content: Content) -> bool:
        """Take the answer of a call that did not get to its end, if it is in the spool.

        Returns:
            Whether it is; if not, the content is in doubt from here on.
        """
        received = self._spool.answer(content.sha256) or self._spool.cutout(content.sha256)
        if received is None:
            self._spool.forget_part(content.sha256)
            self._judge.doubtful(content, code="interrupted", reason=_CRASH)
            return False
        try:
            self._judge.good(content, self._checked(received, content.size_px))
        except RembgError as error:
            self._judge.bad(content, error)
        return True

    def _checked(self, received: bytes, sent_px: tuple[int, int] = (0, 0)) -> Result:
        """What was received, if it is of use; of 0 x 0 px where nobody knows what was sent."""
        picture = picture_in(received)
        free = not getattr(self._engine, "paid", False) or getattr(self._engine, "anonymous", False)
        result = Result.from_bytes(
            received if picture is None else picture,
            engine=self._engine.name,
            sent="nothing" if free else "all",
            billed=not free,
        )
        if picture is None:
            message = f"The answer is no picture, but {len(received)} bytes of something else."
            raise NotAnImageError(message, sent="all", billed=result.billed, result=result)
        check_answer(
            result,
            sent_px if all(sent_px) else result.size,
            Options(format="PNG"),
            accept_downscaled=self._accept_downscaled,
        )
        return result

    def _adopt(self) -> None:
        """Let a ledger that is new know the cut-outs that an earlier one has left beside it."""
        contents = self._ledger.contents
        for sha256 in self._spool.unjudged():
            if contents.get(sha256) is not None:
                continue
            with contextlib.suppress(RembgError):
                result = self._checked(self._spool.answer(sha256) or b"")
                if self._accept_downscaled or not is_free_size(result.size):
                    self._spool.keep(sha256, as_png(result))
        for sha256, path in self._spool.kept():
            with path.open("rb") as file:
                header = read_header(file)
            if header is not None:
                contents.adopt(sha256, header.size)
        self._ledger.meta["cutouts"] = "known"
