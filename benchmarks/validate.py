"""``validate()`` of files of 50 MB against files of 1 kB, by path, each format.

The large files are real pictures of noise, filled up to their length with what their format
skips: a chunk before the pixels (PNG), a chunk after them (WebP), bytes at the end (JPEG, BMP).
One row without a target shows the worst case, a JPEG with 50 MB in 761 segments before its
frame header.
"""

from __future__ import annotations

import gc
import tempfile
import time
from functools import partial
from pathlib import Path

import measure
import pictures

from rembg_plugins import validate

_REPEATS = 200


def main() -> None:
    """Measure, print, and say by the exit code whether all was reached."""
    arguments = measure.parser(__doc__, runs=21).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pictures.make(Path(folder), "validate")
        rows = [
            _row(format_, Path(folder) / f"large.{extension}", at_most=1.5, runs=arguments.runs)
            for format_, extension in pictures.FORMATS.items()
        ]
        late = Path(folder) / "late.jpg"
        rows.append(_row("JPEG with 761 segments first", late, at_most=None, runs=arguments.runs))
    measure.finish(rows, as_json=arguments.json)


def _row(name: str, large: Path, *, at_most: float | None, runs: int) -> measure.Row:
    small = large.with_stem("small")
    ours, theirs = measure.interleave(runs, partial(_seconds, large), partial(_seconds, small))
    return measure.Row(
        what=f"`validate()`, 50 MB, {name}: time",
        against="a file of 1 kB",
        figures=measure.ratios(ours, theirs),
        at_most=at_most,
        absolute=f"{_us(ours)} : {_us(theirs)}",
    )


def _seconds(path: Path) -> float:
    """The time of one call, of many."""
    gc.collect()
    name = str(path)
    began = time.perf_counter()
    for _ in range(_REPEATS):
        validate(name)
    return (time.perf_counter() - began) / _REPEATS


def _us(values: list[float]) -> str:
    return measure.middle(values, "µs", scale=1e6)


if __name__ == "__main__":
    main()
