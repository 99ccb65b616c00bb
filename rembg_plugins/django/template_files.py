"""The templates of a site that lie in files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.template import engines

if TYPE_CHECKING:
    from collections.abc import Iterator

_SUFFIXES = {".html", ".jinja", ".jinja2", ".j2", ".txt", ".xml", ".svg"}


def templates_with(*words: str) -> Iterator[tuple[Path, str]]:
    """Path and text of each template, of all engines, that has one of the words in it.

    What cannot be read, or is gone by now, is passed over: who shows it meets that.
    """
    for path in _files():
        try:
            # Of a pipe there is no end to read.
            is_file = path.is_file()
            content = path.read_text(encoding="utf-8", errors="replace") if is_file else ""
        except OSError:
            continue
        if any(word in content for word in words):
            yield path, content


def _files() -> Iterator[Path]:
    folders: dict[Path, None] = {}
    for engine in engines.all():
        for root in _folders(engine):
            folders[Path(root)] = None
    for known in folders:
        for folder, _, names in os.walk(known):  # passes over what it cannot look into
            for name in names:
                path = Path(folder, name)
                if path.suffix in _SUFFIXES:
                    yield path


def _folders(engine: Any) -> Iterator[str]:
    yield from getattr(engine, "template_dirs", ())
