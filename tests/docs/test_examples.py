"""Every Python example of the pages runs, as a reader would run it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from email import message_from_bytes
from pathlib import Path

import pytest
from api.server import Exchange, Server, head
from doc_pages import DOCS, PAGES, Block, blocks, name_of

import rembg_plugins
from rembg_plugins import remove

EXAMPLES = [
    pytest.param(block, id=f"{name_of(page)}:{block.line}")
    for page in PAGES
    for block in blocks(page, "python")
    if not block.not_run
]
HOSTED = "docs/how-to/hosted-api.md"


@pytest.fixture
def reader(tmp_path):
    """A folder with the pictures, and an environment without settings."""
    shutil.copytree(DOCS / "images", tmp_path / "docs" / "images")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REMBG_")}
    package = Path(rembg_plugins.__file__).parents[1]
    return tmp_path, {**kept, "PYTHONPATH": str(package)}


def run(block: Block, folder: Path, environment: dict[str, str]) -> None:
    script = folder / "example.py"
    # As many empty lines above as in the page, so that a traceback names the page's line.
    script.write_text("\n" * (block.line - 1) + block.code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", script.name],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def act_as_the_api(exchange: Exchange) -> None:
    """Answer with a cut-out of the picture that was sent, as the options say."""
    body = exchange.read_body()
    kind = f"Content-Type: {exchange.request.headers['content-type']}\r\n\r\n".encode()
    form = {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
        for part in message_from_bytes(kind + body).get_payload()
    }
    picture = form.pop("image")
    options = {name: value.decode() for name, value in form.items()}
    result = remove(picture, options, engine="offline")
    headers = {"Content-Type": result.media_type, "Content-Length": str(len(result.content))}
    exchange.send(head(200, headers) + result.content)


@pytest.mark.parametrize(
    "block", [example for example in EXAMPLES if not example.id.startswith(HOSTED)]
)
def test_an_example_runs_as_it_stands(block, reader):
    run(block, *reader)


@pytest.mark.parametrize(
    "block", [example for example in EXAMPLES if example.id.startswith(HOSTED)]
)
def test_an_example_for_the_hosted_api_runs_with_a_key(block, reader):
    folder, environment = reader
    with Server(act_as_the_api) as server:
        settings = {"REMBG_API_KEY": "a-key-for-tests", "REMBG_API_URL": server.url}
        run(block, folder, environment | settings)
    keys = {request.headers.get("x-api-key") for request in server.requests}
    assert keys <= {"a-key-for-tests"}


def test_only_few_examples_are_not_run():
    reasons = [block.not_run for page in PAGES for block in blocks(page, "python") if block.not_run]
    assert len(reasons) <= 3, reasons
    assert len(EXAMPLES) >= 10
