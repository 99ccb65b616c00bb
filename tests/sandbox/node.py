"""The vendor's npm client, as published, in one Node process, and the sandbox that it asks."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from PIL import Image

from rembg_plugins.sandbox.keys import GOOD_KEY

FOLDER = Path(__file__).with_name("npm")
PACKAGE = Path("node_modules", "@remove-background-ai", "rembg.js")
INSTALL = "npm ci --prefix tests/sandbox/npm"
OLDEST = (18, 17)  # as the package says
SIZE = (48, 32)
RED, BLUE = (255, 0, 0, 255), (0, 0, 255, 255)
PATIENCE_S = 60  # for what takes a moment; nothing ever waits so long if all is well


def why_not(node: str | None, folder: Path = FOLDER) -> str | None:
    """What is missing for the client to run, and how to get it; None if nothing is."""
    wanted = ".".join(map(str, OLDEST))
    if node is None:
        return f"Node {wanted} or newer is not installed; install it with npm, then run: {INSTALL}"
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if tuple(map(int, re.findall(r"\d+", said)[:2])) < OLDEST:
        return f"Node {said.strip()} is too old; install {wanted} or newer, then run: {INSTALL}"
    if not (folder / PACKAGE).is_dir():
        return f"The vendor's npm client is not installed; run: {INSTALL}"
    return None


def drawn(size=SIZE, format="PNG"):
    """A picture, its left half red, its right half blue; the sandbox cuts an oval out of it."""
    image = Image.new("RGB", size, BLUE[:3])
    image.paste(RED[:3], (0, 0, size[0] // 2, size[1]))
    file = io.BytesIO()
    image.save(file, format)
    return file.getvalue()


def in_base64(data):
    return base64.b64encode(data).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the client made of one case.

    Attributes:
        result: What it gave, its file's ``content`` (base64) read before, and whether the file
            was ``left`` after, ``cleanup()``; None where it threw.
        error: The message of what it threw.
        events: What its callbacks were told.
        logged: What it wrote to the console.
        answers: ``status`` and ``headers`` of every HTTP answer that it got.
    """

    events: list
    logged: list
    answers: list
    result: dict | None = None
    error: str | None = None

    @classmethod
    def read(cls, raw):
        error = raw.pop("error", None)
        assert error is None or error["isError"], "it threw something that is no Error"
        return cls(**raw, error=error and error["message"])

    @property
    def content(self):
        assert self.result is not None, self.error
        text = self.result.get("content")
        if text is None:
            start, comma, text = self.result["base64Image"].partition(",")
            assert (start, comma) == ("data:image/png;base64", ",")
        return base64.b64decode(text, validate=True)

    @property
    def picture(self):
        return Image.open(io.BytesIO(self.content))


class NodeClient:
    """The client's process; it ends with the block."""

    def __init__(self, node, url, folder):
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.lower().endswith("_proxy") and not name.startswith(("NODE_", "REMBG_"))
        }
        redirect, driver = FOLDER / "redirect.cjs", FOLDER / "driver.cjs"
        self._process = subprocess.Popen(
            [node, "--require", redirect, driver, str(PATIENCE_S)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment | {"SANDBOX_URL": url, "TMPDIR": str(folder)},
            text=True,
            encoding="utf-8",
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.communicate(timeout=PATIENCE_S)
        assert self._process.returncode == 0

    def run(self, *cases):
        """The outcome of each case; they run one after another."""
        self._process.stdin.write(json.dumps(cases) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the client's process has ended: a case took too long, or broke it"
        return [Outcome.read(raw) for raw in json.loads(line)]


class Served:
    """A sandbox, the client that asks it, and the folder of the client's temporary files."""

    def __init__(self, url, client, folder):
        self.url = url
        self.client = client
        self.folder = folder

    def control(self, what, body=None):
        url = f"{self.url}/_sandbox/{what}"
        response = requests.post(url, json=body, timeout=PATIENCE_S)
        assert response.status_code == 200, response.text

    def remove(self, data=None, *, key=GOOD_KEY, input=None, of=1, **case):
        """The outcome of a case, of the last run of so many."""
        given = input or {"buffer": in_base64(drawn() if data is None else data)}
        return self.client.run(*[{"input": given, "key": key, **case}] * of)[-1]

    @property
    def calls(self):
        url = f"{self.url}/_sandbox/calls"
        return requests.get(url, timeout=PATIENCE_S).json()["calls"]

    @property
    def sent(self):
        """The fields of the only call that there was."""
        (call,) = self.calls
        return call["fields"]


@contextlib.contextmanager
def sandbox_program(folder):
    """The URL of a sandbox in a process of its own, which ends with the block, by SIGTERM."""
    log = folder / "stderr.txt"
    command = ["-m", "rembg_plugins.cli", "sandbox", "--port", "0", "--engine", "offline"]
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [sys.executable, *command],
            stdout=subprocess.PIPE,
            stderr=errors,
            env={name: value for name, value in os.environ.items() if name[:6] != "REMBG_"},
            text=True,
        ) as process,
    ):
        try:
            first = process.stdout.readline()
            assert first.startswith("Listening on "), log.read_text(encoding="utf-8")
            yield first.removeprefix("Listening on ").strip()
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, log.read_text(encoding="utf-8")


@contextlib.contextmanager
def serving(folder):
    """A client and its sandbox; skips where the client cannot run."""
    node = shutil.which("node")
    if problem := why_not(node):
        pytest.skip(problem)
    files = folder / "files"
    files.mkdir()
    with sandbox_program(folder) as url, NodeClient(node, url, files) as client:
        yield Served(url, client, files)
