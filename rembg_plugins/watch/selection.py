"""Which files and folders of INBOX are meant: pictures by their names, nobody's leftovers."""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass, field

from rembg_plugins.core.header import SUFFIXES

_NO_PICTURES = frozenset({"HTML", "MP4", "ZIP", "EXE"})
"""Formats whose signatures the core knows so that it can name what it refuses."""

PICTURE_SUFFIXES = frozenset(
    os.fsencode(suffix[1:]) for suffix, name in SUFFIXES.items() if name not in _NO_PICTURES
)
"""The extensions, without their dot, of what is looked at where nothing is said."""

JUNK = (
    *(".*", "*~", "~$*", "*.part", "*.partial", "*.crdownload", "*.download", "*.tmp"),
    *("*.filepart", "Thumbs.db", "desktop.ini", "@eaDir", "@Recycle", "#recycle", "#snapshot"),
    *("$RECYCLE.BIN", "System Volume Information", "lost+found"),
)
"""Names of half-made files, and of what file managers and disk stations leave behind: hidden
files, to which those of rsync and macOS belong, downloads and copies under way, backups, bins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What of INBOX is looked at.

    Globs are compared with the path below INBOX, without regard to case: ``*`` and ``?`` stand
    for anything but ``/``, ``**`` for any number of folders. A glob without a ``/`` is compared
    with the name alone, wherever the file lies. A folder that is excluded is excluded with all
    that lies in it.

    Attributes:
        include: Globs of which a file must match one; without any, it must have the extension
            of a picture.
        exclude: Globs of what is left out.
        recursive: Whether folders in INBOX are entered.
        left_out: Real paths of folders that are not entered: ``done``, ``failed``.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    recursive: bool = True
    left_out: frozenset[str] = frozenset()
    _wanted: re.Pattern[str] | None = field(init=False, repr=False, compare=False)
    _unwanted: re.Pattern[str] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_wanted", _compile(self.include))
        object.__setattr__(self, "_unwanted", _compile(self.exclude))

    def takes_file(self, folder: bytes, name: bytes) -> bool:
        """Whether a file is looked at.

        Args:
            folder: Its folder below INBOX, with ``/`` between its parts.
            name: Its name.
        """
        if _JUNK.match(name):
            return False
        if self._wanted is None:
            _, dot, suffix = name.rpartition(b".")
            if not dot or suffix.lower() not in PICTURE_SUFFIXES:
                return False
        elif not _matches(self._wanted, folder, name):
            return False
        return self._unwanted is None or not _matches(self._unwanted, folder, name)

    def takes_folder(self, parent: bytes, name: bytes, real_path: str) -> bool:
        """Whether a folder is entered.

        Args:
            parent: The folder in which it lies, below INBOX.
            name: Its name.
            real_path: Its path with no links in it.
        """
        if not self.recursive or _JUNK.match(name) or real_path in self.left_out:
            return False
        return self._unwanted is None or not _matches(self._unwanted, parent, name)

    def enters(self, folder: bytes, inbox: str) -> bool:
        """Whether a folder below INBOX and all that it lies in are entered.

        Args:
            folder: With ``/`` between its parts.
            inbox: The real path of INBOX.
        """
        parent = b""
        for name in folder.split(b"/") if folder else ():
            here = parent + b"/" + name if parent else name
            if not self.takes_folder(parent, name, os.path.join(inbox, os.fsdecode(here))):  # noqa: PTH118 - bytes that are no text
                return False
            parent = here
        return True


def _matches(pattern: re.Pattern[str], folder: bytes, name: bytes) -> bool:
    relative = os.fsdecode(folder + b"/" + name if folder else name)
    return pattern.match(_normal(relative)) is not None


def _normal(text: str) -> str:
    """One spelling of letters with accents, of which some systems write two."""
    return unicodedata.normalize("NFC", text)


def _compile(globs: tuple[str, ...]) -> re.Pattern[str] | None:
    if not globs:
        return None
    return re.compile("|".join(map(_expression, globs)), re.IGNORECASE | re.DOTALL)


def _expression(glob: str) -> str:
    """The regular expression of a glob."""
    parts = [part for part in _normal(glob).replace(os.sep, "/").split("/") if part]
    if len(parts) == 1 and "/" not in glob.rstrip("/"):
        parts = ["**", *parts]
    pieces = []
    for at, part in enumerate(parts):
        is_last = at == len(parts) - 1
        if part == "**":
            pieces.append(".+" if is_last else "(?:[^/]+/)*")
        else:
            pieces.append(_part(part) + ("" if is_last else "/"))
    return f"(?:{''.join(pieces)})\\Z"


_PIECE = re.compile(r"\*+|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)


def _part(part: str) -> str:
    """The regular expression of what stands between two slashes of a glob."""

    def translate(match: re.Match[str]) -> str:
        piece = match.group()
        if piece[0] == "*":
            return "[^/]*"
        if piece == "?":
            return "[^/]"
        if len(piece) > 1:
            negated = piece[1] == "!"
            inside = re.sub(r"([\\\[\]^&~|])", r"\\\1", piece[2 if negated else 1 : -1])
            return f"(?!/)[{'^' if negated else ''}{inside}]"
        return re.escape(piece)

    return _PIECE.sub(translate, part)


def _junk_expression() -> re.Pattern[bytes]:
    text = "|".join(f"{_part(glob)}\\Z" for glob in JUNK)
    return re.compile(text.encode(), re.IGNORECASE | re.DOTALL)


_JUNK = _junk_expression()
