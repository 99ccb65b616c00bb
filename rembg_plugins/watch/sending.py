"""One call for one content, from the bytes in INBOX to the answer on disk."""

from __future__ import annotations

import hashlib
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rembg_plugins.core.adapter import Adapter
from rembg_plugins.core.errors import APIError, RembgError
from rembg_plugins.core.retry import Retry
from rembg_plugins.watch.content import Begin
from rembg_plugins.watch.failpoints import is_armed, reached
from rembg_plugins.watch.handover import Handover
from rembg_plugins.watch.ledger import day_of
from rembg_plugins.watch.reading import is_as_stamped, read_whole
from rembg_plugins.watch.states import ContentState, PathState

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rembg_plugins.core.engine import Engine, OnProgress, ProgressEvent
    from rembg_plugins.core.result import Result
    from rembg_plugins.watch.budget import Budget
    from rembg_plugins.watch.content import Content
    from rembg_plugins.watch.gate import Gate
    from rembg_plugins.watch.ledger import Ledger
    from rembg_plugins.watch.outbox import Outbox
    from rembg_plugins.watch.records import Place
    from rembg_plugins.watch.recovery import Recovery
    from rembg_plugins.watch.spool import Answer, Spool
    from rembg_plugins.watch.verdict import Judge

UNREAD_S = 30.0
"""How long until a picture that could not be read is tried again, in s."""

HOLD_S = 5.0
"""How long until a paid answer that could not be written is written again, in s."""

