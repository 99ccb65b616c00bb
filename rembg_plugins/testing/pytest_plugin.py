"""The plugin for pytest: a sandbox, an engine that needs nothing, and no paid call by mistake.

Every run of pytest imports this module, where this package is installed: so it loads pytest and
the standard library, and all else where it is used.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from itertools import count
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rembg_plugins.testing.sandbox import Sandbox

_KEPT_AWAY = ("REMBG_USER_TOKEN", "REMBG_STORE")  # would make calls fail, or be left out
_numbers = count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the option that leaves the purse open."""
    parser.getgroup("rembg-plugins").addoption(
        "--rembg-allow-paid",
        action="store_true",
        help="let tests send pictures to the hosted RemBG API, which costs credits",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse paid calls until the end of the run, unless they are allowed."""
    from rembg_plugins.core import paid_calls  # noqa: PLC0415 - once coverage is measured

    stack = ExitStack()
    stack.enter_context(paid_calls.refused(refuse=not config.getoption("--rembg-allow-paid")))
    config.add_cleanup(stack.close)


@pytest.fixture(scope="session")
def _rembg_sandbox_url() -> Iterator[str]:
    """The one sandbox of this process; of each worker, where there are several."""
    from rembg_plugins.testing.sandbox_process import (  # noqa: PLC0415 - where used
        SandboxStartError,
        sandbox_process,
    )

    with ExitStack() as stack:
        try:
            url = stack.enter_context(sandbox_process())
        except SandboxStartError as problem:
            pytest.fail(str(problem), pytrace=False)
        yield url


@pytest.fixture
def rembg_sandbox(_rembg_sandbox_url: str, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The RemBG API on this machine, with no calls yet; settings lead to it in this test."""
    from rembg_plugins.sandbox.keys import PREFIX  # noqa: PLC0415 - where used
    from rembg_plugins.testing.sandbox import Sandbox  # noqa: PLC0415 - where used

    # A new account for each test: what a client remembers of a key, that it has to wait for
    # instance, ends with the test.
    sandbox = Sandbox(_rembg_sandbox_url, key=f"{PREFIX}{os.getpid()}-{next(_numbers)}-key")
    sandbox.reset()
    _set(monkeypatch, sandbox.environment)
    return sandbox


@pytest.fixture
def rembg_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine ``offline`` in this test: an oval, at once, without key, network or model."""
    _set(monkeypatch, {"REMBG_ENGINE": "offline"})


def _set(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name in _KEPT_AWAY:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
