"""The threads that send and publish: each takes the next thing that can be done."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rembg_plugins.core.outcomes import outcome
from rembg_plugins.watch.news import PictureNews
from rembg_plugins.watch.paths import WORK
from rembg_plugins.watch.publishing import AGAIN_S
from rembg_plugins.watch.states import ContentState, PathState

if TYPE_CHECKING:
    from collections.abc import Callable

    from rembg_plugins.watch.content import Content
    from rembg_plugins.watch.failing import Failures
    from rembg_plugins.watch.gate import Gate
    from rembg_plugins.watch.ledger import Ledger
    from rembg_plugins.watch.path_row import PathRow
    from rembg_plugins.watch.publishing import Publisher
    from rembg_plugins.watch.records import Place
    from rembg_plugins.watch.report import Report
    from rembg_plugins.watch.sending import Call, Sender

WORKER = "rembg-plugins worker"
"""The name of threads that may be left running at the end."""

_LOOK_S = 1.0  # how long to wait at most until the next look for something to do


@dataclass(slots=True, kw_only=True)
class Workers:
    """A pool; what is paid for is published before anything more is sent.

    Attributes:
        ledger: Says what is to be done.
        gate: Says whether anything may be sent.
        sender: Sends.
        publisher: Publishes.
        failures: Sees to names that failed.
        report: Told of what is no end.
        jobs: How many threads there are.
        now: Gives the UNIX time in s.
        is_draining: Whether nothing new is sent.
        is_stopped: Whether nothing new is begun at all.
        problem: What no picture is to blame for, and ended a thread.
        sending: The contents that are under way.
        put_off: The names for which something could not be done, until it can be.
    """

    ledger: Ledger
    gate: Gate
    sender: Sender
    publisher: Publisher
    failures: Failures
    report: Report
    jobs: int
    now: Callable[[], float] = time.time
    is_draining: bool = False
    is_stopped: bool = False
    problem: BaseException | None = None
    sending: dict[bytes, Content] = field(default_factory=dict)
    put_off: dict[Place, OSError] = field(default_factory=dict)
    _places: set[Place] = field(default_factory=set)
    _publish_again: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Let the threads begin."""
        for _ in range(self.jobs):
            thread = threading.Thread(target=self._work, name=WORKER, daemon=True)
            self._threads.append(thread)
            thread.start()

    def drain(self) -> None:
        """Send nothing more; what is under way is finished, and published."""
        self.is_draining = True
        self.ledger.wake()

    def stop(self) -> None:
        """Begin nothing more at all."""
        self.is_draining = self.is_stopped = True
        self.sender.stopped.set()
        self.ledger.wake()

    @property
    def are_busy(self) -> bool:
        """Whether anything is under way."""
        with self._lock:
            return bool(self.sending or self._places)

    @property
    def are_idle(self) -> bool:
        """Whether nothing is under way, and nothing can be done without a call."""
        with self._lock:
            if self.sending or self._places:
                return False
            return self.ledger.paths.next_to_do(may_publish=self._may_publish) is None

    @property
    def are_alive(self) -> bool:
        """Whether there are threads that go on."""
        return any(thread.is_alive() for thread in self._threads)

    @property
    def troubles(self) -> dict[Place, OSError]:
        """What could not be read, written or put away, and is tried again later."""
        return {**self.sender.unread, **self.put_off}

    def _work(self) -> None:
        try:
            while not self.is_stopped:
                changes = self.ledger.changes
                if self.step():
                    continue
                if self.is_draining:
                    break
                self.ledger.wait(changes, min(_LOOK_S, self.gate.wait_s() or _LOOK_S))
        except BaseException as problem:  # noqa: BLE001 - the main thread tells of it
            self.problem = self.problem or problem
            self.stop()
        self.ledger.wake()

    def step(self) -> bool:
        """Do the next thing; gives whether there was one."""
        row = self._take_row()
        if row is not None:
            self._see_to(row)
            return True
        content = self._take_content()
        if content is None:
            return False
        call = None
        try:
            before = self.ledger.paths.of_content(content.sha256, limit=1)
            call = self.sender.send(content)
            self._tell(content, call)
            after = self.ledger.paths.of_content(content.sha256)
            if before and not after:
                self._tell_of_vanished(before[0].place, call)
            for one in after:
                if (row := self._claim(one.place)) is not None:
                    self._see_to(row)
        finally:
            with self._lock:
                del self.sending[content.sha256]
            if call is None or call.state is not None:  # else nothing has changed for anybody
                self.ledger.wake()
        return call.state is not None

    @property
    def _may_publish(self) -> bool:
        return self.now() >= self._publish_again

    def _take_row(self) -> PathRow | None:
        with self._lock:
            if self.is_draining:  # what lies in the ledger is safe there
                return None
            row = self.ledger.paths.next_to_do(self._places, may_publish=self._may_publish)
            if row is not None:
                self._places.add(row.place)
            return row

    def _claim(self, place: Place) -> PathRow | None:
        """Take the row of a name, if it is work and nobody has it."""
        with self._lock:
            if self.is_stopped or place in self._places:
                return None
            row = self.ledger.paths.get(place)
            if row is None or row.state not in WORK:
                return None
            self._places.add(place)
            return row

    def _take_content(self) -> Content | None:
        with self._lock:
            if self.is_draining or self.gate.wait_s() != 0:
                return None
            content = self.ledger.contents.next_to_send(self.sending)
            if content is None or not self.gate.begin():
                return None
            self.sending[content.sha256] = content
            return content

    def _see_to(self, row: PathRow) -> None:
        """Publish, dispose of or put aside a row that was taken."""
        place = row.place
        try:
            if row.state is PathState.READY:
                row = self._publish(row)
            if row.state is PathState.PUBLISHED:
                self.publisher.dispose(row)
            elif row.state is PathState.FAILING:
                self.failures.see_to(row)
            self.put_off.pop(place, None)
        except OSError as problem:
            self._postpone(row, problem)
        finally:
            with self._lock:
                self._places.discard(place)

    def _publish(self, row: PathRow) -> PathRow:
        """Write an output; gives the row as it is then, which may be that of other bytes."""
        if self.publisher.publish(row):
            self.gate.output_ok()
        return self.ledger.paths.get(row.place) or row

    def _postpone(self, row: PathRow, problem: OSError) -> None:
        """What the disk refuses is tried again later; nothing is sent while outputs fail."""
        later = self.now() + AGAIN_S
        self.ledger.paths.postpone(row.place, not_before=later, reason=str(problem))
        was_put_off = row.place in self.put_off
        self.put_off[row.place] = problem
        if row.state is PathState.READY:
            self._publish_again = later
            self.gate.output_failed(problem)
        elif not was_put_off:
            text = f"It could not be put away, and stays where it is for now: {problem}"
            self.report.note(text, source=row.place.relative)

    def _tell_of_vanished(self, place: Place, call: Call) -> None:
        """Name a picture that was removed during its call: nothing else would tell what it cost."""
        if call.state is None:  # there was none
            return
        kept = "its cut-out is kept, should it come back."
        end = kept if call.state is ContentState.CUT else f"and there is no cut-out: {call.error}"
        self.report.note(
            f"It was removed from INBOX while it was sent; {end}",
            source=place.relative,
            credits=call.credits,
            in_doubt=call.in_doubt,
        )

    def _tell(self, content: Content, call: Call) -> None:
        """Tell of a call that did not lead to its end."""
        if call.state in {ContentState.CUT, ContentState.FAILED}:
            self.publisher.calls[content.sha256] = call
        elif call.state is not None:
            for row in self.ledger.paths.of_content(content.sha256, limit=1):
                self.report.picture(
                    PictureNews(
                        source=row.place.relative,
                        status="parked" if call.state is ContentState.PARKED else "again",
                        sha256=content.sha256,
                        credits=call.credits,
                        in_doubt=call.in_doubt,
                        error=call.error,
                        code=None if call.error is None else outcome(call.error).form_code,
                        elapsed_s=call.elapsed_s,
                    )
                )
