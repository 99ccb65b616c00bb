"""Outputs that a person should look at: the notes on them in OUTBOX, counted and read."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from rembg_plugins.watch.placing import FOLDER, is_folder, read_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WARNING = ".warning.json"
"""How the names of such notes end."""

WARNINGS = f"{FOLDER}/warnings"
"""Where they lie below OUTBOX."""

_FIELDS = ("source", "output", "sha256", "warnings", "published_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToLookAt:
    """What a person should look at.

    Attributes:
        count: How many outputs that are.
        outputs: Some of them, or all; each what its note says, and ``note``, where that lies.
    """

    count: int = 0
    outputs: tuple[dict[str, Any], ...] = ()

    def facts(self) -> dict[str, object]:
        """The same as an object of JSON."""
        return {"count": self.count, "outputs": list(self.outputs)}


def find_warned(outbox: Path, *, most: int) -> ToLookAt:
    """The outputs in an OUTBOX whose notes nobody has removed yet.

    Args:
        outbox: The folder; it may be away.
        most: How many of them are read.
    """
    paths = list(_notes(os.fspath(outbox)))
    found = (_read(path) for path in paths)
    outputs = islice((one for one in found if one is not None), most)
    return ToLookAt(count=len(paths), outputs=tuple(outputs))


def _notes(outbox: str) -> Iterator[str]:
    """The paths of the notes; no link is followed."""
    root = os.path.join(outbox, WARNINGS)  # noqa: PTH118 - bytes that are no text
    try:
        if not (is_folder(os.path.dirname(root)) and is_folder(root)):  # noqa: PTH120 - likewise
            return
    except OSError:
        return
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            if name.endswith(WARNING):
                yield os.path.join(folder, name)  # noqa: PTH118 - likewise


def _read(path: str) -> dict[str, Any] | None:
    """What a note says; None where it is none of ours."""
    try:
        found = json.loads(read_file(path))
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict) or not _is_whole(found):
        return None
    return {**{name: found[name] for name in _FIELDS}, "note": path}


def _is_whole(found: dict[str, Any]) -> bool:
    texts = [found.get(name) for name in _FIELDS if name != "warnings"]
    warnings = found.get("warnings")
    return isinstance(warnings, list) and all(isinstance(one, str) for one in (*texts, *warnings))
