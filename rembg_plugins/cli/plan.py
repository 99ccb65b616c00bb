"""What a run will do, worked out before anything is spent."""

from __future__ import annotations

import contextlib
import errno
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from rembg_plugins.cli.sources import STANDARD
from rembg_plugins.cli.targets import Target, check_folder, folders_of
from rembg_plugins.core import messages
from rembg_plugins.core.errors import RembgError, ValidationError
from rembg_plugins.core.source import Source
from rembg_plugins.core.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rembg_plugins.core.options import Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One call of the engine, and every target that gets its result: all are the same bytes."""

    source: Source
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run will do.

    Attributes:
        jobs: What to cut out.
        kept: Targets whose outputs exist already.
        failed: Targets that cannot be done, and why.
    """

    jobs: tuple[Job, ...]
    kept: tuple[Target, ...]
    failed: tuple[tuple[Target, RembgError | OSError], ...]


def make_plan(
    targets: Sequence[Target],
    options: Options,
    stdin: BinaryIO,
    *,
    force: bool,
    transcode: bool,
    decode: bool,
) -> Plan:
    """Check every target; find out which ones are there already, and which are the same.

    Args:
        targets: What is asked for.
        options: What to make of the pictures.
        stdin: Read where a target's source is standard input.
        force: Do what is there already anew.
        transcode: Whether kinds of pictures that the API does not take are welcome.
        decode: Whether those are decoded for the check; otherwise they are let through here, and
            checked when they are cut out.
    """
    kept: list[Target] = []
    failed: list[tuple[Target, RembgError | OSError]] = []
    ready: list[tuple[Target, Source]] = []
    bad_folders = _bad_folders(targets)
    for target in targets:
        try:
            if not force and _exists(target):
                kept.append(target)
                continue
            _check_output(target, bad_folders)
            source = _source_of(target, stdin)
            if decode or not transcode:
                validate(source, options, transcode=transcode)
            ready.append((target, source))
        except (RembgError, OSError) as error:
            failed.append((target, error))
    return Plan(jobs=tuple(_group(ready, failed)), kept=tuple(kept), failed=tuple(failed))


def _exists(target: Target) -> bool:
    return target.output is not None and target.output.is_file()


def _bad_folders(targets: Iterable[Target]) -> dict[Path, OSError]:
    bad: dict[Path, OSError] = {}
    for folder in folders_of(targets):
        try:
            check_folder(folder)
        except OSError as error:
            bad[folder] = error
    return bad


def _check_output(target: Target, bad_folders: dict[Path, OSError]) -> None:
    """Raise the OSError that saving would end in, as far as it can be known."""
    if target.output is None:
        return
    if target.output.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target.output))
    error = bad_folders.get(target.output.parent)
    if error is not None:
        raise error
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        target.output.lstat()  # a name that is too long is found here


def _source_of(target: Target, stdin: BinaryIO) -> Source:
    if target.error is not None:
        reason = target.error.strerror or str(target.error)
        problem = messages.UNREADABLE.on("image", value=repr(target.source), reason=reason)
        raise ValidationError(errors=[problem])
    if target.source == STANDARD:
        return Source.of(stdin, name="stdin")
    # As a path object: a name that begins with "data:" is a name all the same.
    return Source.of(Path(target.source))


def _group(
    ready: Sequence[tuple[Target, Source]], failed: list[tuple[Target, RembgError | OSError]]
) -> list[Job]:
    """The jobs, in the order of their first targets; only files of equal length are read."""
    lengths: dict[int, int] = defaultdict(int)
    for _, source in ready:
        lengths[source.length] += 1
    groups: dict[object, tuple[Source, list[Target]]] = {}
    for target, source in ready:
        try:
            key = source.digest() if lengths[source.length] > 1 else source
        except ValidationError as error:
            failed.append((target, error))
            continue
        groups.setdefault(key, (source, []))[1].append(target)
    return [Job(source=source, targets=tuple(targets)) for source, targets in groups.values()]
