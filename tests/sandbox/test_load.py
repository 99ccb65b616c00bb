"""Two hundred clients at once."""

from __future__ import annotations

import io
import re
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from PIL import Image

CLIENTS = 200
PATIENCE_S = 300
MEMORY_KB = 150_000  # that 200 uploads at once may take more than 8; together they are 860 MB


@pytest.fixture
def served():
    """URL and process of a sandbox that lets 150 calls in."""
    command = [sys.executable, "-m", "rembg_plugins.cli", "sandbox", "--port", "0"]
    command += ["--engine", "offline", "--rate", "150/3600", "--credits", "1000"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        url = process.stdout.readline().removeprefix("Listening on ").strip()
        yield url, process
        process.send_signal(signal.SIGTERM)


def call(url, picture, key):
    response = requests.post(
        f"{url}/rmbg",
        files={"image": ("a.bmp", picture)},
        data={"w": "50"},
        headers={"x-api-key": key},
        timeout=PATIENCE_S,
    )
    if response.status_code == 200:
        assert Image.open(io.BytesIO(response.content)).size == (50, 50)
    else:
        assert "too quickly" in response.json()["error"]
        assert int(response.headers["retry-after"]) > 0
    return response.status_code


def peak_kb(process):
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1])


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
def test_two_hundred_clients_get_answers_or_honest_refusals_and_memory_stays_bounded(served):
    url, process = served
    file = io.BytesIO()
    Image.new("RGB", (1200, 1200), "teal").save(file, "BMP")
    picture = file.getvalue()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: call(url, picture, "sandbox-first"), range(16)))
    before = peak_kb(process)
    with ThreadPoolExecutor(CLIENTS) as pool:
        statuses = pool.map(lambda _: call(url, picture, "sandbox-key"), range(CLIENTS))
        assert Counter(statuses) == {200: 150, 429: 50}
    assert peak_kb(process) - before < MEMORY_KB
    listed = requests.get(f"{url}/_sandbox/calls", timeout=60).json()
    assert sum(listed["billed"].values()) == 166
