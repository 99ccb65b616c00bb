"""The parts of a watcher, made of its settings, and put together."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rembg_plugins.core.assembly import build
from rembg_plugins.watch.chain import check_chain
from rembg_plugins.watch.decisions import retry
from rembg_plugins.watch.failing import Failures
from rembg_plugins.watch.filesystem import kind_of, prepare_leases
from rembg_plugins.watch.finder import Finder
from rembg_plugins.watch.gate import Gate
from rembg_plugins.watch.ledger import Ledger
from rembg_plugins.watch.lock import OutboxLock, OwnerLock
from rembg_plugins.watch.naming import Naming
from rembg_plugins.watch.notes import Notes
from rembg_plugins.watch.origin import Origin
from rembg_plugins.watch.originals import Originals
from rembg_plugins.watch.outbox import Outbox
from rembg_plugins.watch.publishing import Publisher
from rembg_plugins.watch.reading import NEEDS_TRANSCODE
from rembg_plugins.watch.recovery import Recovery
from rembg_plugins.watch.report import Remembering
from rembg_plugins.watch.selection import Selection
from rembg_plugins.watch.sending import Sender
from rembg_plugins.watch.settings import flag_of
from rembg_plugins.watch.spool import Spool
from rembg_plugins.watch.states import PathState
from rembg_plugins.watch.verdict import Judge
from rembg_plugins.watch.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from rembg_plugins.core.configuration import Configuration
    from rembg_plugins.core.engine import Engine
    from rembg_plugins.watch.news import GateState
    from rembg_plugins.watch.report import Report
    from rembg_plugins.watch.settings import WatchSettings

_MADE = "made"
_BOUNDS = ("budget", "min_credits")


def engine_id(engine: Engine) -> str:
    """What contents belong to: an engine's name and version."""
    return f"{engine.name} {engine.version}"


