"""``import rembg_plugins`` against ``import requests``, each in a new interpreter.

The time is taken inside the interpreter, around the import alone.
"""

from __future__ import annotations

import subprocess
import sys

import children
import measure

_PROGRAM = "from time import perf_counter as t; a = t(); import {}; print(t() - a)"


def main() -> None:
    """Measure, print, and say by the exit code whether all was reached."""
    arguments = measure.parser(__doc__, runs=41).parse_args()
    turns = [lambda: _seconds("rembg_plugins"), lambda: _seconds("requests")]
    measure.interleave(1, *turns)
    ours, theirs = measure.interleave(arguments.runs, *turns)
    row = measure.Row(
        what="`import rembg_plugins`",
        against="`import requests`",
        figures=measure.ratios(ours, theirs),
        at_most=1 / 3,
        absolute=f"{_ms(ours)} : {_ms(theirs)}",
    )
    measure.finish([row], as_json=arguments.json)


def _seconds(module: str) -> float:
    command = [sys.executable, "-c", _PROGRAM.format(module)]
    env = children.environment()
    return float(subprocess.run(command, env=env, check=True, capture_output=True).stdout)


def _ms(values: list[float]) -> str:
    return measure.middle(values, "ms", scale=1e3)


if __name__ == "__main__":
    main()
