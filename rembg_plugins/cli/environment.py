"""The settings as the command line finds them: ``.env`` of the current folder, and plugins too."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rembg_plugins.core.configuration import Configuration, configure, find_settings
from rembg_plugins.core.plugins import default_manager

if TYPE_CHECKING:
    from rembg_plugins.core.setting import Setting

_DOTENV = Path(".env")


def find_configuration(*, engine: str | None = None, store: str | None = None) -> Configuration:
    """The settings in force, checked.

    Raises:
        ConfigurationError: See :func:`rembg_plugins.core.configuration.configure`.
    """
    ask = default_manager().hook.rembg_get_credentials
    return configure(dotenv=_DOTENV, credentials=ask, engine=engine, store=store)


def find_all_settings() -> dict[str, Setting[object]]:
    """Every setting by name with its origin, unchecked.

    Raises:
        ConfigurationError: ``.env`` cannot be read.
    """
    ask = default_manager().hook.rembg_get_credentials
    return find_settings(dotenv=_DOTENV, credentials=ask)
