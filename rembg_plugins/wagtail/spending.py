"""Whether what runs now may spend: never for the Wagtail admin, and only as ``AUTO`` says."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.handlers.wsgi import get_path_info, get_script_name
from django.core.signals import request_finished, request_started
from django.urls import NoReverseMatch, get_script_prefix, get_urlconf, reverse
from django.utils import translation
from wagtail.log_actions import get_active_log_context

from rembg_plugins.django.settings import current
from rembg_plugins.wagtail import approvals

if TYPE_CHECKING:
    from collections.abc import Iterator

_forbidden: ContextVar[bool] = ContextVar("rembg_spending_forbidden", default=False)


# By the thread, and not by the context: under ASGI, what a receiver of `request_started` puts
# into its context is lost, but all synchronous code of a request runs in one thread of its own.
class _Request(threading.local):
    path: str | None = None


_request = _Request()


@contextmanager
def forbidden() -> Iterator[None]:
    """Let nothing be spent in the block."""
    token = _forbidden.set(True)
    try:
        yield
    finally:
        _forbidden.reset(token)


def is_allowed_here() -> bool:
    """Whether the code that runs now may spend: it is no part of an answer of the admin.

    Previews, drafts and autosave are answered by the admin. Its views run in a log context
    with a user; what it renders after its views, in a request whose path is the admin's.
    """
    if _forbidden.get() or get_active_log_context().user is not None:
        return False
    path = _request.path
    return path is None or not path.startswith(_admin_prefixes(get_urlconf(), get_script_prefix()))


def is_allowed_for(image: Any) -> bool:
    """Whether a picture may be paid for, as ``REMBG["AUTO"]`` says, or since a person approved it.

    Raises:
        ConfigurationError: ``REMBG`` cannot be read.
        Exception: Whatever the site's own function raises.
    """
    auto = current().auto
    if auto is True:
        return True
    return (auto is not False and bool(auto(image))) or approvals.is_approved(image)


def watch_requests() -> None:
    """Remember which path each thread answers."""
    request_started.connect(_begin, dispatch_uid="rembg_plugins.wagtail.spending.begin")
    request_finished.connect(_end, dispatch_uid="rembg_plugins.wagtail.spending.end")


def _begin(*, environ: dict[str, str] | None = None, scope: Any = None, **_: object) -> None:
    if scope is not None:
        _request.path = scope["path"]
    elif environ is not None:
        _request.path = get_script_name(environ).rstrip("/") + get_path_info(environ)


def _end(**_: object) -> None:
    _request.path = None


@cache
def _admin_prefixes(urlconf: str | None, script: str) -> tuple[str, ...]:  # noqa: ARG001 - a key
    """Where the admin lies: in each language, since it may stand in ``i18n_patterns``.

    Of one that lies at the root nothing can be told by the path: all else begins so as well.
    """
    found = set()
    for language, _ in settings.LANGUAGES:
        with translation.override(language):
            try:
                found.add(reverse("wagtailadmin_home"))
            except NoReverseMatch:  # this site has no admin, or another name for it
                return ()
    return tuple(sorted(found - {script}))
