"""Every benchmark, one after another, in one table; options go to those that know them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import children
import measure
import peers

_TOPICS = {
    "cold": ("--peer-python",),
    "warm": ("--peer-python",),
    "uploads": ("--npm-folder",),
    "validate": (),
    "imports": (),
    "store": (),
    "sandbox_start": (),
    "throttle": (),
}


def main() -> None:
    """Run them, print, and say by the exit code whether all was reached."""
    options = measure.parser(__doc__, runs=0)
    peers.add_rembg_option(options)
    peers.add_npm_option(options)
    arguments = options.parse_args()
    given = {"--peer-python": arguments.peer_python, "--npm-folder": str(arguments.npm_folder)}
    rows = []
    for topic, names in _TOPICS.items():
        print(f"{topic} ...", file=sys.stderr, flush=True)
        command = [sys.executable, str(children.HERE / f"{topic}.py"), "--json"]
        for name in names:
            command += [name, given[name]]
        if arguments.runs:
            command += ["--runs", str(arguments.runs)]
        rows += _rows(command)
    measure.finish(rows, as_json=arguments.json)


def _rows(command: list[str]) -> list[measure.Row]:
    """What a script measured; a row that was missed is no failure of the script."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if not done.stdout:
        message = f"{Path(command[1]).name} measured nothing; see its messages above"
        raise SystemExit(message)
    return measure.from_json(done.stdout)


if __name__ == "__main__":
    main()
