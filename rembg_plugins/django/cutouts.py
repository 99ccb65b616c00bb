"""The one way of a Django site to a cut-out: from the store, or by one call within its rules."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from django.core.signals import setting_changed
from django.db import Error as DatabaseError
from django.utils.crypto import salted_hmac

from rembg_plugins.core.adapter import Adapter
from rembg_plugins.core.assembly import choose_engine
from rembg_plugins.core.configuration import configure
from rembg_plugins.core.errors import (
    AuthenticationError,
    ConfigurationError,
    CutoutPendingError,
    RembgError,
)
from rembg_plugins.core.plugins import default_manager, make_engine
from rembg_plugins.core.retry import Retry
from rembg_plugins.core.store import key_of
from rembg_plugins.core.validation import validate
from rembg_plugins.django import ledger
from rembg_plugins.django.failures import Failures
from rembg_plugins.django.frames import without_frames
from rembg_plugins.django.metering import MeteredEngine
from rembg_plugins.django.purpose import Purpose, on_behalf
from rembg_plugins.django.settings import NAME, current
from rembg_plugins.django.store import DjangoStore

if TYPE_CHECKING:
    from rembg_plugins.core.options import Options
    from rembg_plugins.core.result import Result
    from rembg_plugins.core.source import Source
    from rembg_plugins.django.setting_values import KeySource

_DECIDE = {NAME, "STORAGES", "SECRET_KEY"}
_KEY_FRESH_S = 60.0  # for which a key that was asked for counts as the newest

_log = logging.getLogger(__name__)


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
    if not may_spend:
        found = adapter().find(request.source, request.options)
        if found is None:
            message = "There is no cut-out of this picture yet, and none may be made now."
            raise CutoutPendingError(message)
        return found
    parts = _parts()
    with on_behalf(purpose or Purpose()):
        try:
            made = parts.adapter.remove(request.source, request.options)
        except AuthenticationError as error:
            _ask_for_the_key_anew(error, parts.made)
            raise
    if made.billed is not False and not store().has_kept_the_last():
        _note_loss(request.source)
    return made


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


def failures() -> Failures:
    """What failed lately on this site.

    Raises:
        ConfigurationError: No engine can work as configured.
    """
    return _parts().failures


def adapter() -> Adapter:
    """The adapter of this process, with the site's rules around its engine.

    It never waits to try again: a page does not sleep. What failed is remembered, and tried again
    by whoever asks once its time has passed.

    Raises:
        ConfigurationError: No engine can work as configured.
    """
    return _parts().adapter


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What is made once for a process.

    Attributes:
        adapter: With the metered engine.
        failures: Of that engine, and of the key that it has.
        made: When, by a clock that never goes back, in s.
    """

    adapter: Adapter
    failures: Failures
    made: float


@cache
def _parts() -> _Parts:
    try:
        return _make_parts()
    except RembgError as problem:
        raise without_frames(problem) from None


def _make_parts() -> _Parts:
    settings = current()
    configuration = configure(
        engine=settings.engine,
        api_key=None if settings.api_key is None else _key_from(settings.api_key),
        api_url=settings.api_url,
        read_timeout_s=settings.timeout,
        call_timeout_s=settings.timeout,
        credentials=default_manager().hook.rembg_get_credentials,
    )
    engine = make_engine(choose_engine(configuration), configuration)
    secret = configuration.api_key.value or configuration.user_token.value or ""
    # Without the site's secret, nobody can find out the key from this.
    account = salted_hmac("rembg_plugins.django.cutouts", secret, algorithm="sha256").hexdigest()
    failed = Failures(store(), engine=f"{engine.name} {engine.version} {account}")
    metered = MeteredEngine(engine, store=store(), failures=failed)
    made = Adapter(metered, store=store(), retry=Retry.NONE)
    return _Parts(adapter=made, failures=failed, made=time.monotonic())


def _key_from(source: KeySource) -> str | None:
    try:
        return source()
    except RembgError:
        raise
    except Exception as problem:  # noqa: BLE001 - whatever the site's function raises
        kind = type(problem).__name__
    # Its text may hold what the function read: only the class is told, and out here the error is
    # no part of this one, as its cause or context, which logs would show.
    message = f"The function of {NAME}['API_KEY'] failed: {kind}."
    raise ConfigurationError(message)


def _ask_for_the_key_anew(error: AuthenticationError, asked: float) -> None:
    """Have the next caller make the parts anew: keys are replaced while a process runs.

    At once where the API has just refused ours; where it is remembered that it did so, now and
    then, since each view of a page meets that.
    """
    is_news = error.response is not None
    if is_news or time.monotonic() - asked >= _KEY_FRESH_S:
        _parts.cache_clear()


def _note_loss(source: Source) -> None:
    """Count a cut-out that was paid for and is not kept: it would be paid for without end."""
    try:
        ledger.lose(key_of(source, adapter().engine))
    except (RembgError, DatabaseError) as problem:  # the picture itself is there, and is given
        _log.error("That a cut-out was not kept is not in the ledger: %s", problem)


def _forget(*, setting: str, **_: object) -> None:
    if setting in _DECIDE:
        store.cache_clear()
        _parts.cache_clear()


setting_changed.connect(_forget, dispatch_uid="rembg_plugins.django.cutouts")
