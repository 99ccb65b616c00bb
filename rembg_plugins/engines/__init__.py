"""The engines that come with the package; they are offered through the plugins' own hook."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from rembg_plugins.core.hookspecs import hookimpl

if TYPE_CHECKING:
    from rembg_plugins.core.configuration import Configuration
    from rembg_plugins.core.engine import Engine
    from rembg_plugins.core.plugins import Register


@hookimpl
def rembg_register_engines(register: Register) -> None:
    """Offer ``api``, ``local`` and ``rembg``; none of them is imported before it is used."""
    register("api", _api, summary="The hosted RemBG API; one credit a picture.")
    register(
        "local",
        _local,
        summary="Embedded U2-NetP model; no key, no network.",
        check=lambda: _missing("local", "onnxruntime", "numpy"),
    )
    register(
        "rembg",
        _rembg,
        summary="Models of the `rembg` library, as in rembg:birefnet-general.",
        check=lambda: _missing("rembg", "rembg", "onnxruntime"),
    )


def _api(configuration: Configuration, variant: str | None) -> Engine:
    from rembg_plugins.engines.api import ApiEngine  # noqa: PLC0415 - first use

    del variant
    return ApiEngine.configured(configuration)


def _local(configuration: Configuration, variant: str | None) -> Engine:
    from rembg_plugins.engines.local import LocalEngine  # noqa: PLC0415 - first use

    del configuration, variant
    return LocalEngine()


def _rembg(configuration: Configuration, variant: str | None) -> Engine:
    from rembg_plugins.engines.rembg import RembgEngine  # noqa: PLC0415 - first use

    del configuration
    return RembgEngine(variant or "u2net")


def _missing(extra: str, *modules: str) -> str | None:
    absent = [module for module in modules if find_spec(module) is None]
    if not absent:
        return None
    return f"{' and '.join(absent)} not installed; run: pip install 'rembg-plugins[{extra}]'"