_MOST_UNREAD = 1000
_HALF = 0.5
_FULL = "PNG"  # every option cleared, and nothing lost: options are applied to that, later


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a call came to.

    Attributes:
        state: Where its content stands now; None where there was no call.
        credits: Billed for certain.
        in_doubt: Calls of which nobody can know.
        elapsed_s: How long it took, in s.
        error: Why there is no picture.
    """

    state: ContentState | None = None
    credits: int = 0
    in_doubt: int = 0
    elapsed_s: float = 0.0
    error: RembgError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Sends contents; used by several threads.

    Attributes:
        inbox: Where the pictures lie.
        ledger: Where each step is committed.
        spool: Where answers go.
        gate: Told of each call's beginning and end.
        judge: Puts down how calls ended.
        recovery: Looks after a call that ended in a way that has no class.
        outbox: Asked for its room before anything is paid for.
        engine: Cuts out.
        budget: What may be spent.
        transcode: See :meth:`Adapter.remove`.
        accept_downscaled: Likewise.
        look_again: Asks for a new scan, since a file is not as the last one saw it.
        now: Gives the UNIX time in s.
        clock: Gives the time in s.
        read: Pictures that the finder has just read and hashed.
        stopped: Set when a run ends, however much is under way.
        unread: Files that could not be read when they were to be sent.
    """

    inbox: Path
    ledger: Ledger
    spool: Spool
    gate: Gate
    judge: Judge
    recovery: Recovery
    outbox: Outbox
    engine: Engine
    budget: Budget | None = None
    transcode: bool = False
    accept_downscaled: bool = False
    look_again: Callable[[], None] = lambda: None
    now: Callable[[], float] = time.time
    clock: Callable[[], float] = time.monotonic
    read: Handover = field(default_factory=Handover)
    stopped: threading.Event = field(default_factory=threading.Event)
    unread: dict[Place, OSError] = field(default_factory=dict)

    def send(self, content: Content) -> Call:
        """Make a call, unless something speaks against it just now.

        The gate has been told already that one begins.
        """
        with ExitStack() as stack:
            answer, picture = None, None
            try:
                picture = self._picture(content)
                if picture is not None:
                    answer = self._opened(content, len(picture), stack)
                if answer is not None and not self._may_begin(content):
                    answer = None
            finally:
                if answer is None:
                    self.gate.cancel()
            if answer is None or picture is None:
                return Call()
            return self._make(content, picture, answer)

    def _make(self, content: Content, picture: bytes, answer: Answer) -> Call:
        """The call, of which the ledger knows that it begins."""
        began = self.clock()
        before = self.ledger.contents.get(content.sha256) or content
        # Should anything else go wrong, nobody knows whether it was billed.
        end: RembgError | None = APIError("The call was not brought to its end", billed=None)
        try:
            state, end = self._call(before, picture, answer)
        finally:
            self.gate.end(end)
        after = self.ledger.contents.get(content.sha256) or before
        return Call(
            state=state,
            credits=after.billed - before.billed,
            in_doubt=after.in_doubt - before.in_doubt,
            elapsed_s=self.clock() - began,
            error=end,
        )

    def _opened(self, content: Content, length: int, stack: ExitStack) -> Answer | None:
        """The sink, if there is room: nothing is paid for that could not be written."""
        try:
            # Calls under way need room as well: each may be about to be written.
            self.outbox.check(length * max(1, self.gate.state.running))
            return stack.enter_context(self.spool.receiving(content.sha256))
        except OSError as problem:
            self.gate.output_failed(problem)
            return None

    def _picture(self, content: Content) -> bytes | None:
        """The very bytes that were hashed, of whichever name still has them."""
        held = self.read.take(content.sha256)
        for row in self.ledger.paths.of_content(content.sha256):
            if row.state is not PathState.WAITING:
                continue
            if held is not None and is_as_stamped(self.inbox, row.place, row.stamp):
                self.unread.pop(row.place, None)
                return held
            try:
                picture = read_whole(self.inbox, row.place)
            except OSError as problem:  # the scan finds out whether it is gone, or INBOX is away
                if len(self.unread) >= _MOST_UNREAD:
                    self.unread.clear()
                self.unread[row.place] = problem
                continue
            self.unread.pop(row.place, None)
            if hashlib.sha256(picture).digest() == content.sha256:
                return picture
            self.ledger.paths.look_again(row.place)
            self.look_again()
        self.ledger.contents.put_off(content.sha256, not_before=self.now() + UNREAD_S)
        self.look_again()
        return None

    def _may_begin(self, content: Content) -> bool:
        """Commit that it is sent, unless that could pass the budget."""
        limit = None if self.budget is None else self.budget.limit
        now = self.now()
        window = None if self.budget is None else self.budget.window(now)
        begin = self.ledger.contents.begin(
            content.sha256, limit=limit, window=window, day=day_of(now)
        )
        if begin is Begin.SPENT and self.budget is not None:
            self.gate.budget_spent(self.budget.until(now))
        if begin is Begin.BEGUN:
            reached("sending")
        return begin is Begin.BEGUN

    def _call(
        self, content: Content, picture: bytes, answer: Answer
    ) -> tuple[ContentState, RembgError | None]:
        try:
            result = self._cut_out(content, picture, answer)
            answer.flush()
            self._keep(content, result)
        except RembgError as error:
            return self.judge.bad(content, error), error
        except BaseException:
            # A bug, or no memory left: what was paid for is in the spool all the same.
            self.recovery.settle(content)
            raise
        return ContentState.CUT, None

    def _keep(self, content: Content, result: Result) -> None:
        """Make a paid answer last; where the disk is full, it is held until there is room."""
        while True:
            try:
                self.judge.good(content, result)
            except OSError as problem:
                self.gate.output_failed(problem)
                if self.stopped.wait(HOLD_S):
                    raise
            else:
                return

    def _cut_out(self, content: Content, picture: bytes, answer: Answer) -> Result:
        row = self.ledger.paths.of_content(content.sha256, limit=1)
        adapter = Adapter(self.engine, retry=Retry.NONE)
        return adapter.remove(
            picture,
            name=row[0].place.below("") if row else None,
            format=_FULL,
            sink=answer,  # type: ignore[arg-type]  # a binary file that is only written to
            on_progress=_watch_for_failpoints(),
            transcode=self.transcode,
            accept_downscaled=self.accept_downscaled,
        )


def _watch_for_failpoints() -> OnProgress | None:
    """Follows the upload where a test wants the process killed in it."""
    if not is_armed("half_sent", "sent"):
        return None

    def follow(event: ProgressEvent) -> None:
        if event.direction == "upload" and (event.progress or 0) >= _HALF:
            reached("half_sent")
        if event.direction == "upload" and event.progress == 1:
            reached("sent")

    return follow
