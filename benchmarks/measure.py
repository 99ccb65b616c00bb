"""Figures of interleaved runs, what they have to reach, and the one table that a script prints."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

T = TypeVar("T")

_HEADING = ("what", "against", "reach", "median", "min–max", "runs", "absolute", "")
_LARGE = 100  # from here on a figure is printed without decimals
_WHOLE = 10  # from here on with one


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure, as it came out in each run, and its target.

    Attributes:
        what: What was measured.
        against: What it was compared with.
        figures: One ratio a run.
        at_least: The median has to be this or more; None where there is no such target.
        at_most: The median has to be this or less; likewise.
        absolute: The medians behind the ratio, with their units; they hold for one machine.
    """

    what: str
    against: str
    figures: tuple[float, ...]
    at_least: float | None = None
    at_most: float | None = None
    absolute: str = ""

    def __post_init__(self) -> None:
        if not self.figures:
            message = f"Nothing was measured: {self.what}"
            raise ValueError(message)

    @property
    def median(self) -> float:
        """The middle of the figures."""
        return statistics.median(self.figures)

    @property
    def missed(self) -> bool:
        """Whether the median, unrounded, is on the wrong side of the target."""
        return (self.at_least is not None and not self.median >= self.at_least) or (
            self.at_most is not None and not self.median <= self.at_most
        )

    @property
    def verdict(self) -> str:
        """``ok``, ``MISSED``, or nothing where there is no target."""
        if self.at_least is None and self.at_most is None:
            return ""
        return "MISSED" if self.missed else "ok"

    @property
    def reach(self) -> str:
        """The target in signs: ``≥ 3.5``."""
        if self.at_least is not None:
            return f"≥ {number(self.at_least)}"
        return "–" if self.at_most is None else f"≤ {number(self.at_most)}"

    def cells(self) -> tuple[str, ...]:
        """The row as it is printed; a median that missed is never rounded onto its target."""
        median = number(self.median)
        if self.missed and median in self.reach.split():
            median = f"{self.median:.6g}"
        spread = f"{number(min(self.figures))}–{number(max(self.figures))}"
        count = str(len(self.figures))
        return (
            self.what,
            self.against,
            self.reach,
            median,
            spread,
            count,
            self.absolute,
            self.verdict,
        )


def number(value: float) -> str:
    """A figure with about three digits that tell something."""
    if abs(value) >= _LARGE:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= _WHOLE else f"{value:.3f}".rstrip("0").rstrip(".")


def ratios(dividends: Sequence[float], divisors: Sequence[float]) -> tuple[float, ...]:
    """The ratio of each run's pair, so that what loads the machine for a while hits both.

    Raises:
        ValueError: The runs were not made in pairs.
    """
    return tuple(one / other for one, other in zip(dividends, divisors, strict=True))


def middle(values: Iterable[float], unit: str, *, scale: float = 1.0) -> str:
    """The median with its unit: ``363 ms``."""
    return f"{number(statistics.median(values) * scale)} {unit}"


def interleave(runs: int, *turns: Callable[[], T]) -> list[list[T]]:
    """What each callable gave in each run, called in turns: A B A B; one list a callable."""
    rounds = [[turn() for turn in turns] for _ in range(runs)]
    return [list(column) for column in zip(*rounds, strict=True)]


def table(rows: Sequence[Row]) -> str:
    """The rows as one Markdown table."""
    lines = [_HEADING, tuple("---" for _ in _HEADING), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def to_json(rows: Sequence[Row]) -> str:
    """The rows with all their figures; :func:`from_json` reads them."""
    return json.dumps(
        [asdict(row) | {"median": row.median, "verdict": row.verdict} for row in rows], indent=2
    )


def from_json(text: str) -> list[Row]:
    """The rows that :func:`to_json` wrote."""
    rows = json.loads(text)
    for row in rows:
        del row["median"], row["verdict"]
        row["figures"] = tuple(row["figures"])
    return [Row(**row) for row in rows]


def parser(description: str | None, *, runs: int) -> argparse.ArgumentParser:
    """The options that every script has."""
    result = argparse.ArgumentParser(description=(description or "").split("\n\n")[0])
    result.add_argument("--runs", type=int, default=runs, help="interleaved runs (%(default)s)")
    result.add_argument("--json", action="store_true", help="print JSON instead of the table")
    return result


def finish(rows: Sequence[Row], *, as_json: bool) -> None:
    """Print the table and leave, with exit code 1 where a row was missed."""
    print(to_json(rows) if as_json else table(rows))
    sys.exit(int(any(row.missed for row in rows)))
