"""Fixtures of the watched folder's tests: a watcher's parts in this process, and its engines."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from sandbox.running import RunningSandbox
from watch.station import Scripted, Station, until
from watch.watching import Watchers

from rembg_plugins.core.hookspecs import hookimpl
from rembg_plugins.core.plugins import default_manager
from rembg_plugins.watch import parts


@pytest.fixture(scope="session")
def _served():
    sandbox = RunningSandbox(rate=None)
    yield sandbox
    sandbox.stop()


@pytest.fixture
def sandbox(_served):
    """A sandbox in this process, as if just started."""
    _served.reset()
    return _served


@pytest.fixture
def scripted():
    """The engine ``scripted``, offered by a plugin."""
    engine = Scripted()

    def offer(register):
        register("scripted", lambda _configuration, _variant: engine, summary="For tests: paid.")

    plugin = SimpleNamespace(rembg_register_engines=hookimpl(offer))
    default_manager().register(plugin, "engine of a test")
    yield engine
    default_manager().unregister(plugin)


@pytest.fixture
def station(tmp_path, scripted):
    """The parts of a watcher, with the engine ``scripted``."""
    station = Station(tmp_path, engine="scripted")
    yield station
    station.close()


@pytest.fixture
def api(tmp_path, sandbox):
    """The parts of a watcher, with the API's client and the sandbox."""
    station = Station(tmp_path, engine="api", sandbox=sandbox)
    yield station
    station.close()


@pytest.fixture
def make_watcher(station, monkeypatch):
    """Makes watchers of the station's folders: ``make_watcher(once=False, jobs="2")``."""
    parts.prepare_leases()  # which the main thread alone may do, and which is done for all then
    monkeypatch.setattr(parts, "prepare_leases", lambda: None)
    return Watchers(station)


@pytest.fixture
def run_beside():
    """Lets a watcher run beside the test, which ends it."""
    pool, watchers = ThreadPoolExecutor(1), []

    def run(watcher):
        watchers.append(watcher)
        future = pool.submit(watcher.run)
        until(lambda: watcher._began or future.done())
        return future

    yield run
    for watcher in watchers:  # where a test has failed
        watcher.signals.put(signal.SIGTERM)
        watcher.signals.put(signal.SIGTERM)
    pool.shutdown()
