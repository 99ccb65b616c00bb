"""What holds of calls that cost money: how many at once, when to ask first, and never by mistake.

A lock on the purse: where it is closed, no picture leaves this machine. Test runs close it, so
that no mistake in a test spends credits.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.core.loopback import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

JOBS = 4
"""Calls at once where they are paid for: an answer of the API takes 3 to 5 s of waiting."""

ASK_ABOVE = 50
"""Paid pictures from which on a run asks first."""

OPTION = "--rembg-allow-paid"
"""The option of pytest that leaves it open."""

VARIABLE = "NO_PAID_REMBG_CALLS"
"""Tells child processes that it is closed. It is none of the settings, and does not begin like
them: the suites of many projects remove those before each test."""


class _Process:
    """What was decided for this process; None where only the environment decides."""

    refused: bool | None = None


@contextmanager
def refused(*, refuse: bool = True) -> Iterator[None]:
    """Refuse, or allow, paid calls until the block ends.

    It holds for all threads of this process, whatever they do to the environment, for those that
    it forks, and for programs that it starts with its environment. The former state is restored.

    Args:
        refuse: False allows them, even if this process was started by one that refuses.
    """
    before, variable = _Process.refused, os.environ.get(VARIABLE)
    _Process.refused = refuse
    _set_variable("1" if refuse else None)
    try:
        yield
    finally:
        _Process.refused = before
        _set_variable(variable)


def check(url: str) -> None:
    """Refuse a call that may cost a credit, where such calls are refused.

    An engine of a plugin that sends pictures away does well to ask here first.

    Args:
        url: Where the picture would be sent; this machine is always fine.

    Raises:
        ConfigurationError: Paid calls are refused, and the URL leads away from this machine.
    """
    closed = bool(os.environ.get(VARIABLE)) if _Process.refused is None else _Process.refused
    host = _host_of(url)
    if closed and not is_loopback(host):
        message = (
            f"A test run must not send pictures to {host or 'another machine'}, which may cost "
            "credits. Use the fixture rembg_sandbox or rembg_offline; or, if you mean it, "
            f"run: pytest {OPTION}"
        )
        raise ConfigurationError(message)


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _set_variable(value: str | None) -> None:
    if value is None:
        os.environ.pop(VARIABLE, None)
    else:
        os.environ[VARIABLE] = value
