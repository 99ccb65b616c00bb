"""The folders of a run, and the rules between them."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rembg_plugins.core.errors import ConfigurationError, FieldError
from rembg_plugins.watch.filesystem import kind_of
from rembg_plugins.watch.placing import FOLDER as OURS
from rembg_plugins.watch.problems import FOLDER, problem_of

if TYPE_CHECKING:
    from collections.abc import Iterator

FAILED = "failed"
DONE = "done"

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Where everything lies; real paths, without links, also in what is not there yet.

    Attributes:
        inbox: Where pictures land.
        outbox: Where outputs go.
        failed: Where notes on failures go, and pictures that failed.
        failed_is_given: Whether a person chose that folder.
        done: Where originals go with ``--originals move``.
        state: Where the ledger, the spool and the cut-outs of this INBOX lie.
    """

    inbox: Path
    outbox: Path
    failed: Path
    failed_is_given: bool
    done: Path
    state: Path

    @property
    def left_out(self) -> frozenset[str]:
        """The real paths of folders that are not looked at."""
        return left_out_of(self.inbox, self.failed)

    def make(self) -> None:
        """Make OUTBOX and the state folder where they do not exist.

        Raises:
            OSError: One cannot be made.
        """
        self.outbox.mkdir(parents=True, exist_ok=True)
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)


def left_out_of(inbox: Path, failed: Path) -> frozenset[str]:
    """The real paths of folders that are not looked at: what an earlier run put there is no news.

    Args:
        inbox: The real path of INBOX.
        failed: That of the folder for failures, which may be another than the usual one.
    """
    return frozenset(map(str, (failed, inbox / FAILED, inbox / DONE)))


def find_folders(
    inbox: Path,
    outbox: Path,
    *,
    failed: Path | None,
    state: Path | None,
    moves: bool = False,
) -> Folders:
    """The folders of a run; makes none.

    Args:
        inbox: Must exist.
        outbox: Is made later where it does not.
        failed: Where pictures that failed go; None is ``failed`` in INBOX.
        state: Where the states of all INBOXes lie; None is the user's folder for such.
        moves: Whether originals that are done are moved to ``done`` in INBOX.

    Raises:
        ConfigurationError: With one error for each rule that is broken.
    """
    problems: list[str] = []
    real = _real(inbox)
    if not real.is_dir():
        kind = "is no folder" if real.exists() else "does not exist"
        problems.append(f"INBOX {inbox} {kind}: make it, or mount it, and start again.")
    folders = Folders(
        inbox=real,
        outbox=_real(outbox),
        # Whoever can write to INBOX can put links there: those lead nowhere.
        failed=_real(failed) if failed else real / FAILED,
        failed_is_given=failed is not None,
        done=real / DONE,
        state=_real(state_of(real, state)),
    )
    problems += _problems(folders, moves=moves)
    if problems:
        errors = [FieldError(field=None, message=one, code=FOLDER) for one in problems]
        raise ConfigurationError(" ".join(problems), errors=errors)
    return folders


def state_of(inbox: Path, root: Path | None = None) -> Path:
    """The state folder of an INBOX: its name, and a digest of its real path.

    Raises:
        ConfigurationError: No folder is given, and ``platformdirs`` is not installed.
    """
    real = _real(inbox)
    digest = hashlib.sha256(os.fsencode(real)).hexdigest()[:8]
    name = _UNSAFE.sub("-", real.name)[:_LONGEST_NAME] or "inbox"
    return (root or _default_root()) / f"{name}-{digest}"


def _default_root() -> Path:
    try:
        import platformdirs  # noqa: PLC0415 - of an extra
    except ImportError as problem:
        message = (
            "platformdirs is not installed; run: pip install 'rembg-plugins[watch]', or say "
            "where the ledger is kept with --state FOLDER."
        )
        raise problem_of(FOLDER, message, field="state") from problem
    return Path(platformdirs.user_state_path("rembg-plugins", appauthor=False)) / "watch"


def _problems(folders: Folders, *, moves: bool) -> Iterator[str]:
    yield from _outbox_problems(folders.inbox, folders.outbox)
    yield from _failed_problems(folders)
    yield from _no_folder(folders.failed, "remove it, or choose another (--failed)")
    if moves:
        yield from _no_folder(folders.done, "remove it, or leave originals where they are")
    yield from _state_problems(folders)


def _outbox_problems(inbox: Path, outbox: Path) -> Iterator[str]:
    if is_same(inbox, outbox):
        yield f"INBOX and OUTBOX are one folder, {inbox}: outputs would be taken for pictures."
    elif is_below(outbox, inbox):
        yield f"OUTBOX {outbox} lies in INBOX {inbox}: outputs would be taken for pictures."
    elif is_below(inbox, outbox):
        yield f"INBOX {inbox} lies in OUTBOX {outbox}: choose an OUTBOX beside it."
    if outbox.exists() and not outbox.is_dir():
        yield f"OUTBOX {outbox} is no folder."


def _failed_problems(folders: Folders) -> Iterator[str]:
    failed = folders.failed
    if is_same(failed, folders.inbox) or is_below(folders.inbox, failed):
        yield f"The folder for failures, {failed}, holds INBOX: choose another (--failed)."
    if is_same(failed, folders.outbox):
        yield f"The folder for failures is OUTBOX, {failed}: choose another (--failed)."
    # What lies there is swept: a picture that has failed would be deleted by the next start.
    is_ours = OURS in map(str.lower, failed.parts)
    if is_ours or is_same(failed, folders.state) or is_below(failed, folders.state):
        yield (
            f"The folder for failures, {failed}, lies where the watcher keeps files of its own: "
            "choose another (--failed)."
        )


def _no_folder(path: Path, remedy: str) -> Iterator[str]:
    """What is wrong with a folder that is made later: what has its name, or that of one above."""
    if path.is_symlink():
        yield f"{path} is a link, which is not followed: {remedy}."
        return
    there = next((one for one in (path, *path.parents) if one.exists()), path)
    if there.exists() and not there.is_dir():
        yield f"{there} is no folder: {remedy}."


def _state_problems(folders: Folders) -> Iterator[str]:
    state = folders.state
    for name, folder in (("INBOX", folders.inbox), ("OUTBOX", folders.outbox)):
        if is_same(state, folder) or is_below(state, folder):
            yield f"The state folder {state} lies in {name} {folder}: choose another (--state)."
    kind = kind_of(state)
    if kind.is_network:
        yield (
            f"The state folder {state} lies on a network file system ({kind.name}), where the "
            "ledger could be damaged: choose one on a local disk (--state)."
        )


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def is_same(one: Path, other: Path) -> bool:
    """Whether two paths are one folder, by whatever names: links, mounts, upper and lower case."""
    if one == other:
        return True
    try:
        return one.samefile(other)
    except OSError:
        return False


def is_below(path: Path, folder: Path) -> bool:
    """Whether a path, which need not exist, lies somewhere in a folder."""
    return any(is_same(above, folder) for above in path.parents)
