"""What ``manage.py check`` says of the settings; nothing is opened, asked or built for it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Tags, register
from django.core.files.storage import storages
from django.db import connections, router

from rembg_plugins.core.configuration import configure
from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.core.plugins import default_manager, engines
from rembg_plugins.core.setting import SECRETS
from rembg_plugins.core.setting import SETTINGS as VARIABLES
from rembg_plugins.django import findings, locks, tables
from rembg_plugins.django.cutout_storages import check_cutout_storages, is_cutout_storage
from rembg_plugins.django.declared import declared, imported
from rembg_plugins.django.models import Call
from rembg_plugins.django.privacy import check_privacy
from rembg_plugins.django.settings import NAME, SETTINGS, RembgSettings, read
from rembg_plugins.django.task_backends import check_tasks
from rembg_plugins.django.template_files import templates_with

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rembg_plugins.core.configuration import Configuration
    from rembg_plugins.core.errors import FieldError

TAG = "rembg"

_WAGTAIL_APP = "rembg_plugins.wagtail"
_OF_WAGTAIL = re.compile(
    r"{%-?\s*load\s[^%]*\brembg_wagtail\b"
    r"|{%-?\s*(?:image|picture|srcset_image)\s[^%]*\bremovebg\b"
    r"|\b(?:image|picture|srcset_image)\([^)]*\bremovebg\b"
)
_FREE = {"local", "offline", "rembg"}  # engines that take no credits; of others nobody knows
_NOT_ASKED = "the-key-is-not-asked-for"
_KINDS = {
    "not_a_mapping": findings.NOT_A_MAPPING,
    "unknown": findings.UNKNOWN_KEY,
    "bad_value": findings.BAD_VALUE,
    "key_in_settings": findings.KEY_IN_SETTINGS,
}


@register(TAG)
def check_settings(**_: Any) -> Sequence[CheckMessage]:
    """Every mistake in ``REMBG``, and in what it stands on."""
    found, errors = read(getattr(settings, NAME, {}))
    told = [_told(error) for error in errors]
    told += _check_names(found)
    told += _check_engine(found)
    told += _check_route(found)
    told += _check_store(found.store)
    told += check_cutout_storages(found)
    told += _check_lock_cache(found.lock_cache, is_complete=not errors)
    told += _check_transactions(found)
    # A function that hands tasks to another queue needs no backend.
    told += check_tasks() if found.defer and found.enqueue is None else ()
    return told


@register(Tags.database)
def check_tables(*, databases: Sequence[str] | None = None, **_: Any) -> Sequence[CheckMessage]:
    """Tables that are not there; no error, since ``migrate`` has the database checked first."""
    return [
        findings.NO_TABLE.told(f"There is no table {table}, as it should be, in {alias!r}.")
        for alias in databases or ()
        for table in tables.missing(alias)
    ]


@register(TAG, Tags.templates)
def check_apps(**_: Any) -> Sequence[CheckMessage]:
    """The other app of this package, which knows the tags, and looks at them more closely then.

    A warning: what is found may stand in a comment.
    """
    if not apps.is_installed("wagtail.images") or apps.is_installed(_WAGTAIL_APP):
        return []
    return [
        findings.NO_WAGTAIL_APP.told(f"{path}: {_WAGTAIL_APP} is not in INSTALLED_APPS.")
        for path, content in templates_with("removebg", "rembg_wagtail")
        if _OF_WAGTAIL.search(content)
    ]


def _told(error: FieldError) -> CheckMessage:
    kind, hint = _KINDS[error.code], ""
    if kind is findings.UNKNOWN_KEY:
        hint = f"{kind.hint} Keys: {', '.join(SETTINGS)}."
    if kind is findings.BAD_VALUE and error.field is not None:
        info = SETTINGS[error.field]
        hint = f"{info.help} For example: {NAME} = {{'{error.field}': {info.example}}}."
    return kind.told(error.message, hint=hint)


def _check_names(found: RembgSettings) -> Iterator[CheckMessage]:
    """Settings that somebody took for ours; no value of any is looked at.

    Where a function gives the key, it may well be what reads a setting of that name.
    """
    secrets = {VARIABLES[name].variable for name in SECRETS}
    ours = {info.variable for info in VARIABLES.values()} | {f"{NAME}_{key}" for key in SETTINGS}
    for name in sorted(ours & set(dir(settings))):
        if name in secrets and found.api_key is not None:
            continue
        hint = findings.KEY_IN_SETTINGS.hint if name in secrets else ""
        yield findings.IGNORED_SETTING.told(f"The setting {name} is not read.", hint=hint)


def _check_engine(found: RembgSettings) -> Iterator[CheckMessage]:
    try:
        spec = _configured(found).engine.value
    except ConfigurationError as error:
        yield findings.BAD_CONFIGURATION.told(str(error).replace(_NOT_ASKED, "****"))
        return
    offered = engines(default_manager())
    if spec is None:
        local = offered.get("local")
        if not _may_have_key(found) and (local is None or local.check() is not None):
            message = "There is no key for the API, and the embedded engine is not installed."
            yield findings.NO_ENGINE.told(message)
        return
    name = spec.partition(":")[0]
    if name not in offered:
        hint = f"{findings.UNKNOWN_ENGINE.hint} Engines: {', '.join(sorted(offered))}."
        yield findings.UNKNOWN_ENGINE.told(f"There is no engine {name!r}.", hint=hint)
    elif problem := offered[name].check():
        yield findings.ENGINE_UNUSABLE.told(f"The engine {name!r} cannot work here: {problem}.")
    elif name == "api" and not _may_have_key(found):
        yield findings.ANONYMOUS.told("The engine is 'api', and there is no key for it.")


def _check_route(found: RembgSettings) -> Iterator[CheckMessage]:
    """Whether anything could be sent to the API, where that is the engine; nothing is sent."""
    try:
        configuration = _configured(found)
    except ConfigurationError:  # told by the check of the engine
        return
    spec, may_call = configuration.engine.value, found.api_url is not None or _may_have_key(found)
    if spec != "api" and not (spec is None and may_call):
        return
    from rembg_plugins.api import route  # noqa: PLC0415 - slow; other sites need it not

    url = configuration.api_url.value
    try:
        route.find_route(url)
    except ConfigurationError as error:
        message = str(error)
        if "@" in url:  # a password with a slash in it looks like a path
            message = message.replace(route.shown_url(url), "****")
        yield findings.BAD_ROUTE.told(message)


def _configured(found: RembgSettings) -> Configuration:
    """The settings with the environment's; where no engine is named, its value is None.

    Raises:
        ConfigurationError: The two do not go together.
    """
    return configure(
        engine=found.engine,
        api_key=None if found.api_key is None else _NOT_ASKED,
        api_url=found.api_url,
    )


def _may_have_key(found: RembgSettings) -> bool:
    """Whether there is one, or somebody to ask for it; nobody is asked."""
    variables = [VARIABLES[name].variable for name in SECRETS]
    return (
        found.api_key is not None
        or any(os.environ.get(variable, "").strip() for variable in variables)
        or bool(default_manager().hook.rembg_get_credentials.get_hookimpls())
    )


def _check_transactions(found: RembgSettings) -> Iterator[CheckMessage]:
    alias = router.db_for_write(Call)
    connection = connections[alias]
    if connection.vendor != "sqlite" or not connection.settings_dict.get("ATOMIC_REQUESTS"):
        return
    try:
        spec = _configured(found).engine.value
    except ConfigurationError:  # told by the check of the engine
        return
    may_cost = _may_have_key(found) if spec is None else spec.partition(":")[0] not in _FREE
    if may_cost:
        message = f"The ledger is in DATABASES[{alias!r}], an SQLite with ATOMIC_REQUESTS."
        yield findings.ROLLED_BACK_LEDGER.told(message)


def _check_store(alias: str) -> Iterator[CheckMessage]:
    known = declared("STORAGES")
    if alias not in known:
        message = f"The store {alias!r} is not in STORAGES; there: {', '.join(sorted(known))}."
        yield findings.NO_STORE.told(message)
        return
    if is_cutout_storage(alias):
        message = f"STORAGES[{alias!r}] is a CutoutStorage, and cannot be the store."
        yield findings.CUTOUTS_IN_CUTOUTS.told(message)
        return
    try:
        told = list(check_privacy(alias, storages[alias]))
    except Exception as problem:  # noqa: BLE001 - a stranger's class may raise anything
        message = f"STORAGES[{alias!r}] cannot be made: {type(problem).__name__}: {problem}"
        yield findings.STORE_UNUSABLE.told(message)
        return
    yield from told


def _check_lock_cache(alias: str, *, is_complete: bool) -> Iterator[CheckMessage]:
    known = declared("CACHES")
    if alias not in known:
        there = ", ".join(sorted(known))
        yield findings.NO_CACHE.told(f"The cache {alias!r} is not in CACHES; there: {there}.")
        return
    path = known[alias].get("BACKEND")
    if imported(path) is None:
        message = (
            f"CACHES[{alias!r}] cannot be made: there is no {path!r}, or it cannot be imported."
        )
        yield findings.NO_CACHE.told(message)
        return
    try:
        holds_no_locks = is_complete and locks.kind() == "file"
    except Exception as problem:  # noqa: BLE001 - a function of the site's may raise anything
        message = f"CACHES[{alias!r}] cannot be made: {type(problem).__name__}: {problem}"
        yield findings.NO_CACHE.told(message)
        return
    # All who share SQLite's file are on one machine, and there lock files serve.
    if holds_no_locks and connections[router.db_for_write(Call)].vendor != "sqlite":
        message = (
            f"CACHES[{alias!r}] is a {str(path).rpartition('.')[2]}, which cannot hold locks "
            "between processes. Lock files are used in its place: two machines may both pay for "
            "one picture."
        )
        yield findings.LOCAL_LOCKS.told(message)
