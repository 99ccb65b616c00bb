"""The templates of a site that lie in files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.template import engines

if TYPE_CHECKING:
    from collections.abc import Iterator

_SUFFIXES = {".html", ".jinja", ".jinja2", ".j2", ".txt", ".xml", ".svg"}


def templates_with(*words: str) -> Iterator[tuple[Path, str]]:
    """Path and text of each template, of all engines, that has one of the words in it."""
    for path in _files():
        content = path.read_text(encoding="utf-8", errors="replace")
        if any(word in content for word in words):
            yield path, content


def _files() -> Iterator[Path]:
    folders: dict[Path, None] = {}
    for engine in engines.all():
        for folder in _folders(engine):
            folders[Path(folder)] = None
    for known in folders:
        for path in known.rglob("*"):
            if path.suffix in _SUFFIXES and path.is_file():
                yield path


def _folders(engine: Any) -> Iterator[str]:
    yield from getattr(engine, "template_dirs", ())
