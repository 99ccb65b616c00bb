"""The hooks of this package: the whole contract of a plugin.

A plugin is a module or object with functions of these names, marked with ``hookimpl`` and
announced under the entry-point group ``rembg_plugins``. Names and arguments are public API.
Observers see frozen data; one that raises is logged with its plugin's name and changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from rembg_plugins.core.configuration import Credentials
    from rembg_plugins.core.errors import RembgError
    from rembg_plugins.core.plugins import Register
    from rembg_plugins.core.request import Request
    from rembg_plugins.core.result import Result

PROJECT = "rembg_plugins"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def rembg_register_engines(register: Register) -> None:
    """Offer engines: call ``register(name, factory, summary=...)`` for each."""


@hookspec
def rembg_register_commands(cli: Any) -> None:
    """Add commands to ``rembg-plugins``: ``cli`` is its click group."""


@hookspec(firstresult=True)
def rembg_get_credentials(profile: str | None) -> Credentials | None:
    """Give the credentials of a profile, from a vault for instance; the first answer counts."""


@hookspec
def rembg_before_request(request: Request) -> None:
    """See each request before an engine gets it."""


@hookspec
def rembg_after_result(request: Request, result: Result, elapsed: float) -> None:
    """See each good result; ``elapsed`` in s."""


@hookspec
def rembg_on_error(request: Request, error: RembgError) -> None:
    """See each failed try."""
