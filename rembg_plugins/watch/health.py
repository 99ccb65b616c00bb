"""``status.json``: what the watcher is doing, for health probes and for ``ledger status``.

One JSON object, replaced as a whole every :data:`EVERY_S` seconds; fields may be added, none is
renamed or taken away. Times are UNIX seconds; paths that are no UTF-8 have surrogates, as
``os.fsdecode`` gives them.

- ``version``: 1. ``pid``, ``host``, ``started``, ``written``: who wrote it, and when.
- ``inbox``, ``outbox``, ``engine`` (name and version), ``is_paid``.
- ``state``: ``running``, ``draining`` or ``stopped``.
- ``queue``: how many there are in each state, as ``contents.queued`` and ``paths.done``.
- ``gate``: ``kind``, ``reason``, ``remedy``, ``until``, ``running``, ``width``.
- ``spent``: of ``run``, ``today`` and ``month`` (UTC) the ``credits`` and the calls ``in_doubt``.
- ``scan``: ``at`` (its end), ``elapsed_s``, ``files``, ``every_s`` (how often), ``hints`` (whether
  the system's news are used), ``why`` (if not); null before the first.
- ``to_look_at``: outputs that look wrong: their ``count``, and ``outputs``, the first 20 of them,
  each as its note has it (``source``, ``output``, ``sha256``, ``warnings``, ``published_at``), with
  ``note``, where that lies.
- ``last_error``: ``time``, ``source`` (or null), ``code`` and ``message``; null where there was
  none.
"""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass, field
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal

from rembg_plugins.core.atomic import write_atomically
from rembg_plugins.watch.warned import ToLookAt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from rembg_plugins.watch.news import GateState

FILE = "status.json"
EVERY_S = 5.0

_Kinds = tuple[type, ...]
_MAYBE_TEXT, _NUMBER = (str, NoneType), (int, float)
_FIELDS: Mapping[str, _Kinds] = {
    **dict.fromkeys(("outbox", "engine", "state"), (str,)),
    "written": _NUMBER,
    "is_paid": (bool,),
    "gate": (dict,),
    **dict.fromkeys(("scan", "last_error"), (dict, NoneType)),
}
"""What is read of a status; and of its parts:"""
_GATE: Mapping[str, _Kinds] = {
    "kind": (str,),
    **dict.fromkeys(("reason", "remedy"), _MAYBE_TEXT),
    "until": (*_NUMBER, NoneType),
    **dict.fromkeys(("running", "width"), (int,)),
}
_SCAN: Mapping[str, _Kinds] = {
    **dict.fromkeys(("at", "every_s"), _NUMBER),
    "files": (int,),
    "hints": (bool,),
    "why": _MAYBE_TEXT,
}
_ERROR: Mapping[str, _Kinds] = {"time": _NUMBER, "message": (str,), "source": _MAYBE_TEXT}

_VERSION = 1
_STALE_S = 30.0  # from which on nobody seems to write it any more
_SCANS = 3  # that may be missed
_SLACK_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What was paid in some time.

    Attributes:
        credits: For certain.
        in_doubt: Calls of which nobody can know.
    """

    credits: int = 0
    in_doubt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """The last look at all of INBOX.

    Attributes:
        at: When it ended, in UNIX s.
        elapsed_s: How long it took.
        files: How many files it saw.
        every_s: How long until the next one at most.
        hints: Whether the system tells of changes meanwhile.
        why: Why it does not.
    """

    at: float
    elapsed_s: float
    files: int
    every_s: float
    hints: bool = False
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LastError:
    """What went wrong last.

    Attributes:
        time: In UNIX s.
        message: A sentence.
        code: The same in a word.
        source: The picture's path below INBOX, if it was about one.
    """

    time: float
    message: str
    code: str | None = None
    source: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What a watcher is doing; the attributes are the fields of the file."""

    inbox: Path
    outbox: Path
    engine: str
    is_paid: bool
    started: float
    state: Literal["running", "draining", "stopped"]
    gate: GateState
    queue: Mapping[str, int] = field(default_factory=dict)
    run: Spent = field(default_factory=Spent)
    today: Spent = field(default_factory=Spent)
    month: Spent = field(default_factory=Spent)
    scan: Scan | None = None
    to_look_at: ToLookAt = field(default_factory=ToLookAt)
    last_error: LastError | None = None

    def facts(self, now: float) -> dict[str, Any]:
        """The object of the file."""
        scan, error = self.scan, self.last_error
        return {
            "version": _VERSION,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "started": self.started,
            "written": now,
            "inbox": str(self.inbox),
            "outbox": str(self.outbox),
            "engine": self.engine,
            "is_paid": self.is_paid,
            "state": self.state,
            "queue": dict(self.queue),
            "gate": _members(self.gate, "kind reason remedy until running width"),
            "spent": {
                name: _members(getattr(self, name), "credits in_doubt")
                for name in ("run", "today", "month")
            },
            "to_look_at": self.to_look_at.facts(),
            "scan": scan and _members(scan, "at elapsed_s files every_s hints why"),
            "last_error": error
            and _members(error, "time message code")
            | {"source": None if error.source is None else os.fsdecode(error.source)},
        }


