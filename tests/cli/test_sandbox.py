from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

import pytest
import requests
from PIL import Image

COMMAND = [sys.executable, "-m", "rembg_plugins.cli", "sandbox"]
PATIENCE_S = 60


class Started:
    """The command as a user sees it."""

    def __init__(self, *arguments, folder):
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines = []
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if line.startswith("Ctrl-C"):
                break

    @property
    def url(self):
        return self.lines[0].removeprefix("Listening on ")

    def end(self, number):
        self.process.send_signal(number)
        rest, errors = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, rest, errors


@pytest.fixture
def start(tmp_path):
    started = []

    def begin(*arguments):
        started.append(Started("--port", "0", *arguments, folder=tmp_path))
        return started[-1]

    yield begin
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


def run(*arguments):
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_it_says_where_it_listens_and_what_to_set(start):
    sandbox = start("--engine", "offline")
    assert re.fullmatch(r"Listening on http://127\.0\.0\.1:\d+", sandbox.lines[0])
    exported = {
        name: value
        for line in sandbox.lines
        if line.startswith("  export ")
        for name, value in [line.removeprefix("  export ").split("=")]
    }
    assert exported == {
        "REMBG_API_URL": f"{sandbox.url}/rmbg",
        "REMBG_MEMBERSHIP_USAGE_URL": f"{sandbox.url}/api/membership-usage",
        "REMBG_API_KEY": "sandbox-key",
    }
    assert requests.get(f"{sandbox.url}/healthz", timeout=PATIENCE_S).json()["status"] == "ok"


def test_what_it_says_to_set_makes_the_other_commands_use_it(start, tmp_path):
    sandbox = start("--engine", "offline")
    exports = "\n".join(line for line in sandbox.lines if line.startswith("  export "))
    Image.new("RGB", (60, 40), "teal").save(tmp_path / "cat.png")
    command = f"{exports}\n{sys.executable} -m rembg_plugins.cli remove cat.png -o out.png"
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "out.png") as image:
        assert image.size == (60, 40)
    calls = requests.get(f"{sandbox.url}/_sandbox/calls", timeout=PATIENCE_S).json()["calls"]
    assert [call["billed"] for call in calls] == [True]


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_line_that_it_prints_gives_a_cut_out_as_it_is(start, tmp_path):
    sandbox = start()
    (line,) = [line for line in sandbox.lines if line.startswith("  curl ")]
    done = subprocess.run(
        ["/bin/sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "cutout.png") as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGBA", (451, 300))
        assert image.getpixel((5, 5))[3] < 5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly(start, number):
    sandbox = start("--engine", "offline")
    code, rest, errors = sandbox.end(number)
    assert (code, rest, errors) == (0, "", "")
    with pytest.raises(requests.ConnectionError):
        requests.get(sandbox.url, timeout=PATIENCE_S)


def test_it_stops_though_a_client_waits_for_an_answer_that_never_comes(start):
    sandbox = start("--engine", "offline")
    host, port = sandbox.url.removeprefix("http://").split(":")
    fault = {"kind": "never"}
    requests.post(f"{sandbox.url}/_sandbox/faults", json=fault, timeout=PATIENCE_S)
    with socket.create_connection((host, int(port)), PATIENCE_S) as waiting:
        waiting.sendall(b"POST /rmbg HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        while not requests.get(f"{sandbox.url}/_sandbox/calls", timeout=PATIENCE_S).json()["calls"]:
            pass  # asking is waiting enough
        assert sandbox.end(signal.SIGTERM)[0] == 0


def test_each_call_is_told_of_in_a_line(start):
    sandbox = start("--engine", "offline")
    for name in ("cat\x1b[2J.exe", "cat.exe"):
        requests.post(
            f"{sandbox.url}/rmbg",
            files={"image": (name, b"MZ")},
            headers={"x-api-key": "sandbox-key"},
            timeout=PATIENCE_S,
        )
    requests.post(f"{sandbox.url}/rmbg", headers={"x-api-key": "my-live-key"}, timeout=PATIENCE_S)
    _, _, errors = sandbox.end(signal.SIGTERM)
    assert "POST /rmbg 400, no credit, sandbox-key cat.exe\n" in errors
    assert "\x1b" not in errors
    assert "my-live-key" not in errors


def test_credits_rate_and_latency_can_be_set(start):
    sandbox = start("--engine", "offline", "--credits", "7", "--rate", "1/60", "--latency", "0.01")
    answer = requests.get(
        f"{sandbox.url}/api/membership-usage",
        headers={"x-api-key": "sandbox-key"},
        timeout=PATIENCE_S,
    )
    assert answer.json()["credits"] == 7
    statuses = [
        requests.post(
            f"{sandbox.url}/rmbg", headers={"x-api-key": "sandbox-key"}, timeout=PATIENCE_S
        ).status_code
        for _ in range(2)
    ]
    assert statuses == [400, 429]


def test_it_listens_on_ipv6_too(start):
    with contextlib.suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        sandbox = start("--engine", "offline", "--host", "::1")
        assert sandbox.url.startswith("http://[::1]:")
        assert requests.get(f"{sandbox.url}/healthz", timeout=PATIENCE_S).status_code == 200


def test_a_port_that_is_taken_is_named_with_the_remedy():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, errors = run("--port", str(port), "--engine", "offline")
    assert (code, out) == (78, "")
    assert f"Cannot listen on 127.0.0.1, port {port}: Address already in use" in errors
    assert "--port" in errors


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--rate", "fast"], 78, "'fast'"),
        (["--engine", "api"], 78, "may cost money"),
        (["--engine", "nothing"], 78, "There is no engine 'nothing'"),
        (["--port", "70000"], 2, "70000"),
        (["--credits", "-1"], 2, "-1"),
        (["--latency", "soon"], 2, "soon"),
        (["--latency", "nan"], 2, "nan"),
        (["--host", "no.such.host.invalid"], 78, "Choose another with --host"),
        (["--host", ""], 78, "Give --host an address"),
    ],
)
def test_a_bad_setting_is_named_before_anything_starts(arguments, code, said):
    found, out, errors = run("--port", "0", *arguments)
    assert (found, out) == (code, "")
    assert said in errors
    assert "Traceback" not in errors


