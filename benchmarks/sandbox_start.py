"""From starting ``rembg-plugins sandbox`` to its line "Listening on", against what it imports.

Both are taken from outside, from the start of the process.
"""

from __future__ import annotations

import subprocess
import sys
from time import perf_counter

import children
import measure

_IMPORTS = "import fastapi, onnxruntime, uvicorn"
_SANDBOX = ("-m", "rembg_plugins.cli", "sandbox", "--port", "0")


def main() -> None:
    """Measure, print, and say by the exit code whether all was reached."""
    arguments = measure.parser(__doc__, runs=11).parse_args()
    measure.interleave(1, _start, _import)
    ours, theirs = measure.interleave(arguments.runs, _start, _import)
    row = measure.Row(
        what="`rembg-plugins sandbox` until it listens",
        against=f"`{_IMPORTS}`",
        figures=measure.ratios(ours, theirs),
        at_most=1.5,
        absolute=f"{_ms(ours)} : {_ms(theirs)}",
    )
    measure.finish([row], as_json=arguments.json)


def _start() -> float:
    began = perf_counter()
    command = [sys.executable, *_SANDBOX]
    with subprocess.Popen(
        command, env=children.environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None  # noqa: S101 - for type checkers; it is a pipe
        line = process.stdout.readline()
        elapsed = perf_counter() - began
        process.terminate()
    if not line.startswith("Listening on "):
        message = f"the sandbox did not start: {line!r}"
        raise SystemExit(message)
    return elapsed


def _import() -> float:
    began = perf_counter()
    subprocess.run([sys.executable, "-c", _IMPORTS], env=children.environment(), check=True)
    return perf_counter() - began


def _ms(values: list[float]) -> str:
    return measure.middle(values, "ms", scale=1e3)


if __name__ == "__main__":
    main()
