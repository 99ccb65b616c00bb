"""How names, numbers and errors are written for people."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rembg_plugins.core.errors import RembgError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HELP_NAMES: Mapping[str, list[str]] = {"help_option_names": ["-h", "--help"]}
"""The settings of the group and of each command: click remembers those of the first call."""

_FIRST_ESCAPED, _LAST_ESCAPED = "\udc80", "\udcff"  # bytes that are no text, as Python keeps them


def printable(text: str | os.PathLike[str]) -> str:
    r"""The text with everything escaped that could move the cursor, hide or pretend something.

    Control characters, escape sequences, line breaks, marks that turn the direction of writing;
    bytes that are no text are shown as ``\xff``.
    """
    return "".join(map(_printable, os.fspath(text)))


def _printable(character: str) -> str:
    if _FIRST_ESCAPED <= character <= _LAST_ESCAPED:
        return f"\\x{ord(character) & 0xFF:02x}"
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def count(number: int, noun: str) -> str:
    """Number and noun: ``1 picture``, ``2 pictures``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def sentences(error: BaseException) -> tuple[str, ...]:
    """What went wrong, a line for each single problem; safe to print."""
    return tuple(printable(line) for line in _sentences(error))


def _sentences(error: BaseException) -> Iterable[str]:
    if isinstance(error, RembgError):
        return [problem.message for problem in error.errors] or [str(error)]
    if isinstance(error, OSError) and error.strerror:
        return [f"{error.strerror}: {error.filename!r}" if error.filename else error.strerror]
    if isinstance(error, KeyboardInterrupt):
        return [str(error)]
    return [f"{type(error).__name__}: {error}"]
