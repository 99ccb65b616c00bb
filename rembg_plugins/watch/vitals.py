"""What the main thread does every now and then: status, heartbeat, room, a person's decisions."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from rembg_plugins.watch import health
from rembg_plugins.watch.ledger import day_of
from rembg_plugins.watch.parts import engine_id
from rembg_plugins.watch.states import PathState
from rembg_plugins.watch.systemd import Service
from rembg_plugins.watch.warned import ToLookAt, find_warned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rembg_plugins.watch.ledger import Ledger
    from rembg_plugins.watch.parts import Parts

Phase = Literal["running", "draining", "stopped"]

_POLL_S = 1.0
_TRIM_S = 60.0
_LOOK_S = 60.0
_MOST_NAMED = 20  # outputs that look wrong
_MONTH = len("2026-03")
_IN_NEED = {PathState.WAITING, PathState.READY}


@dataclass(slots=True, kw_only=True)
class Vitals:
    """Keeps a watcher's signs of life.

    Attributes:
        parts: Of the watcher.
        service: The service manager.
    """

    parts: Parts
    service: Service = field(default_factory=Service)
    _started: float = field(init=False)
    _due: dict[str, float] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
    _counted_at: int = -1
    _to_look_at: ToLookAt = field(default_factory=ToLookAt)
    _looked_at: int = -1
    _asking: threading.Thread = field(default_factory=threading.Thread)

    def __post_init__(self) -> None:
        self._started = self.parts.now()

    def tick(self, *, is_draining: bool) -> None:
        """What is to be done every now and then; called by the main thread, often."""
        if self._is_due("ledger", _POLL_S) and self.parts.ledger.has_changed():
            # A person has decided something: what was closed may be open now.
            self.parts.gate.reopen()
        if self._is_due("credits", _POLL_S) and not self._asking.is_alive():
            # In a thread of its own: an answer may take minutes, and signals and locks cannot.
            self._asking = threading.Thread(target=self.parts.gate.refresh, daemon=True)
            self._asking.start()
        if self._is_due("status", health.EVERY_S):
            self._beat()
            self._write_status("draining" if is_draining else "running")
            self.service.alive(self._line())
        if self._is_due("trim", _TRIM_S):
            self._trim()
            self.parts.ledger.heed_clock()

    def _beat(self) -> None:
        """Tell other machines that OUTBOX is ours; where it is away, nothing is paid for."""
        try:
            self.parts.lock.beat()
        except OSError as problem:
            self.parts.gate.output_failed(problem)

    def end(self) -> None:
        """Tell that it ends."""
        self.service.stopping()
        self._write_status("stopped")

    def _write_status(self, state: Phase) -> None:
        tally, today = self.parts.ledger.tally, day_of(self.parts.now())
        status = health.Status(
            inbox=self.parts.settings.folders.inbox,
            outbox=self.parts.settings.folders.outbox,
            engine=engine_id(self.parts.engine),
            is_paid=self.parts.is_paid,
            started=self._started,
            state=state,
            gate=self.parts.gate.state,
            queue=self._queue(),
            run=health.Spent(credits=tally.run["billed"], in_doubt=tally.run["in_doubt"]),
            today=_spent(self.parts.ledger, today),
            month=_spent(self.parts.ledger, today[:_MONTH]),
            scan=self.parts.finder.last_scan,
            to_look_at=self._look_at_outputs(),
            last_error=getattr(self.parts.report, "last_error", None),
        )
        health.write_status(self.parts.settings.folders.state, status, self.parts.now())

    def _queue(self) -> dict[str, int]:
        """How many there are of each kind; counted anew only where something has changed."""
        changes = self.parts.ledger.changes
        if changes != self._counted_at:
            self._counted_at = changes
            ledger = self.parts.ledger
            contents, paths = ledger.contents.states(), ledger.paths.states()
            self._counts = {
                **{f"contents.{state.name.lower()}": count for state, count in contents.items()},
                **{f"paths.{state.name.lower()}": count for state, count in paths.items()},
            }
        return self._counts

    def _look_at_outputs(self) -> ToLookAt:
        """What looks wrong: looked for anew where there may be more, and since people see to it."""
        notes = self.parts.workers.publisher.notes
        changes = notes.changes
        if self._is_due("outputs", _LOOK_S) or changes != self._looked_at:
            self._looked_at = changes
            outbox = self.parts.settings.folders.outbox
            self._to_look_at = find_warned(outbox, most=_MOST_NAMED)
        return self._to_look_at

    def _line(self) -> str:
        """One line on how it goes, for the service manager."""
        gate, run = self.parts.gate.state, self.parts.ledger.tally.run
        why = f" ({gate.reason})" if gate.reason else ""
        return f"{gate.kind}{why}: {run['published']} published, {run['failed']} failed"

    def _trim(self) -> None:
        """Make room for new cut-outs."""
        paths = self.parts.ledger.paths

        def is_needed(sha256: bytes) -> bool:
            # Of a name that waits, the cut-out may just have come.
            return any(row.state in _IN_NEED for row in paths.of_content(sha256))

        for sha256 in self.parts.spool.trim(is_needed):
            self.parts.ledger.contents.drop_cutout(sha256)

    def _is_due(self, what: str, every_s: float) -> bool:
        if self.parts.clock() < self._due.get(what, 0.0):
            return False
        self._due[what] = self.parts.clock() + every_s
        return True


@contextlib.contextmanager
def ticking(tick: Callable[[], None], every_s: float) -> Iterator[None]:
    """Do what is to be done every now and then in another thread, while this one is held up."""
    has_ended = threading.Event()

    def go_on() -> None:
        while not has_ended.wait(every_s):
            tick()

    thread = threading.Thread(target=go_on, name="rembg-plugins vitals", daemon=True)
    thread.start()
    try:
        yield
    finally:
        has_ended.set()
        thread.join()


def _spent(ledger: Ledger, days: str) -> health.Spent:
    """What was paid on the days that begin so."""
    return health.Spent(
        credits=ledger.tally.count("billed", days), in_doubt=ledger.tally.count("in_doubt", days)
    )
