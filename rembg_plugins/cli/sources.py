"""The pictures that a command line means: files, the contents of folders, globs."""

from __future__ import annotations

import glob
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rembg_plugins.core.header import SUFFIXES
from rembg_plugins.core.messages import ALLOWED_FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

STANDARD = "-"
"""What stands for standard input, and for standard output."""

OWN_ENDINGS = ("-cutout", "-mask")
"""What the names of our own outputs end in, before the extension."""

_MAGIC = re.compile(r"[*?[]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One picture that was named or found.

    Attributes:
        path: Where it lies, as it was written; ``-`` is standard input.
        inside: Its folder below the one that was walked; ``.`` for files that were named.
        error: Why a folder could not be read; ``path`` is the folder then.
    """

    path: str
    inside: Path = Path()
    error: OSError | None = None


def is_own_output(path: str) -> bool:
    """Whether a file has the name of one that we made: ``cat-cutout.webp``."""
    return Path(path).stem.endswith(OWN_ENDINGS)


def is_many(source: str) -> bool:
    """Whether a source can stand for more than one picture: a folder or a glob."""
    return Path(source).is_dir() or (not os.path.lexists(source) and bool(_MAGIC.search(source)))


def find_sources(
    sources: Sequence[str], *, transcode: bool, leave_out: Path | None = None
) -> list[Found]:
    """Every picture that the sources stand for, in their order, none twice.

    What exists is taken by its name, even with a ``*`` in it; a glob that matches nothing stays
    as it is, and is then a file that does not exist. A folder is walked without following links,
    hidden files and folders in it are left out, and so are our own outputs and whatever has no
    extension of a picture.

    Args:
        sources: As they were written.
        transcode: Whether kinds of pictures that the API does not take are wanted too.
        leave_out: A folder that is not entered: where the outputs go.
    """
    found: dict[Path, Found] = {}
    for source in sources:
        for path in _expand(source):
            for one in _look_into(path, transcode=transcode, leave_out=leave_out):
                found.setdefault(_place(one.path), one)
    return list(found.values())


def _expand(source: str) -> Iterable[str]:
    if os.path.lexists(source) or not _MAGIC.search(source):
        return [source]
    matches = glob.glob(source, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute ones
    return sorted(matches) or [source]


def _look_into(path: str, *, transcode: bool, leave_out: Path | None) -> Iterator[Found]:
    if path == STANDARD or not Path(path).is_dir():
        yield Found(path=path)
        return
    formats = _wanted_formats(transcode=transcode)
    errors: list[OSError] = []
    for folder, folders, files in os.walk(path, onerror=errors.append):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and not _is_same(Path(folder, name), leave_out)
        )
        inside = Path(folder).relative_to(path)
        for name in sorted(files):
            if _is_wanted(name, formats) and not _is_made_of_another(name, files):
                yield Found(path=str(Path(folder, name)), inside=inside)
    for error in errors:
        yield Found(path=error.filename or path, error=error)


def _wanted_formats(*, transcode: bool) -> frozenset[str]:
    if not transcode:
        return frozenset(ALLOWED_FORMATS)
    from rembg_plugins.core.transcode import TRANSCODABLE  # noqa: PLC0415 - loads Pillow

    return TRANSCODABLE.union(ALLOWED_FORMATS)


def _is_wanted(name: str, formats: frozenset[str]) -> bool:
    return not name.startswith(".") and SUFFIXES.get(Path(name).suffix.lower()) in formats


def _is_made_of_another(name: str, names: Sequence[str]) -> bool:
    """Whether it is our output of a picture that lies beside it, not one that is called so."""
    return is_own_output(name) and any(is_made_of(name, other) for other in names)


def is_made_of(output: str, source: str) -> bool:
    """Whether an output has a name that we give to that source: ``cat-cutout``."""
    stem = Path(output).stem.rpartition("-")[0]
    return stem in {Path(source).stem, with_kind(Path(source).stem, source)}


def with_kind(stem: str, source: str) -> str:
    """An output's stem with the kind of its source in it: ``cat-jpg-cutout``."""
    kind = Path(source).suffix[1:].lower() or "other"
    for ending in OWN_ENDINGS:
        if stem.endswith(ending):
            return f"{stem.removesuffix(ending)}-{kind}{ending}"
    return f"{stem}-{kind}"


def _place(path: str) -> Path:
    """One path for all spellings of a name; a link is not what it points to."""
    return Path(path).parent.resolve() / Path(path).name


def _is_same(folder: Path, other: Path | None) -> bool:
    return other is not None and folder.resolve() == other.resolve()
