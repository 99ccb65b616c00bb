"""Where outputs go, and of which format they are: what ``-o`` and ``--format`` say together."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rembg_plugins.cli.removal_options import read_options
from rembg_plugins.cli.sources import STANDARD, is_many
from rembg_plugins.cli.wording import printable
from rembg_plugins.core.header import SUFFIXES
from rembg_plugins.core.messages import ALLOWED_FORMATS
from rembg_plugins.core.options import DEFAULT_FORMAT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rembg_plugins.core.options import Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where outputs go; beside their sources where all three say nothing.

    Attributes:
        file: The one output.
        folder: What holds the outputs.
        standard: Whether the one output is standard output.
    """

    file: Path | None = None
    folder: Path | None = None
    standard: bool = False


def read_destination(
    output: str | None, sources: Sequence[str], values: Mapping[str, object]
) -> tuple[Destination, Options]:
    """Where outputs go, and the options with the format settled.

    Args:
        output: What followed ``-o``.
        sources: As they were written.
        values: The command's arguments, in which the options are.

    Raises:
        click.UsageError: They contradict each other, or an option is bad.
    """
    if STANDARD in sources and len(sources) > 1:
        message = "'-' (standard input) stands alone: give no other source beside it."
        raise click.UsageError(message)
    destination = _destination(output, sources)
    options = read_options(values)
    wanted: str = options.format or DEFAULT_FORMAT
    if destination.file is not None:
        wanted = _format_of(destination.file, options.format)
    return destination, read_options(values, format=wanted)


def _destination(output: str | None, sources: Sequence[str]) -> Destination:
    several = len(sources) > 1 or any(map(is_many, sources))
    if output is None:
        return Destination(standard=list(sources) == [STANDARD])
    if output == STANDARD:
        if several:
            message = "Standard output holds one picture: give one source, or -o FOLDER."
            raise click.UsageError(message)
        return Destination(standard=True)
    path = Path(output)
    if path.is_dir() or output.endswith(_separators()):
        return Destination(folder=path)
    if not several:
        return Destination(file=path)
    if os.path.lexists(path) or path.suffix.lower() in SUFFIXES:
        message = (
            f"Several pictures need a folder, and '{printable(output)}' is a file or looks like "
            f"one: write '{printable(output)}/' if you mean a folder."
        )
        raise click.UsageError(message)
    return Destination(folder=path)


def _format_of(file: Path, chosen: str | None) -> str:
    """The format of the one output: the chosen one, else that of its extension."""
    named = SUFFIXES.get(file.suffix.lower())
    if named is None:
        return chosen or DEFAULT_FORMAT
    if named not in ALLOWED_FORMATS:
        message = f"Cannot write {named} ('{printable(file)}'): {', '.join(ALLOWED_FORMATS)} only."
        raise click.UsageError(message)
    if chosen not in {None, named}:
        message = f"'{printable(file)}' is a name for {named}, but --format says {chosen}."
        raise click.UsageError(message)
    return named


def _separators() -> tuple[str, ...]:
    return tuple(filter(None, (os.sep, os.altsep)))
