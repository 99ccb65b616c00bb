"""Entries of a store, and the files that they lie in."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from rembg_plugins.core.entry import Entry

HOUR_NS = 3600 * 10**9


def key(number):
    return f"{number:064x}"


def spread(number):
    """A key in a shard of its own."""
    return f"{number:02x}".ljust(64, "0")


def entry(level=128, size=(8, 8)):
    return Entry(mask=Image.new("L", size, level))


def level_of(found):
    return None if found is None else found.mask.getpixel((0, 0))


def files(folder):
    return sorted(path for path in Path(folder).rglob("*") if path.is_file())


def entries(store):
    return [path for path in files(store.path) if path.name.endswith(".rembg.zip")]
