"""Where the programs are that we compare with, and how each is started.

Nothing of theirs is changed: the library's weights come from a folder that it looks into, and
the npm client's address is changed from outside.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import children

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

NPM_PACKAGE = "@remove-background-ai/rembg.js"
NPM_VERSION = "1.3.1"
_WORKERS = children.HERE / "workers"
_WEIGHTS = children.HERE.parent / "rembg_plugins" / "engines" / "weights" / "u2netp.onnx"


def add_rembg_option(options: argparse.ArgumentParser) -> None:
    """Add ``--peer-python``."""
    options.add_argument(
        "--peer-python",
        default=os.environ.get("BENCHMARKS_PEER_PYTHON", sys.executable),
        help="interpreter that has rembg[cpu,cli] 2.0.86; BENCHMARKS_PEER_PYTHON, or this one",
    )


def add_npm_option(options: argparse.ArgumentParser) -> None:
    """Add ``--npm-folder``."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = os.environ.get("BENCHMARKS_NPM_FOLDER", cache / "rembg-plugins-benchmarks" / "npm")
    options.add_argument(
        "--npm-folder",
        type=Path,
        default=Path(folder),
        help=f"where {NPM_PACKAGE} {NPM_VERSION} is, or gets installed (%(default)s)",
    )


def rembg_environment(folder: Path) -> dict[str, str]:
    """The environment in which the library finds the very weights that we use."""
    home = folder / "u2net-home"
    home.mkdir(exist_ok=True)
    shutil.copy(_WEIGHTS, home)
    return children.environment(U2NET_HOME=str(home))


def script(python: str, name: str) -> str:
    """A console script beside an interpreter."""
    return str(Path(python).absolute().with_name(name))


def worker(name: str) -> str:
    """The path of a worker's program."""
    return str(_WORKERS / name)


def install_npm_client(folder: Path) -> None:
    """Install the client with ``npm``, unless it is there already."""
    if (folder / "node_modules" / NPM_PACKAGE).is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    npm = shutil.which("npm") or "npm"
    command = [npm, "install", "--prefix", str(folder), f"{NPM_PACKAGE}@{NPM_VERSION}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def stub(answer: Path, *, latency: float = 0.0) -> Iterator[str]:
    """The URL of a stub server, which ends with the block.

    Args:
        answer: The picture that it answers.
        latency: Seconds from the end of a request to its answer.
    """
    program = str(children.HERE / "stub.py")
    command = [sys.executable, program, str(answer), "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None  # noqa: S101 - for type checkers; it is a pipe
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/rmbg"
        finally:
            process.terminate()
