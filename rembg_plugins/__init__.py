"""Background removal, where people already work with pictures.

    from rembg_plugins import remove
    remove("cat.jpg", format="PNG").save("cat-cutout.png")

Names are imported on first use (PEP 562): ``import rembg_plugins`` itself loads next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rembg_plugins.core import errors as errors
    from rembg_plugins.core.adapter import Adapter as Adapter
    from rembg_plugins.core.assembly import remove as remove
    from rembg_plugins.core.engine import Engine as Engine
    from rembg_plugins.core.engine import ProgressEvent as ProgressEvent
    from rembg_plugins.core.errors import APIError as APIError
    from rembg_plugins.core.errors import ConfigurationError as ConfigurationError
    from rembg_plugins.core.errors import RembgError as RembgError
    from rembg_plugins.core.errors import ValidationError as ValidationError
    from rembg_plugins.core.hookspecs import hookimpl as hookimpl
    from rembg_plugins.core.options import Options as Options
    from rembg_plugins.core.request import Request as Request
    from rembg_plugins.core.result import Result as Result
    from rembg_plugins.core.retry import Retry as Retry
    from rembg_plugins.core.validation import validate as validate

__version__ = "0.1.0"

_HOMES = {
    "APIError": "errors",
    "Adapter": "adapter",
    "ConfigurationError": "errors",
    "Engine": "engine",
    "Options": "options",
    "ProgressEvent": "engine",
    "RembgError": "errors",
    "Request": "request",
    "Result": "result",
    "Retry": "retry",
    "ValidationError": "errors",
    "hookimpl": "hookspecs",
    "remove": "assembly",
    "validate": "validation",
}

__all__ = [
    "APIError",
    "Adapter",
    "ConfigurationError",
    "Engine",
    "Options",
    "ProgressEvent",
    "RembgError",
    "Request",
    "Result",
    "Retry",
    "ValidationError",
    "__version__",
    "errors",
    "hookimpl",
    "remove",
    "validate",
]


def __getattr__(name: str) -> object:
    from importlib import import_module  # noqa: PLC0415 - so that this module imports nothing

    if name == "errors":
        return import_module("rembg_plugins.core.errors")
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value: object = getattr(import_module(f"rembg_plugins.core.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