@dataclass(slots=True, kw_only=True)
class Parts:
    """Everything that a watcher is made of, from :meth:`open` on.

    Attributes:
        settings: What is wished.
        configuration: Of the engine.
        report: Told of everything.
        made: The engine, where it is made already.
        now: Gives the UNIX time in s.
        clock: Gives the time in s.
    """

    settings: WatchSettings
    configuration: Configuration
    report: Report | Remembering
    made: Engine | None = None
    now: Callable[[], float] = time.time
    clock: Callable[[], float] = time.monotonic
    engine: Engine = field(init=False)
    ledger: Ledger = field(init=False)
    spool: Spool = field(init=False)
    gate: Gate = field(init=False)
    finder: Finder = field(init=False)
    publisher: Publisher = field(init=False)
    workers: Workers = field(init=False)
    lock: OutboxLock = field(init=False)
    origin: Origin = field(init=False)
    look_again: threading.Event = field(default_factory=threading.Event)

    @property
    def is_paid(self) -> bool:
        """Whether the engine's pictures cost money."""
        return bool(getattr(self.engine, "paid", False))

    def open(self, stack: ExitStack, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """Take the locks, make the parts, and settle what a crash has left.

        Args:
            stack: Closes all of it again.
            sleep: Waits for so many s, while it is found out whether OUTBOX is in use.

        Raises:
            AlreadyWatched: Another watcher holds INBOX or OUTBOX.
            ConfigurationError: There is no engine, the ledger cannot be used, or outputs would
                come back to INBOX.
            OSError: The state folder or OUTBOX cannot be used.
        """
        folders, settings = self.settings.folders, self.settings
        self.report = Remembering(self.report, self.now)
        self.engine = self.made or build(self.configuration).engine
        stack.enter_context(OwnerLock(folders.state))
        lock = OutboxLock(
            folders.outbox, inbox=folders.inbox, sleep=sleep, on_wait=self.report.note
        )
        self.lock = stack.enter_context(lock)
        if self.lock.taken_over_from is not None:
            self.report.note(f"OUTBOX was taken over from {self.lock.taken_over_from}.")
        if (text := check_chain(folders.inbox, folders.outbox)) is not None:
            self.report.note(text)
        name = engine_id(self.engine)
        self.ledger = Ledger(folders.state, engine=name, is_paid=self.is_paid, now=self.now)
        stack.callback(self.ledger.close)
        self.spool = Spool(folders.state, engine=name, room=settings.room)
        for other in self.ledger.other_addresses():
            self.spool.take_over(other)
        self.ledger.take_over()
        self.ledger.heed_clock()
        self.origin = Origin(
            folders.outbox, inbox=folders.inbox, state=folders.state.parent, meta=self.ledger.meta
        )
        self._make_gate()
        self._make_workers()
        self._make_finder()

    def greet(self) -> None:
        """Tell that it has begun, and with what."""
        folders = self.settings.folders
        cost = "a credit a picture" if self.is_paid else "no credits"
        self.report.note(
            f"Watching {folders.inbox} for {folders.outbox}, with the engine {self.engine.name}: "
            f"{cost}. Ctrl-C ends it."
        )
        self._tell_of_idle_bounds()

    def _tell_of_idle_bounds(self) -> None:
        """Tell that bounds on what is spent mean nothing where nothing is."""
        bounds = [flag_of(one) for one in _BOUNDS if getattr(self.settings, one) is not None]
        if bounds and not self.is_paid:
            text = f"{' and '.join(bounds)} bound nothing: {self.engine.name} costs no credits."
            self.report.note(text)

    def _make_gate(self) -> None:
        settings, jobs = self.settings, self.settings.workers(is_paid=self.is_paid)
        ask = None
        if settings.min_credits is not None and self.is_paid:
            ask = self._ask_credits
        self.gate = Gate(
            jobs,
            self.ledger.meta,
            owner=self._owner(),
            delay=getattr(self.engine, "delay", None),
            min_credits=None if ask is None else settings.min_credits,
            ask_credits=ask,
            on_change=self._gate_changed,
            clock=self.clock,
            now=self.now,
        )

    def _owner(self) -> str:
        """Whose limits the gate remembers: another key has others; a digest tells no key."""
        key = self.configuration.api_key.value or self.configuration.user_token.value or ""
        return f"{engine_id(self.engine)} {hashlib.sha256(key.encode()).hexdigest()[:8]}"

    def _ask_credits(self) -> int | None:
        from rembg_plugins.api.account import Account  # noqa: PLC0415 - only where asked for

        return Account.configured(self.configuration).usage().remaining

    def _gate_changed(self, state: GateState) -> None:
        self.report.gate(state)
        self.ledger.wake()

    def _make_finder(self) -> None:
        folders, settings = self.settings.folders, self.settings
        prepare_leases()
        self.finder = Finder(
            inbox=folders.inbox,
            selection=Selection(
                include=settings.include,
                exclude=settings.exclude,
                recursive=settings.recursive,
                left_out=folders.left_out,
            ),
            paths=self.ledger.paths,
            filesystem=kind_of(folders.inbox),
            tell=lambda text, source: self.report.note(text, source=source),
            poll_s=settings.poll,
            settle_s=settings.settle,
            transcode=settings.transcode,
            hold=self.workers.sender.read.give,
            clock=self.clock,
            now=self.now,
        )

    def _make_workers(self) -> None:
        folders, settings = self.settings.folders, self.settings
        outbox = Outbox(folders.outbox, state=folders.state, clock=self.clock)
        judge = Judge(
            contents=self.ledger.contents,
            spool=self.spool,
            retry_doubts=settings.in_doubt == "retry-once" or not self.is_paid,
            now=self.now,
        )
        recovery = Recovery(
            self.ledger,
            self.spool,
            judge,
            engine=self.engine,
            accept_downscaled=settings.accept_downscaled,
        )
        originals = Originals(folders.inbox, settings.originals, done=folders.done)
        moves = settings.originals != "keep" or folders.failed_is_given
        notes = Notes(
            inbox=folders.inbox,
            failed=folders.failed,
            outbox=folders.outbox,
            aside=originals.aside if moves else None,
            now=self.now,
        )
        publisher = Publisher(
            ledger=self.ledger,
            spool=self.spool,
            outbox=outbox,
            naming=Naming(settings.name),
            originals=originals,
            notes=notes,
            report=self.report,
            options=settings.options,
            engine=self.engine.name,
            now=self.now,
            clock=self.clock,
        )
        sender = Sender(
            inbox=folders.inbox,
            ledger=self.ledger,
            spool=self.spool,
            gate=self.gate,
            judge=judge,
            recovery=recovery,
            outbox=outbox,
            engine=self.engine,
            budget=settings.budget,
            transcode=settings.transcode,
            accept_downscaled=settings.accept_downscaled,
            look_again=self.look_again.set,
            now=self.now,
            clock=self.clock,
        )
        failures = Failures(
            ledger=self.ledger,
            notes=notes,
            spool=self.spool,
            report=self.report,
            calls=publisher.calls,
        )
        self.workers = Workers(
            ledger=self.ledger,
            gate=self.gate,
            sender=sender,
            publisher=publisher,
            failures=failures,
            report=self.report,
            jobs=settings.workers(is_paid=self.is_paid),
            now=self.now,
        )
        self._settle(recovery, publisher)

    def _take_kinds_again(self) -> None:
        """Let the scan find what failed only since its kind was not re-encoded."""
        failed = self.ledger.paths.in_state(PathState.FAILED)
        places = [row.place for row in failed if row.code == NEEDS_TRANSCODE]
        if places:
            retry(self.ledger, self.settings.folders.inbox, places, force=False)

    def _settle(self, recovery: Recovery, publisher: Publisher) -> None:
        """Bring the ledger, the folders and the spool together, as a crash may have left them."""
        for place in publisher.originals.restore():
            text = "It was put back to where it lay, as a run before was ended in between."
            self.report.note(text, source=place.relative)
        was_there = publisher.outbox.sweep()
        if not was_there and self.ledger.meta.get(_MADE) == publisher.recipe.hex():
            text = "Outputs were published to OUTBOX, but no trace of that is there: is it mounted?"
            self.report.note(text)
        for content in recovery.run():
            for row in self.ledger.paths.of_content(content.sha256, limit=1):
                text = "A run before was ended while it was being sent: it may have been paid for."
                self.report.note(text, source=row.place.relative)
        if self.settings.transcode:
            self._take_kinds_again()
        if self.ledger.meta.get(_MADE) != publisher.recipe.hex():
            self.ledger.paths.make_again(publisher.recipe)
            self.ledger.meta[_MADE] = publisher.recipe.hex()
