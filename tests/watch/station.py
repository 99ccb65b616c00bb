"""A watcher's parts in this process: real folders and ledger, an engine that a test leads."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections import Counter
from pathlib import Path

from sandbox.running import NOON
from watch.feeding import photo
from watch.rows import Clock

from rembg_plugins.core.configuration import configure
from rembg_plugins.core.result import Result
from rembg_plugins.sandbox.keys import GOOD_KEY
from rembg_plugins.testing.offline import OfflineEngine
from rembg_plugins.watch.configuration import read_settings
from rembg_plugins.watch.parts import Parts
from rembg_plugins.watch.reading import take
from rembg_plugins.watch.records import Place, Stamp

PATIENCE_S = 60  # for what takes a moment; nothing ever waits so long if all is well
LONG_AT_REST_S = 1e6


class Ears:
    """A report that keeps what it was told."""

    def __init__(self):
        """Nothing was told yet."""
        self.pictures, self.gates, self.notes, self.summaries = [], [], [], []
        self.changed = threading.Condition()

    def picture(self, news):
        """Of one picture."""
        self._keep(self.pictures, news)

    def gate(self, state):
        """Of the gate."""
        self._keep(self.gates, state)

    def note(self, text, **facts):
        """Of anything else."""
        self._keep(self.notes, (text, facts))

    def summary(self, summary):
        """Of all."""
        self._keep(self.summaries, summary)

    def until(self, condition):
        """Wait for news that make something true, and give it."""
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE_S), f"never came true: {condition}"
            return condition()

    @property
    def statuses(self):
        """What became of the pictures: how many of each."""
        return Counter(news.status for news in self.pictures)

    def _keep(self, where, what):
        with self.changed:
            where.append(what)
            self.changed.notify_all()


class Scripted(OfflineEngine):
    """An oval for a credit; does what its script says about each call.

    Attributes:
        script: By the call's number from 1 on, or ``each``: an error to raise, a function that is
            called with the request and may give an answer of its own, or the bytes of an answer.
        calls: The digest of each picture that it got.
    """

    name = "scripted"
    paid = True

    def __init__(self):
        """No call came yet."""
        self.script, self.calls = {}, []
        self._lock = threading.Lock()

    def run(self, request, *, on_progress=None, sink=None):
        """Do what the script says, else give an oval that cost a credit."""
        with request.source.open() as file:
            sha256 = hashlib.sha256(file.read()).digest()
        with self._lock:
            self.calls.append(sha256)
            step = self.script.get(len(self.calls), self.script.get("each"))
        if isinstance(step, BaseException):
            raise step
        answer = step(request) if callable(step) else step
        if answer is not None:
            sink.write(answer)
            sink.flush()
        else:
            answer = super().run(request, sink=sink).content
        sent = "all" if self.paid else "nothing"
        return Result.from_bytes(answer, engine=self.name, sent=sent, billed=self.paid)


class Door:
    """Holds who comes through until the test lets it go on; every wait is bounded."""

    def __init__(self):
        """It is shut, and nobody came."""
        self._came, self._open = threading.Semaphore(0), threading.Event()

    def __call__(self, *_):
        """Come, and wait."""
        self._came.release()
        assert self._open.wait(PATIENCE_S)

    def until_reached(self, times=1):
        """Wait until so many have come."""
        for _ in range(times):
            assert self._came.acquire(timeout=PATIENCE_S)

    def open(self):
        """Let all go on."""
        self._open.set()


class Station:
    """INBOX, OUTBOX and the state folder, and the parts of a watcher for them.

    Attributes:
        clock: Both clocks of the parts; stands still.
        ears: What the parts told.
        parts: After :meth:`open`.
    """

    def __init__(self, root, *, engine, sandbox=None):
        """Nothing is opened yet."""
        self.root, self.engine, self.sandbox = Path(os.path.realpath(root)), engine, sandbox
        self.inbox, self.outbox = self.root / "in", self.root / "out"
        self.inbox.mkdir()
        self.clock, self.ears = Clock(NOON), Ears()
        self.parts = None
        self._stack = contextlib.ExitStack()

    def settings(self, **arguments):
        """The settings of a run."""
        given = {"state": self.root / "state", "settle": "0", "poll": "0.1", "format": "PNG"}
        return read_settings(self.inbox, self.outbox, given | arguments, environ={})

    def configuration(self, **changes):
        """That of the engine."""
        given = {"engine": self.engine, "rate": "off", "environ": {}}
        if self.sandbox is not None:
            url = self.sandbox.url
            given |= {"api_url": f"{url}/rmbg", "usage_url": f"{url}/api/membership-usage"}
            given |= {"api_key": GOOD_KEY}
        return configure(**(given | changes))

    def unopened(self, *, configuration=None, **arguments):
        """Parts that are not opened, on the real clocks: for a watcher, which opens them."""
        return Parts(
            settings=self.settings(**arguments),
            configuration=self.configuration(**(configuration or {})),
            report=self.ears,
        )

    def open(self, *, configuration=None, **arguments):
        """The parts of a run that begins; of an earlier one nothing is left but what is on disk."""
        self.close()
        self.parts = Parts(
            settings=self.settings(**arguments),
            configuration=self.configuration(**(configuration or {})),
            report=self.ears,
            now=self.clock,
            clock=self.clock,
        )
        self.parts.open(self._stack)
        return self.parts

    def close(self):
        """As the run's end does."""
        self._stack.close()
        self.parts = None

    def feed(self, name, content=None, *, seed=None):
        """Put a picture into INBOX, and give its bytes."""
        content = photo(name if seed is None else seed) if content is None else content
        path = Path(place_of(name).below(self.inbox))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return content

    def find(self, *names):
        """Put files into the ledger as the finder does."""
        self.parts.ledger.paths.add([self.taken(name) for name in names])

    def taken(self, name, *, hold=None):
        """A file as the finder reads it."""
        place = place_of(name)
        stamp = Stamp.of(os.lstat(place.below(self.inbox)))
        return take(self.inbox, place, stamp, rested_s=LONG_AT_REST_S, hold=hold)

    def fed(self, name, content=None, **how):
        """Put a picture into INBOX and into the ledger, and give the digest of its bytes."""
        content = self.feed(name, content, **how)
        self.find(name)
        return hashlib.sha256(content).digest()

    def found(self, name, content=None, **how):
        """As ``fed``, but the finder has only just read it, and whoever sends it gets its bytes."""
        content = self.feed(name, content, **how)
        sha256 = hashlib.sha256(content).digest()
        self.parts.ledger.paths.add([self.taken(name, hold=self.parts.finder.hold)])
        return sha256

    def work(self):
        """Let a worker do all that can be done now."""
        while self.parts.workers.step():
            pass

    def content(self, sha256):
        """The row of some bytes."""
        return self.parts.ledger.contents.get(sha256)

    def row(self, name):
        """The row of a name."""
        return self.parts.ledger.paths.get(place_of(name))

    def outputs(self):
        """The files in OUTBOX by name; our own aside."""
        return _files(self.outbox, without=".rembg-plugins")

    def originals(self):
        """The files in INBOX by name."""
        return _files(self.inbox)

    @property
    def bills(self):
        """How often each content was paid for, by the sandbox's own count."""
        return {bytes.fromhex(key): n for key, n in self._calls()["billed"].items()}

    @property
    def sent(self):
        """The digests of the pictures that the sandbox got, in their order."""
        calls = self._calls()["calls"]
        return [call["sha256"] for call in calls if call["endpoint"] == "/rmbg"]

    def _calls(self):
        return self.sandbox.get("/_sandbox/calls").json()


def place_of(name):
    """The place of a name, which need not be text."""
    folder, _, file = os.fsencode(name).rpartition(b"/")
    return Place(folder, file)


def refuse_writing(ledger):
    """Let nothing more be written to a ledger, as if its disk had become read-only."""
    ledger._database._writer.execute("PRAGMA query_only = ON")


def _files(folder, *, without=None):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and without not in path.parts
    }


def until(condition):
    """Look until something holds, and give it."""
    end = time.monotonic() + PATIENCE_S
    look = threading.Event()
    while not (found := condition()):
        assert time.monotonic() < end, f"never came true: {condition}"
        look.wait(0.01)
    return found
