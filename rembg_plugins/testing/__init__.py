"""What tests of this package, and of projects that use it, need.

Names are imported on first use: pytest loads this package in every run, for its plugin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rembg_plugins.testing.conformance import ConformanceError as ConformanceError
    from rembg_plugins.testing.engine_checks import check_engine as check_engine
    from rembg_plugins.testing.sandbox import Call as Call
    from rembg_plugins.testing.sandbox import Sandbox as Sandbox
    from rembg_plugins.testing.store_checks import check_store as check_store

_HOMES = {
    "Call": "sandbox",
    "ConformanceError": "conformance",
    "Sandbox": "sandbox",
    "check_engine": "engine_checks",
    "check_store": "store_checks",
}

__all__ = ["Call", "ConformanceError", "Sandbox", "check_engine", "check_store"]


def __getattr__(name: str) -> object:
    from importlib import import_module  # noqa: PLC0415 - so that this module imports nothing

    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
