"""What can be wrong with the watcher's own set-up, which `rembg-plugins doctor` does not know."""

from __future__ import annotations

from rembg_plugins.core.errors import ConfigurationError, FieldError

TYPED = "argument"
"""The code of a problem that lies in what was typed."""

SET_UP = "setting"
"""Of one that lies in a setting of the environment, or of a file."""

FOLDER = "folder"
"""Of a folder that is missing, or lies where it must not."""

ENGINE = "engine"
"""Of an engine that there is not, or that cannot work as it is set up."""

LEDGER = "ledger"
"""Of a ledger that is missing or cannot be used."""


def problem_of(code: str, message: str, *, field: str | None = None) -> ConfigurationError:
    """The error for a single problem."""
    error = FieldError(field=field, message=message, code=code)
    return ConfigurationError(message, errors=[error])
