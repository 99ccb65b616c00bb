"""The state machine: where a picture stands between INBOX and OUTBOX.

A *content* is some bytes for one engine: what is paid for, once. A *path* is a name in INBOX; many
may have the same content, and each gets an output of its own. Both are rows of the ledger, and
every arrow is one committed transaction. A file that is still being written is in no row at all.
::

    content   QUEUED ──committed before the first byte──► SENDING ──the answer is safe──► CUT
                ▲ ▲                                        │ │ │
                │ └── surely not billed: 429, refused ─────┘ │ ├── refused, or unusable ────► FAILED
                │     connection, 401, 403                   │ └── shrunk to 460 × 460 px ──► PARKED
                │                                            ▼
                ├── retry-once: less than ATTEMPTS ◄──── IN_DOUBT ── otherwise ──► PARKED, FAILED
                └── ledger retry, ledger resolve ◄────── PARKED, FAILED

    path      (file) ──at rest, whole, hashed──► WAITING ──its content is CUT──► READY
                │                                  │                               │ published
                └── incomplete, no picture ─┐      │ its content FAILED            ▼
                                            ▼      ▼                           PUBLISHED
                              FAILED ◄── FAILING (a note is written)               │ its original
                                 └── ledger retry ──► WAITING                      ▼ is disposed of
                                                                                 DONE

A cut-out that is gone before its output is written leads from CUT to QUEUED where that is free,
else to PARKED: nothing is bought again unasked. Its READY names are WAITING again.

IN_DOUBT is what nobody can know: a time-out, a 5xx, a crash while SENDING. After a crash
:mod:`~rembg_plugins.watch.recovery` looks at each SENDING content: where its whole answer lies in
the spool it becomes CUT, else IN_DOUBT.
"""

from __future__ import annotations

from enum import IntEnum

ATTEMPTS = 2
"""Calls for one content that may have been billed, ever, unless a person forces one more."""


class ContentState(IntEnum):
    """Where the cut-out of some bytes stands; those below ``CUT`` are work that is left."""

    QUEUED = 1
    SENDING = 2
    IN_DOUBT = 3
    PARKED = 4
    CUT = 6
    FAILED = 7


class PathState(IntEnum):
    """Where a name in INBOX stands; those below ``DONE`` are work that is left."""

    WAITING = 1
    READY = 2
    FAILING = 3
    PUBLISHED = 4
    DONE = 6
    FAILED = 7
