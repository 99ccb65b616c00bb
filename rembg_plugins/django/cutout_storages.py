"""Whether the storages that cut out are declared as they can work, and where they should."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rembg_plugins.django import findings
from rembg_plugins.django.declared import declared, imported, is_a, options_of
from rembg_plugins.django.settings import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django.core.checks import CheckMessage

    from rembg_plugins.django.settings import RembgSettings

_CLASS = {"rembg_plugins.django.storage.CutoutStorage"}
_SECRETIVE = ("key", "token", "secret")


def is_cutout_storage(alias: str) -> bool:
    """Whether that storage cuts out; none is made for it."""
    return is_a(_class_of(alias), _CLASS)


def check_cutout_storages(found: RembgSettings) -> Iterator[CheckMessage]:
    """Where they stand, and what they name; each is made, and nothing is opened."""
    for alias in declared("STORAGES"):
        if not is_cutout_storage(alias):
            continue
        if alias == "staticfiles":
            yield findings.STATIC_FILES.told("STORAGES['staticfiles'] is a CutoutStorage.")
        if alias == "default":
            yield findings.CUTOUTS_BY_DEFAULT.told("STORAGES['default'] is a CutoutStorage.")
        yield from _check_options(alias, found)


def _check_options(alias: str, found: RembgSettings) -> Iterator[CheckMessage]:
    public = {}
    for name, value in options_of(alias).items():
        if any(word in str(name).lower() for word in _SECRETIVE):
            message = f"OPTIONS[{name!r}] of STORAGES[{alias!r}] would end in migrations and tasks."
            yield findings.KEY_IN_SETTINGS.told(message)
        else:
            public[name] = value
    made: Any = None
    try:
        # Without what may be a key: an error would show it, and that it must go is told above.
        made = _class_of(alias)(**public)
    except Exception as problem:  # noqa: BLE001 - a site's own class may raise anything
        message = f"STORAGES[{alias!r}] cannot be made: {type(problem).__name__}: {problem}"
        yield findings.BAD_CUTOUT_STORAGE.told(message)
    if made is not None:
        public = {name: getattr(made, name, None) for name in ("wraps", "profile")}
    yield from _check_names(alias, public, found)


def _check_names(
    alias: str, options: Mapping[str, Any], found: RembgSettings
) -> Iterator[CheckMessage]:
    """What it says it wraps, and its profile; what is no text is told by its class."""
    wraps, profile = options.get("wraps"), options.get("profile")
    if isinstance(wraps, str) and (why := _why_not_wrapped(alias, wraps.strip())):
        message = f"STORAGES[{alias!r}] wraps {wraps!r}, {why}."
        hint = "Let OPTIONS['wraps'] name the alias of a storage that keeps files as they are."
        yield findings.BAD_CUTOUT_STORAGE.told(message, hint=hint)
    if isinstance(profile, str) and profile.strip() not in found.profiles:
        known = ", ".join(sorted(found.profiles)) or "none"
        message = (
            f"STORAGES[{alias!r}] has the profile {profile!r}; in {NAME}['PROFILES']: {known}."
        )
        yield findings.BAD_CUTOUT_STORAGE.told(message)


def _why_not_wrapped(alias: str, wraps: str) -> str:
    if wraps not in declared("STORAGES"):
        return "which is not in STORAGES"
    if wraps == alias:
        return "which is itself"
    if is_cutout_storage(wraps):
        return "which is a CutoutStorage as well: a picture would be paid for twice"
    return ""


def _class_of(alias: str) -> Any:
    return imported(declared("STORAGES").get(alias, {}).get("BACKEND"))