def test_without_its_extra_it_names_what_to_install(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'uvicorn' else find(name, *rest)\n"
    )
    done = subprocess.run(
        COMMAND,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 78
    assert "uvicorn not installed; run: pip install 'rembg-plugins[sandbox]'" in done.stderr


def post(sandbox, count):
    """Calls whose lines on stderr are long."""
    for _ in range(count):
        requests.post(
            f"{sandbox.url}/rmbg",
            files={"image": (f"{'n' * 190}.exe", b"MZ")},
            headers={"x-api-key": "sandbox-key"},
            timeout=PATIENCE_S,
        )


def test_nobody_has_to_read_its_lines(start):
    sandbox = start("--engine", "offline", "--rate", "off")
    post(sandbox, 400)  # about 100 kB of lines: more than a pipe holds
    sandbox.process.send_signal(signal.SIGTERM)
    assert sandbox.process.wait(PATIENCE_S) == 0


def test_it_goes_on_where_nobody_can_read_its_lines(start):
    sandbox = start("--engine", "offline")
    sandbox.process.stderr.close()
    post(sandbox, 2)
    calls = requests.get(f"{sandbox.url}/_sandbox/calls", timeout=PATIENCE_S).json()["calls"]
    assert [call["status"] for call in calls] == [400, 400]
    sandbox.process.send_signal(signal.SIGTERM)
    assert sandbox.process.wait(PATIENCE_S) == 0
    sandbox.process.stderr = None


def test_on_all_addresses_it_names_one_that_works_and_believes_no_proxy(tmp_path, monkeypatch):
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    monkeypatch.setenv("WEB_CONCURRENCY", "many")
    sandbox = Started("--port", "0", "--engine", "offline", "--host", "0.0.0.0", folder=tmp_path)  # noqa: S104 - asked for
    try:
        assert sandbox.url.startswith("http://127.0.0.1:")
        calls = f"{sandbox.url}/_sandbox/calls"
        assert requests.get(calls, timeout=PATIENCE_S).status_code == 200
        forwarded = {"X-Forwarded-For": "192.0.2.1"}  # believed, the caller would be refused
        assert requests.get(calls, headers=forwarded, timeout=PATIENCE_S).status_code == 200
    finally:
        sandbox.end(signal.SIGTERM)


def test_a_ctrl_c_that_is_ignored_stays_so(tmp_path):
    command = f"trap '' INT; exec {' '.join(COMMAND)} --port 0 --engine offline"
    with subprocess.Popen(
        ["/bin/sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        url = process.stdout.readline().removeprefix("Listening on ").strip()
        process.send_signal(signal.SIGINT)
        assert requests.get(f"{url}/healthz", timeout=PATIENCE_S).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0


def test_whoever_reads_the_first_line_alone_leaves_it_running(tmp_path):
    command = [*COMMAND, "--port", "0", "--engine", "offline"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        url = process.stdout.readline().removeprefix("Listening on ").strip()
        process.stdout.close()
        assert requests.get(f"{url}/healthz", timeout=PATIENCE_S).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
