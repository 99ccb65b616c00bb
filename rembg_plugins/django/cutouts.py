"""The one way of a Django site to a cut-out: from the store, or by one call within its rules."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from django.core.signals import setting_changed

from rembg_plugins.core.adapter import Adapter
from rembg_plugins.core.assembly import choose_engine
from rembg_plugins.core.configuration import configure
from rembg_plugins.core.errors import CutoutPendingError
from rembg_plugins.core.plugins import default_manager, make_engine
from rembg_plugins.core.retry import Retry
from rembg_plugins.core.store import key_of
from rembg_plugins.core.validation import validate
from rembg_plugins.django.failures import Failures
from rembg_plugins.django.metering import MeteredEngine
from rembg_plugins.django.purpose import Purpose, on_behalf
from rembg_plugins.django.settings import NAME, current
from rembg_plugins.django.store import DjangoStore

if TYPE_CHECKING:
    from rembg_plugins.core.options import Options
    from rembg_plugins.core.result import Result


def remove(
    source: object,
    options: Options | None = None,
    *,
    purpose: Purpose | None = None,
    may_spend: bool = True,
    name: str | None = None,
) -> Result:
    """The cut-out of a picture, paid for once for all sizes, pages and processes.

    Args:
        source: A path, bytes, binary file, PIL image, ...; kinds that the API does not take are
            re-encoded.
        options: What to make of it, at no cost; all sizes and colors are made here.
        purpose: What the ledger says of the call, if there is one.
        may_spend: Whether an engine may be called; else it comes from the store or not at all.
        name: The file name, where the source has none.

    Raises:
        CutoutPendingError: It is not in the store, and may not be made now; or another process
            is making it.
        SpendingError: The budget, or the attempts for this picture, are used up.
        ValidationError: It is no picture that can be cut out.
        ConfigurationError: No engine can work as configured.
        APIError: The API could not be used, or refused.
    """
    request = validate(source, options, name=name, transcode=True)
    if not may_spend and not is_ready(request.source):
        message = "There is no cut-out of this picture yet, and none may be made now."
        raise CutoutPendingError(message)
    with on_behalf(purpose or Purpose()):
        return adapter().remove(request.source, request.options)


def is_ready(source: object) -> bool:
    """Whether the cut-out of a picture is in the store: it then costs nothing.

    Raises:
        ValidationError: It is no picture that can be cut out.
        ConfigurationError: No engine can work as configured.
    """
    return store().has(key_for(source))


def key_for(source: object) -> str:
    """The key of a picture's cut-out in the store.

    Raises:
        ValidationError: It is no picture that can be cut out.
        ConfigurationError: No engine can work as configured.
    """
    request = validate(source, transcode=True)
    return key_of(request.source, adapter().engine)


@cache
def store() -> DjangoStore:
    """The store of this site."""
    return DjangoStore(current().store)


@cache
def failures() -> Failures:
    """What failed lately on this site."""
    return Failures(store())


@cache
def adapter() -> Adapter:
    """The adapter of this process, with the site's rules around its engine.

    It never waits to try again: a page does not sleep. What failed is remembered, and tried again
    by whoever asks once its time has passed.

    Raises:
        ConfigurationError: No engine can work as configured.
    """
    settings = current()
    configuration = configure(
        engine=settings.engine,
        api_key=None if settings.api_key is None else settings.api_key(),
        api_url=settings.api_url,
        credentials=default_manager().hook.rembg_get_credentials,
    )
    engine = make_engine(choose_engine(configuration), configuration)
    metered = MeteredEngine(engine, store=store(), failures=failures())
    return Adapter(metered, store=store(), retry=Retry.NONE)


def _forget(*, setting: str, **_: object) -> None:
    if setting == NAME:
        for made in (store, failures, adapter):
            made.cache_clear()


setting_changed.connect(_forget, dispatch_uid="rembg_plugins.django.cutouts")
