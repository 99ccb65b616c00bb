"""A folder that is watched, by us or by the rembg library, and what became of its pictures.

Both send to the sandbox, in a process of its own, whose engine answers with an oval at once. It
counts what it was sent and what it billed; outputs are compared, pixel by pixel, with the oval
that a picture should have come to.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import children
import peers
from PIL import Image, ImageChops, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

KEY = "sandbox-key"
_PATIENCE_S = 60.0
_LOOK_S = 0.02
_DROP_FROM_BOUNDING_SET = 24
_RIGHTS_OVER_FILES = (1, 2)  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_LEVELS = 3  # by which decoders of different versions may differ


def photo(
    seed: int, *, size: tuple[int, int] = (96, 64), format_: str = "JPEG", grain: bool = False
) -> bytes:
    """A picture that looks like no other one: smooth, or noise, which takes much more room."""
    dice = random.Random(seed)  # noqa: S311 - pixels
    side = size if grain else (8, 8)
    coarse = Image.frombytes("RGB", side, dice.randbytes(3 * side[0] * side[1]))
    encoded = io.BytesIO()
    coarse.resize(size, Image.Resampling.BICUBIC).save(encoded, format_)
    return encoded.getvalue()


class Sandbox:
    """The sandbox: what it was asked, what it billed, and what shall go wrong."""

    def __init__(self, url: str) -> None:
        """It listens there."""
        self.url = url

    @property
    def calls(self) -> list[dict[str, Any]]:
        """All calls for a cut-out."""
        found: list[dict[str, Any]] = self._ask("calls")["calls"]
        return [call for call in found if call["endpoint"] == "/rmbg"]

    @property
    def bills(self) -> dict[str, int]:
        """Bills by the digest of what was sent."""
        found: dict[str, int] = self._ask("calls")["billed"]
        return found

    def fault(self, kind: str, **members: object) -> None:
        """Have something go wrong with the next calls."""
        self._ask("faults", {"kind": kind, **members})

    def reset(self) -> None:
        """Forget everything."""
        self._ask("reset", {})

    def _ask(self, what: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        # Loopback, whatever proxies there are.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.url}/_sandbox/{what}", data, _PATIENCE_S) as answer:
            return json.load(answer)


@contextlib.contextmanager
def sandbox(*, latency: float = 0.0, credits_: int = 10**6) -> Iterator[Sandbox]:
    """A sandbox without a limit of calls, which ends with the block."""
    command = [sys.executable, "-m", "rembg_plugins.cli", "sandbox", "--port", "0"]
    command += ["--engine", "offline", "--rate", "off", "--credits", str(credits_)]
    command += ["--latency", str(latency)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=children.environment(),
    ) as process:
        assert process.stdout is not None  # noqa: S101 - for type checkers; it is a pipe
        try:
            first = process.stdout.readline().decode().split()
            yield Sandbox(first[-1])
        finally:
            process.terminate()


@dataclass(kw_only=True)
class Watched:
    """An INBOX and its OUTBOX, and the process that watches.

    Attributes:
        root: Holds all of them.
        sandbox: Where it sends.
        peer_python: The interpreter of the library, where it is the one that watches.
        fed: What was put into INBOX: a name, and the bytes whose cut-out there should be.
    """

    root: Path
    sandbox: Sandbox
    peer_python: str | None = None
    fed: list[tuple[str, bytes]] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    def __post_init__(self) -> None:
        for folder in (self.inbox, self.outbox):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def inbox(self) -> Path:
        """Where pictures are put."""
        return self.root / "in"

    @property
    def outbox(self) -> Path:
        """Where outputs are looked for."""
        return self.root / "out"

    def feed(self, name: str, content: bytes) -> Path:
        """Put a picture there, at once and whole."""
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.fed.append((name, content))
        return path

    def start(self, *options: str, delete: bool = False) -> None:
        """Begin to watch, and wait until it does."""
        self.starts += 1
        log = (self.root / f"log-{self.starts}.txt").open("wb")
        url = f"{self.sandbox.url}/rmbg"
        if self.peer_python is None:
            command = [sys.executable, "-m", "rembg_plugins.cli", "watch", *self._folders()]
            command += ["--json", "--yes", "--format", "PNG", "--state", str(self.root / "state")]
            command += [*options, *(["--originals", "delete"] if delete else [])]
            env = children.environment(REMBG_API_URL=url, REMBG_API_KEY=KEY, REMBG_RATE="off")
        else:
            command = [self.peer_python, peers.worker("watch_peer.py"), *self._folders()]
            command += ["-d"] if delete else []
            env = children.environment(STUB_URL=url, PYTHONUNBUFFERED="1")
        with log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env=env,
                cwd=self.root,
                preexec_fn=_drop_rights_over_files,  # noqa: PLW1509 - there are no threads
            )

    def stop(self, number: int = signal.SIGTERM) -> float:
        """End it; gives the seconds of processor time that it took."""
        assert self.process is not None  # noqa: S101 - it was started
        if self.process.poll() is None:
            self.process.send_signal(number)
        used = os.wait4(self.process.pid, 0)[2] if self.process.returncode is None else None
        self.process.returncode = 0
        self.process = None
        return used.ru_utime + used.ru_stime if used else 0.0

    def until(self, condition: Any, *, patience_s: float = _PATIENCE_S) -> bool:
        """Wait until something holds; gives whether it came to that."""
        end = time.monotonic() + patience_s
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(_LOOK_S)
        return True

    def outputs(self) -> list[Path]:
        """The files in OUTBOX."""
        found = (path for path in self.outbox.rglob("*") if path.is_file())
        return [path for path in found if ".rembg-plugins" not in path.parts]

    def right(self, fed: Sequence[tuple[str, bytes]] | None = None) -> int:
        """How many pictures have an output of their own that is as it should be."""
        left = [
            (path.name, shape) for path in self.outputs() if (shape := _decoded(path.read_bytes()))
        ]
        count = 0
        for name, content in self.fed if fed is None else fed:
            stem = Path(name).stem
            match = next(
                (one for one in left if one[0].startswith(stem) and is_cut_out_of(one[1], content)),
                None,
            )
            if match is not None:
                left.remove(match)
                count += 1
        return count

    def wrong(self) -> int:
        """How many outputs are broken, or are the cut-out of no picture that was put there."""
        return len(self.outputs()) - self.right()

    def lost(self) -> int:
        """How many pictures are gone from INBOX without an output."""
        gone = [(name, data) for name, data in self.fed if not (self.inbox / name).exists()]
        return len(gone) - self.right(gone)

    def _folders(self) -> list[str]:
        return [str(self.inbox), str(self.outbox)]


def cpu_of(pid: int) -> float:
    """Seconds of processor time that a process has taken so far; Linux."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def oval(size: tuple[int, int]) -> Image.Image:
    """The mask that the sandbox's engine gives."""
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).ellipse((0, 0, mask.width - 1, mask.height - 1), fill=255)
    return mask


def is_cut_out_of(output: Image.Image, content: bytes) -> bool:
    """Whether a picture is the oval out of another one."""
    source = _decoded(content)
    if source is None or output.size != source.size or output.mode != "RGBA":
        return False
    oval_ = oval(source.size)
    if ImageChops.difference(output.getchannel("A"), oval_).getbbox() is not None:
        return False
    apart = ImageChops.difference(output.convert("RGB"), source.convert("RGB"))
    seen = Image.composite(apart, Image.new("RGB", apart.size), oval_)
    return max(high for _, high in seen.getextrema()) <= _LEVELS  # type: ignore[misc]  # RGB: pairs


def _decoded(content: bytes) -> Image.Image | None:
    try:
        with Image.open(io.BytesIO(content)) as picture:
            picture.load()
            return picture.copy()
    except (OSError, SyntaxError, ValueError):
        return None


def _drop_rights_over_files() -> None:
    """Let permissions hold for root, too."""
    libc = ctypes.CDLL(None)
    for right in _RIGHTS_OVER_FILES:
        libc.prctl(_DROP_FROM_BOUNDING_SET, right, 0, 0, 0)
