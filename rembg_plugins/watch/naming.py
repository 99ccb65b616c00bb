r"""How outputs are called, on any file system that they may be copied to.

A name is made by a template, and then harmless, part by part, by these rules in their order:

1. Bytes that are no UTF-8 become ``%`` and two digits: ``%E9``; the rest is brought into the
   composed normal form (NFC).
2. Control characters and ``< > : " | ? * \`` become ``_``; so does a ``-`` at the beginning, and
   each dot or space at the end.
3. A name that Windows reserves (``CON``, ``NUL``, ``COM1``, ... whatever follows its first dot)
   gets a ``_`` before it.
4. What is longer than 255 bytes is cut, and ends in ``-`` and eight digits of the whole name's
   sha256, before its extension.

A name that clashes gets the source's extension as well (``x.jpg.png``), then a number
(``x-2.png``, ``x-3.png``, ...). Two names clash if :func:`fold` makes them equal: whether or not
this file system tells upper and lower case apart, the next one may not.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import string
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rembg_plugins.core.errors import ConfigurationError, FieldError
from rembg_plugins.core.header import EXTENSIONS
from rembg_plugins.watch.placing import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rembg_plugins.watch.records import Place

DEFAULT_TEMPLATE = "{dir}/{stem}.{ext}"

LONGEST_NAME = 255
"""Bytes that the name of a file or folder may have."""

_FIELDS = ("dir", "stem", "ext", "suffix", "sha8")
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"|?*\\]')
_NO_TEXT = re.compile("[\udc80-\udcff]")  # bytes that are no UTF-8, as Python keeps them
_LAST_BLANKS = re.compile(r"[. ]+\Z")
_RESERVED = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3]) *(\.|\Z)", re.IGNORECASE
)
_LONGEST_EXTENSION = 32  # bytes; what is longer is no extension, and may be cut


@dataclass(frozen=True, slots=True)
class Naming:
    """A template for the names of outputs.

    Attributes:
        template: Fields in braces: ``dir`` (the folder below INBOX), ``stem`` (the source's name
            without its extension), ``ext`` (the output's extension), ``suffix`` (the source's),
            ``sha8`` (eight digits of the sha256 of its bytes).

    Raises:
        ConfigurationError: There is something wrong with it.
    """

    template: str = DEFAULT_TEMPLATE

    def __post_init__(self) -> None:
        """Refuse a template that could not work for every picture."""
        try:
            check_template(self.template)
        except ValueError as problem:
            message = f"name is {self.template!r}: {problem}, as in {DEFAULT_TEMPLATE}."
            error = FieldError(field="name", message=message, code="name")
            raise ConfigurationError(message, errors=(error,)) from problem

    def __str__(self) -> str:
        return self.template

    def names(self, place: Place, format: str, sha256: bytes) -> Iterator[bytes]:
        """Names for an output, the best first, each of them harmless; without end.

        Args:
            place: Where the picture lies in INBOX.
            format: Of the output: ``PNG``.
            sha256: Of the picture's bytes.

        Returns:
            Paths below OUTBOX, relative, with ``/`` between their parts.
        """
        name = _text(place.name)
        stem, suffix = os.path.splitext(name)  # noqa: PTH122 - no path
        values = {
            "dir": _text(place.folder),
            "stem": stem,
            "ext": EXTENSIONS[format][1:],
            "suffix": suffix[1:],
            "sha8": sha256.hex()[:8],
        }
        yield self._name(values)
        if suffix:
            yield self._name(values | {"stem": name})
        for number in itertools.count(2):
            yield self._name(values, f"-{number}")

    def _name(self, values: Mapping[str, str], tail: str = "") -> bytes:
        parts = [part for part in self.template.format_map(values).split("/") if part]
        return b"/".join([*map(_harmless, parts[:-1]), _harmless(parts[-1], tail)])


def check_template(template: str) -> None:
    """Refuse a template that could not work for every picture.

    Raises:
        ValueError: With what to give instead, as the end of a sentence.
    """
    for problem in _problems(template):
        raise ValueError(problem)


def fold(relative: bytes) -> str:
    """What two names have in common that are one on some file systems."""
    text = unicodedata.normalize("NFC", relative.decode(errors="surrogateescape"))
    return unicodedata.normalize("NFC", text.casefold())


def harmless(relative: bytes) -> bytes:
    """A path below INBOX by the rules above, without any template."""
    return b"/".join(map(_harmless, _text(relative).split("/")))


def flat(relative: bytes) -> bytes:
    """The name of an output whose folder cannot be: a path too long, a file or link in the way.

    All of the folder becomes one, which its last part and a digest name:
    ``cats-1a2b3c4d/tom.png``.
    """
    folder, _, name = relative.rpartition(b"/")
    last = _text(folder.rpartition(b"/")[2])
    return _harmless(last, f"-{_digits(folder)}") + b"/" + name


def _problems(template: str) -> Iterator[str]:
    if _NO_TEXT.search(template):
        yield "give text that is UTF-8"
        return
    try:
        parsed = list(string.Formatter().parse(template))
    except ValueError:
        yield "give a name with pairs of braces"
        return
    fields = {name for _, name, _, _ in parsed if name is not None}
    if any(spec or conversion for _, _, spec, conversion in parsed):
        yield "leave away what stands after the field's name in its braces"
    if not fields.issubset(_FIELDS):
        yield f"use no other fields than {', '.join(f'{{{name}}}' for name in _FIELDS)}"
    if fields.isdisjoint({"stem", "sha8"}):
        yield "use {stem} or {sha8}, so that each picture has a name of its own"
    if any(_FORBIDDEN.search(text) for text, _, _, _ in parsed):
        yield 'leave out < > : " | ? * \\ and control characters'
    yield from _path_problems(template.split("/"))


def _path_problems(parts: list[str]) -> Iterator[str]:
    if not parts[0] or not {".", ".."}.isdisjoint(parts):
        yield "give a relative name without . and .., for it lies in OUTBOX"
    if "{dir}" in parts[-1] or any("{dir}" in part and part != "{dir}" for part in parts):
        yield "let {dir} be a folder by itself"
    if not parts[-1]:
        yield "let it end in a file's name"


def _text(name: bytes) -> str:
    text = name.decode(errors="surrogateescape")
    return _NO_TEXT.sub(lambda found: f"%{ord(found[0]) & 0xFF:02X}", text)


def _harmless(part: str, tail: str = "") -> bytes:
    """A part of a path, harmless.

    Args:
        part: Not empty, without ``/``.
        tail: See :func:`shortened`.
    """
    text = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", part))
    text = _LAST_BLANKS.sub(lambda found: "_" * len(found[0]), text)
    if text.startswith("-"):
        text = f"_{text[1:]}"
    if _RESERVED.match(text) or fold(text.encode()) == FOLDER:
        text = f"_{text}"
    return shortened(text.encode(), LONGEST_NAME, tail.encode())


def shortened(name: bytes, length: int, tail: bytes = b"") -> bytes:
    """A name with something before its extension, cut by the rule above if it is too long.

    Args:
        name: UTF-8.
        length: How long it may be, in bytes.
        tail: What stands before its extension, however much is cut.
    """
    stem, extension = os.path.splitext(name)  # noqa: PTH122 - bytes
    if len(extension) > _LONGEST_EXTENSION:
        stem, extension = name, b""
    if len(stem) + len(tail) + len(extension) <= length:
        return stem + tail + extension
    end = f"-{_digits(name)}".encode() + tail + extension
    return stem[: length - len(end)].decode(errors="ignore").encode() + end  # no half characters


def _digits(name: bytes) -> str:
    return hashlib.sha256(name).hexdigest()[:8]
