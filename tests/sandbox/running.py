"""A sandbox in a thread of the test's process, with a clock of the test's own."""

from __future__ import annotations

import asyncio
import threading
import time

import requests

from rembg_plugins.sandbox.app import build_app
from rembg_plugins.sandbox.cutting import build_cutter
from rembg_plugins.sandbox.keys import GOOD_KEY
from rembg_plugins.sandbox.removal import Removals
from rembg_plugins.sandbox.server import build_server, listen, url_of
from rembg_plugins.sandbox.settings import Settings
from rembg_plugins.sandbox.world import World

PATIENCE_S = 60  # for what takes a moment; nothing ever waits so long if all is well
NOON = 1_795_348_800.0  # 2026-11-22 12:00 UTC


class Clock:
    """A time that only tests move."""

    def __init__(self, now=NOON):
        self.now = now

    def __call__(self):
        return self.now


class RunningSandbox:
    """Begins to serve when it is made; ``stop()`` ends it."""

    def __init__(self, engine="offline", **settings):
        self.clock = Clock()
        self.slept = []
        self.heard = []
        self.world = World(Settings(engine=engine, **settings), self.clock, self.clock)
        self.removals = Removals(
            self.world, build_cutter(engine), sleep=self._sleep, on_call=self.heard.append
        )
        self._socket = listen("127.0.0.1", 0)
        self.url = url_of(self._socket)
        self.address = self._socket.getsockname()
        ready = threading.Event()
        self._server = build_server(build_app(self.world, self.removals), ready.set)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))
        self._thread.start()
        assert ready.wait(PATIENCE_S)
        self.session = requests.Session()

    async def _sleep(self, seconds):
        self.slept.append(seconds)
        await asyncio.sleep(0)

    def reset(self):
        """As if it had just been started."""
        self.session.close()
        self.session = requests.Session()
        self.clock.now = NOON
        self.world.reset()
        self.slept.clear()
        self.heard.clear()

    def stop(self):
        self.session.close()
        self._server.should_exit = True
        self._thread.join(PATIENCE_S)
        self._socket.close()
        assert not self._thread.is_alive()

    def post(self, picture, *, key=GOOD_KEY, name="cat.png", headers=None, **fields):
        """Send a picture, as any client does."""
        files = {} if picture is None else {"image": (name, picture)}
        given = {} if key is None else {"x-api-key": key}
        return self.session.post(
            f"{self.url}/rmbg",
            files=files or None,
            data=fields,
            headers={**given, **(headers or {})},
            timeout=PATIENCE_S,
        )

    def stream(self, picture):
        """The answer for a picture, as PNG, with its body unread."""
        return self.session.post(
            f"{self.url}/rmbg",
            files={"image": ("a.png", picture)},
            data={"format": "png"},
            headers={"x-api-key": GOOD_KEY},
            stream=True,
            timeout=PATIENCE_S,
        )

    def get(self, path, *, key=GOOD_KEY, headers=None, **query):
        given = {} if key is None else {"x-api-key": key}
        return self.session.get(
            self.url + path,
            params=query,
            headers={**given, **(headers or {})},
            timeout=PATIENCE_S,
        )

    def control(self, what, body=None, **options):
        return self.session.post(
            f"{self.url}/_sandbox/{what}", json=body, timeout=PATIENCE_S, **options
        )

    def fault(self, kind, **members):
        response = self.control("faults", {"kind": kind, **members})
        assert response.status_code == 200, response.text

    def connections(self):
        """uvicorn's protocols of the open connections."""
        return set(self._server.server_state.connections)

    def connections_with_calls(self):
        """Those whose call has not been answered yet."""
        return {
            connection
            for connection in self.connections()
            if connection.cycle and connection.scope["path"] == "/rmbg"
        }

    def until(self, condition):
        """Ask until something holds; asking is waiting enough."""
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert self.get("/healthz").status_code == 200
            assert time.monotonic() < end

    @property
    def calls(self):
        return self.get("/_sandbox/calls").json()["calls"]
