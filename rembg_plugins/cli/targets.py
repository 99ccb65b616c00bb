"""Each picture's output: its name, and the rules that keep files from each other's way."""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
import unicodedata
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rembg_plugins.cli.sources import (
    STANDARD,
    Found,
    find_sources,
    is_made_of,
    is_own_output,
    with_kind,
)
from rembg_plugins.cli.wording import count, printable
from rembg_plugins.core.header import EXTENSIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rembg_plugins.cli.destination import Destination
    from rembg_plugins.core.options import Options

_STDIN_NAME = "stdin"  # in the output's name
_SHOWN = 5  # conflicts that a message names


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One picture and where its cut-out goes.

    Attributes:
        source: The path; ``-`` is standard input.
        output: Its path; None is standard output.
        error: Why it cannot be done: a folder that cannot be read.
    """

    source: str
    output: Path | None
    error: OSError | None = None

    @property
    def shown_source(self) -> str:
        """The source for people."""
        return "standard input" if self.source == STANDARD else printable(self.source)

    @property
    def shown_output(self) -> str:
        """The output for people."""
        return "standard output" if self.output is None else printable(self.output)


def find_targets(
    sources: Sequence[str], destination: Destination, options: Options, *, transcode: bool
) -> list[Target]:
    """Every picture with its output.

    The rules: beside its source an output is called ``NAME-cutout.EXT`` (``NAME-mask.EXT``), in
    a folder of outputs ``NAME.EXT`` in the sub-folder that its source has. A source that is the
    default output of another is left out: it is our own. Two pictures whose outputs would be
    one file get the kinds of their sources into the names: ``NAME-jpg.EXT``. What would still be
    one file, or would be written over a source, is refused before anything is done.

    Raises:
        click.UsageError: Outputs are in each other's or a source's way.
    """
    found = find_sources(sources, transcode=transcode, leave_out=destination.folder)
    targets = [_target(one, destination, options) for one in found]
    targets = _without_own(targets)
    if destination.file is None:
        targets = _kept_apart(targets)
    _check_conflicts(targets)
    return targets


def check_folder(folder: Path) -> None:
    """Make sure that a file can be written there, now, without leaving anything.

    Args:
        folder: Need not exist; then the nearest folder above it that does is tried.

    Raises:
        OSError: It cannot.
    """
    nearest = folder.absolute()
    while not os.path.lexists(nearest) and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(nearest))
    with tempfile.TemporaryFile(dir=nearest):
        pass


def _target(one: Found, destination: Destination, options: Options) -> Target:
    return Target(
        source=one.path,
        output=None if destination.standard else _output(one, destination, options),
        error=one.error,
    )


def _output(one: Found, destination: Destination, options: Options) -> Path:
    if destination.file is not None:
        return destination.file
    extension = EXTENSIONS[str(options.format)]
    source = Path(_STDIN_NAME if one.path == STANDARD else one.path)
    beside = f"{source.stem}{'-mask' if options.mask else '-cutout'}{extension}"
    if destination.folder is None:
        return source.parent / beside
    folder = destination.folder / one.inside
    if folder.resolve() == source.parent.resolve():  # or cat.webp would be its own output
        return folder / beside
    return folder / f"{source.stem}{extension}"


def _without_own(targets: list[Target]) -> list[Target]:
    """Without the sources that are outputs of others here, as ``*.png`` finds the second time."""
    beside: dict[Path, list[str]] = {}
    for target in targets:
        beside.setdefault(Path(target.source).parent.resolve(), []).append(target.source)
    return [target for target in targets if not _is_own(target.source, beside)]


def _is_own(source: str, beside: Mapping[Path, Sequence[str]]) -> bool:
    others = beside[Path(source).parent.resolve()]
    return is_own_output(source) and any(is_made_of(source, other) for other in others)


def _kept_apart(targets: Sequence[Target]) -> list[Target]:
    """With the kind of the source in the names of outputs that would be one: ``cat-jpg.png``."""
    times = Counter(_identity(target.output) for target in targets if target.output is not None)
    return [
        replace(
            target,
            output=target.output.with_stem(with_kind(target.output.stem, target.source)),
        )
        if target.output is not None and times[_identity(target.output)] > 1
        else target
        for target in targets
    ]


def _check_conflicts(targets: Sequence[Target]) -> None:
    sources = {_identity(target.source): target for target in targets if target.source != STANDARD}
    writers: dict[str, Target] = {}
    conflicts: list[str] = []
    for target in targets:
        if target.output is None:
            continue
        output = _identity(target.output)
        other = writers.setdefault(output, target)
        if output in sources:
            conflicts.append(
                f"{target.shown_source} would be written over {sources[output].shown_source}"
            )
        elif other is not target:
            conflicts.append(
                f"{other.shown_source} and {target.shown_source} would both be written to "
                f"{target.shown_output}"
            )
    if conflicts:
        raise click.UsageError(_conflict_message(conflicts))


def _conflict_message(conflicts: Sequence[str]) -> str:
    more = len(conflicts) - _SHOWN
    return "\n".join(
        [
            "No original and no other picture's output is ever overwritten:",
            *(f"  {conflict}" for conflict in conflicts[:_SHOWN]),
            *([f"  ... and {count(more, 'more conflict')}"] if more > 0 else []),
            "Nothing was done. Name other outputs with -o, or work on them one after the other.",
        ]
    )


def _identity(path: str | Path) -> str:
    """One text for all spellings of a file's place, whether it exists or not."""
    place = os.path.realpath(path)
    if sys.platform in {"darwin", "win32"}:  # where Cat.png and cat.png are one file
        return unicodedata.normalize("NFC", place).casefold()
    return place


def folders_of(targets: Iterable[Target]) -> set[Path]:
    """The folders that outputs go to; special files, such as /dev/null, need none."""
    return {
        target.output.parent
        for target in targets
        if target.output is not None and not is_special(target.output)
    }


def is_special(path: Path) -> bool:
    """Whether a path is neither file nor folder, but there: a device or pipe."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
