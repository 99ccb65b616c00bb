"""An adapter put together from the settings, and the one call that most users need."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rembg_plugins.core.adapter import Adapter
from rembg_plugins.core.configuration import configure
from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.core.plugins import default_manager, engines, make_engine
from rembg_plugins.core.store import open_store

if TYPE_CHECKING:
    import pluggy

    from rembg_plugins.core.configuration import Configuration
    from rembg_plugins.core.options import Options
    from rembg_plugins.core.result import Result
    from rembg_plugins.core.retry import Retry


def build(
    configuration: Configuration,
    *,
    retry: Retry | None = None,
    manager: pluggy.PluginManager | None = None,
) -> Adapter:
    """The adapter that a configuration describes.

    Raises:
        ConfigurationError: There is no such engine or store, or none can work here.
    """
    manager = default_manager() if manager is None else manager
    spec = choose_engine(configuration, manager=manager)
    store = configuration.store.value
    return Adapter(
        make_engine(spec, configuration, manager=manager),
        store=open_store(store) if store else None,
        retry=retry,
        manager=manager,
    )


def choose_engine(
    configuration: Configuration, *, manager: pluggy.PluginManager | None = None
) -> str:
    """The engine to use: the configured one, else ``api`` with a key, else ``local``.

    Raises:
        ConfigurationError: There is neither a key nor the embedded engine.
    """
    if configuration.engine.value:
        return configuration.engine.value
    if configuration.api_key.value or configuration.user_token.value:
        return "api"
    local = engines(manager or default_manager()).get("local")
    if local is not None and local.check() is None:
        return "local"
    message = (
        "There is no engine to use. Set REMBG_API_KEY to use the hosted RemBG API, or run "
        "pip install 'rembg-plugins[local]' for the embedded engine."
    )
    raise ConfigurationError(message)


@lru_cache(maxsize=8)
def shared(configuration: Configuration, retry: Retry | None = None) -> Adapter:
    """The adapter of this process for a configuration; one connection pool and session each."""
    return build(configuration, retry=retry)


def remove(
    source: object,
    options: Options | dict[str, object] | None = None,
    *,
    engine: str | None = None,
    api_key: str | None = None,
    store: str | None = None,
    profile: str | None = None,
    retry: Retry | None = None,
    **arguments: Any,
) -> Result:
    """Remove the background of one picture.

    Args:
        source: A path, bytes, binary file, PIL image, ``data:`` URL or ``{"base64": ...}``.
        options: What to make of it; or single options as keywords, as in ``w=400``.
        engine: ``"api"``, ``"local"``, ``"rembg:birefnet-general"``, ...; by default the API
            where a key is configured, else the embedded engine.
        api_key: The key of the hosted API; ``REMBG_API_KEY`` by default.
        store: Where cut-outs are kept, as ``"file:FOLDER"``; ``REMBG_STORE`` by default.
        profile: Whose credentials a plugin is asked for.
        retry: When to try again.
        **arguments: The rest of :meth:`Adapter.remove`: options, ``on_progress``, ``sink``,
            ``transcode``, ``accept_downscaled``, ``name``.

    Raises:
        ValidationError: The picture or an option breaks a rule; nothing was sent.
        ConfigurationError: No engine can work as configured.
        APIError: The API could not be used, or refused; see ``sent`` and ``billed``.
    """
    configuration = configure(
        engine=engine,
        api_key=api_key,
        store=store,
        profile=profile,
        credentials=default_manager().hook.rembg_get_credentials,
    )
    return shared(configuration, retry).remove(source, options, **arguments)
