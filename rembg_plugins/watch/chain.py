"""Watchers that feed each other: whose outputs are our pictures, and whether ours come back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rembg_plugins.watch.folders import is_below, is_same
from rembg_plugins.watch.lock import holder_of, path_of_lock
from rembg_plugins.watch.problems import FOLDER, problem_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def check_chain(inbox: Path, outbox: Path) -> str | None:
    """What a person should know of a watcher whose outputs are our pictures; None without one.

    To be called once OUTBOX's lock says what comes into it: so of several watchers that close a
    ring at the same time, the last one at least sees all the others.

    Args:
        inbox: The real path of INBOX.
        outbox: That of OUTBOX.

    Raises:
        ConfigurationError: What is put into OUTBOX would come back to INBOX, without end.
    """
    first = None
    for source in _sources(inbox):
        first = first or source
        if is_same(outbox, source) or is_below(outbox, source):
            message = (
                f"What is put into OUTBOX {outbox} would come back to INBOX {inbox}, and be cut "
                f"out without end: another watcher puts outputs there, for {first}. Stop it first; "
                f"if none runs there any more, remove {path_of_lock(inbox)}."
            )
            raise problem_of(FOLDER, message)
    if first is None:
        return None
    return (
        f"INBOX is the OUTBOX of another watcher, for {first}: what that one has cut out is cut "
        "out once more."
    )


def _sources(inbox: Path) -> Iterator[Path]:
    """The INBOX whose outputs come here, then the one whose outputs go there, and so on."""
    seen = {inbox}
    while True:
        source = holder_of(inbox).get("inbox")
        # Whoever can write to INBOX can write anything there.
        if not isinstance(source, str) or "\0" in source:
            return
        inbox = Path(source)
        if inbox in seen:
            return
        seen.add(inbox)
        yield inbox
