"""The command ``watch`` and the sandbox, each a process of its own, and what a test may do to them.

A test drives the command as an operator would: by options, signals, files and ``ledger``. What
was sent and what was paid for, the sandbox tells.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from watch.billing import KEY, OURS, PATIENCE_S, Sandbox, environment
from watch.feeding import photo

_LOOK = 0.02  # s between two looks at what another process does
_PRCTL_DROP = 24
_RIGHTS_OVER_FILES = (1, 2)  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, which root has


def until(condition, *, patience_s=PATIENCE_S):
    """Look until something holds, and give it."""
    end = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < end, f"never came true: {condition}"
        threading.Event().wait(_LOOK)
    return found


@functools.cache
def _shared_sandbox():
    sandbox = Sandbox()
    atexit.register(sandbox.stop)
    return sandbox


def without_rights_over_files():
    """Let the permissions of files hold for root too; for ``preexec_fn``."""
    libc = ctypes.CDLL(None)
    for right in _RIGHTS_OVER_FILES:
        libc.prctl(_PRCTL_DROP, right, 0, 0, 0)


class Watch:
    """The command, running; it writes JSON into a file, so that nobody has to read it."""

    def __init__(self, command, log, *, env, **settings):
        """Start it."""
        self.log = log
        self._errors = log.with_suffix(".err")
        with log.open("wb") as lines, self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=lines, stderr=errors, env=env, **settings
            )

    @property
    def said(self):
        """All objects that it has written."""
        lines = self.log.read_bytes().split(b"\n")[:-1]
        return [json.loads(line) for line in lines]

    def of(self, kind, /, **facts):
        """Those of a type, with such facts."""
        return [
            one
            for one in self.said
            if one["type"] == kind and all(one[name] == value for name, value in facts.items())
        ]

    @property
    def errors(self):
        """What it wrote to standard error."""
        return self._errors.read_text(errors="replace")

    @property
    def summary(self):
        """Its last object."""
        return self.of("summary")[-1]

    def until(self, condition, *, patience_s=PATIENCE_S):
        """Look until something holds; it must not end before."""

        def look():
            found = condition()
            assert found or self.process.poll() is None, f"it has ended: {self.errors}"
            return found

        return until(look, patience_s=patience_s)

    def signal(self, number):
        """Send a signal."""
        self.process.send_signal(number)

    def kill(self):
        """End it at once."""
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def wait(self, *, patience_s=PATIENCE_S):
        """Wait for its end, and give the exit code."""
        return self.process.wait(patience_s)

    def lives_on(self, seconds):
        """Give it so long; it must not end."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return
        raise AssertionError(f"it has ended with {code}: {self.errors}")

    def stop(self):
        """Have it drain, and give the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()


class Trial:
    """An INBOX, an OUTBOX and a ledger, with the sandbox; ends what it started with the block.

    Attributes:
        fed: The bytes whose output there should be, by names below INBOX, as bytes.
    """

    def __init__(self, folder, *, sandbox=None, jobs=4):
        """Nothing is there yet."""
        self.root = Path(folder)
        self.inbox, self.outbox = self.root / "in", self.root / "out"
        self.state = self.root / "state"
        for made in (self.inbox, self.outbox, self.state):
            made.mkdir(parents=True, exist_ok=True)
        self.sandbox = sandbox or _shared_sandbox()
        self.jobs = jobs
        self.fed = {}
        self.runs = []

    def __enter__(self):
        self.sandbox.begin_anew()
        return self

    def __exit__(self, *_):
        for run in self.runs:
            if run.process.poll() is None:
                run.kill()

    def feed(self, name, content=None, *, seed=None):
        """Put a picture into INBOX, whole and at once, as a move does; gives its bytes."""
        name = os.fsencode(name)
        if content is None:
            content = photo(f"{self.root}:{name!r}" if seed is None else seed)
        path = self.inbox / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        hidden = path.with_name(".fed.part")
        hidden.write_bytes(content)
        hidden.rename(path)
        self.fed[name] = content
        return content

    def feed_many(self, count, *, folder=""):
        """Put so many different pictures into INBOX."""
        for number in range(count):
            self.feed(Path(folder, f"{number:04}.jpg"))

    def start(
        self,
        *options,
        failpoint=None,
        inbox=None,
        outbox=None,
        yes=True,
        env=None,
        **settings,
    ):
        """Start the command as a daemon."""
        changes = {"REMBG_API_URL": f"{self.sandbox.url}/rmbg", "REMBG_API_KEY": KEY}
        usage = f"{self.sandbox.url}/api/membership-usage"
        changes |= {"REMBG_MEMBERSHIP_USAGE_URL": usage, "REMBG_RATE": "off", **(env or {})}
        if failpoint is not None:
            changes["REMBG_FAILPOINT"] = failpoint
        folders = [os.fspath(inbox or self.inbox), os.fspath(outbox or self.outbox)]
        given = ["--state", self.state, "--json", "--format", "PNG", *(["--yes"] if yes else [])]
        given += [] if "--jobs" in options else ["--jobs", self.jobs]
        command = [sys.executable, "-m", OURS, "watch", *folders, *given, *options]
        run = Watch(
            list(map(str, command)),
            self.root / f"run-{len(self.runs)}.jsonl",
            env=environment(**changes),
            cwd=self.root,
            **settings,
        )
        self.runs.append(run)
        return run

    def once(self, *options, patience_s=PATIENCE_S, **how):
        """Run the command until all is done; gives the exit code."""
        return self.start("--once", *options, **how).wait(patience_s=patience_s)

    def ledger(self, *arguments, code=0):
        """What ``ledger ... --json`` says."""
        command = [sys.executable, "-m", OURS, "ledger", arguments[0], self.inbox]
        command += [*arguments[1:], "--state", self.state, "--json"]
        done = subprocess.run(
            list(map(str, command)),
            capture_output=True,
            env=environment(),
            cwd=self.root,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == code, done.stderr.decode()
        return json.loads(done.stdout)

    @property
    def bills(self):
        """How often each content that was fed was paid for, by its digest in hex."""
        return self.sandbox.billed

    def bills_of(self, content):
        """How often some bytes were paid for."""
        return self.bills.get(hashlib.sha256(content).hexdigest(), 0)

    def calls_of(self, content):
        """The calls with some bytes."""
        digest = hashlib.sha256(content).hexdigest()
        return [call for call in self.sandbox.calls if call["sha256"] == digest]

    def outputs(self):
        """The files in OUTBOX by their names below it, as bytes; ours aside."""
        return {
            os.fsencode(path.relative_to(self.outbox)): path.read_bytes()
            for path in self.outbox.rglob("*")
            if ".rembg-plugins" not in path.parts and path.is_file()
        }