def write_status(folder: Path, status: Status, now: float) -> bool:
    """Replace the file.

    Args:
        folder: The state folder.
        status: What to write.
        now: The UNIX time in s.

    Returns:
        Whether that worked: a full disk is no reason to stop.
    """
    content = json.dumps(status.facts(now), indent=1).encode()
    try:
        write_atomically(folder / FILE, content)
    except OSError:
        return False
    return True


def read_status(folder: Path) -> dict[str, Any] | None:
    """The object of the file; None where there is none that can be read."""
    try:
        found = json.loads((folder / FILE).read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and _is_whole(found) else None


def _is_whole(found: Mapping[str, Any]) -> bool:
    """Whether all is there that is read of a status, and of a kind that can be."""
    if found.get("version") != _VERSION or not _fits(found, _FIELDS):
        return False
    parts = ((found["gate"], _GATE), (found["scan"], _SCAN), (found["last_error"], _ERROR))
    return all(part is None or _fits(part, fields) for part, fields in parts)


def _fits(found: Mapping[str, Any], fields: Mapping[str, _Kinds]) -> bool:
    return all(name in found and isinstance(found[name], kinds) for name, kinds in fields.items())


def is_running(status: Mapping[str, Any] | None, now: float) -> bool:
    """Whether a watcher runs, as far as its status tells.

    Args:
        status: The object of the file, as :func:`read_status` gives it.
        now: The UNIX time in s.
    """
    return status is not None and status["state"] != "stopped" and not _is_stale(status, now)


def check(status: Mapping[str, Any] | None, now: float) -> tuple[str, ...]:
    """What a person has to look at, a sentence each; empty where all is well.

    A gate that is paused opens by itself, and is none of it.

    Args:
        status: The object of the file, as :func:`read_status` gives it.
        now: The UNIX time in s.
    """
    if status is None:
        return ("There is no status: nothing has watched this folder.",)
    return tuple(_problems(status, now))


def _problems(status: Mapping[str, Any], now: float) -> Iterator[str]:
    if status["state"] == "stopped":
        yield "The watcher has stopped."
        return
    if _is_stale(status, now):
        age = now - status["written"]
        when = f"{age:.0f} s ago" if age > 0 else f"{-age:.0f} s ahead of the clock"
        yield f"The watcher has written its status {when}: it hangs, or was killed."
    scan = status["scan"]
    # Of the first look at a large INBOX nobody knows how long it takes.
    if scan is not None:
        looked = status["written"] - scan["at"]
        if looked > _SCANS * scan["every_s"] + _SLACK_S:
            yield f"INBOX was looked at {looked:.0f} s ago, and not since."
    gate = status["gate"]
    if gate["kind"] == "closed":
        yield " ".join(filter(None, ("Nothing is sent:", gate["reason"], gate["remedy"])))


def _is_stale(status: Mapping[str, Any], now: float) -> bool:
    return bool(abs(now - status["written"]) > _STALE_S)


def _members(thing: object, names: str) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in names.split()}
