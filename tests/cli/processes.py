"""The command as a process of its own, with an engine that asks the test before each step."""

from __future__ import annotations

import contextlib
import os
import pty
import queue
import select
import signal
import socket
import subprocess
import sys
import threading

PATIENCE_S = 60  # for what takes a moment; nothing ever waits so long if all is well

GATE = '''
"""An engine that waits for the test: "go" gives an oval for a credit, "lost" loses the answer."""
import os
import socket

from rembg_plugins import Result, hookimpl
from rembg_plugins.core.errors import APITimeoutError
from rembg_plugins.testing.offline import OfflineEngine


class GateEngine(OfflineEngine):
    name = "gate"
    paid = True

    def run(self, request, *, on_progress=None, sink=None):
        with socket.create_connection(("127.0.0.1", int(os.environ["GATE_PORT"])), 60) as gate:
            gate.sendall(request.source.name.encode() + b"\\n")
            word = gate.recv(16)
        if word == b"lost":
            raise APITimeoutError("The answer was lost", sent="all", billed=None)
        result = super().run(request, sink=sink)
        return Result.from_bytes(result.content, engine=self.name, sent="all", billed=True)


@hookimpl
def rembg_register_engines(register):
    register("gate", lambda configuration, variant: GateEngine())
'''


def install_gate(folder):
    """Install the plugin into a folder, as pip would; for PYTHONPATH."""
    info = folder / "gate_plugin-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "gate_plugin.py").write_text(GATE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gate-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rembg_plugins]\ngate = gate_plugin\n")
    return folder


class Gate:
    """Where the engine asks; each ``call()`` is one of its runs that has begun."""

    def __init__(self):
        """Listen."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE_S)
        self._calls = []

    @property
    def port(self):
        """Where."""
        return self._listener.getsockname()[1]

    def call(self):
        """Wait for the next run to begin; ``answer`` it afterwards."""
        connection, _ = self._listener.accept()
        connection.settimeout(PATIENCE_S)
        self._calls.append(connection)
        assert connection.recv(100).endswith(b"\n")
        return connection

    def is_quiet(self):
        """Whether no other run has begun."""
        ready, _, _ = select.select([self._listener], [], [], 0)
        return not ready

    def close(self):
        """Let everybody go."""
        for connection in [self._listener, *self._calls]:
            connection.close()


def answer(call, word):
    """Let a run go on."""
    call.sendall(word)
    call.close()


def command(*arguments):
    """The command line that starts ours with this interpreter."""
    return [sys.executable, "-m", "rembg_plugins.cli", *map(str, arguments)]


class Process:
    """The command, running."""

    def __init__(self, *arguments, **settings):
        """Start it with both outputs in pipes."""
        self.process = subprocess.Popen(
            command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, **settings
        )
        self.stdout = self.stderr = ""
        self._lines = queue.SimpleQueue()
        self._readers = [self._read("stdout"), self._read("stderr")]

    def _read(self, name):
        def read():
            for line in getattr(self.process, name):
                text = line.decode()
                setattr(self, name, getattr(self, name) + text)
                self._lines.put(text)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        return reader

    def expect(self, text):
        """Wait for a line with that text in it."""
        while text not in self._lines.get(timeout=PATIENCE_S):
            pass

    def interrupt(self, number=signal.SIGINT):
        """Send a signal."""
        self.process.send_signal(number)

    def wait(self):
        """Wait for its end, and give the exit code."""
        code = self.process.wait(PATIENCE_S)
        for reader in self._readers:
            reader.join(PATIENCE_S)
        return code

    def close(self):
        """End it, whatever it does."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(PATIENCE_S)
        for stream in (self.process.stdout, self.process.stderr):
            stream.close()


class Terminal:
    """The command in a terminal: chosen streams are one, the others pipes."""

    def __init__(self, *arguments, on=("stdin", "stdout", "stderr"), **settings):
        """Start it."""
        self._master, slave = pty.openpty()
        streams = {
            name: slave if name in on else subprocess.PIPE for name in ("stdin", "stdout", "stderr")
        }
        self.process = subprocess.Popen(command(*arguments), **streams, **settings)
        os.close(slave)
        self.screen = ""

    def expect(self, text):
        """Wait until a text has been on the screen."""
        while text not in self.screen:
            assert self._read(), f"{text!r} was never on the screen: {self.screen!r}"

    def type(self, text):
        """Type on the keyboard."""
        os.write(self._master, text.encode())

    def wait(self):
        """Read the screen to the end, and give the exit code."""
        while self._read():
            pass
        return self.process.wait(PATIENCE_S)

    def close(self):
        """End it, whatever it does."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(PATIENCE_S)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        os.close(self._master)

    def _read(self):
        ready, _, _ = select.select([self._master], [], [], PATIENCE_S)
        assert ready, f"nothing more comes: {self.screen!r}"
        try:
            data = os.read(self._master, 65536)
        except OSError:  # as Linux says that nobody writes any more
            return False
        self.screen += data.decode(errors="replace")
        return bool(data)
