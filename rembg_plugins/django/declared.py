"""What settings such as ``STORAGES`` declare by an alias, and the classes that they name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string


def declared(name: str) -> dict[str, Mapping[str, Any]]:
    """What a setting has by each alias; nothing where it has something of another kind.

    Args:
        name: As ``"STORAGES"``.
    """
    found = getattr(settings, name, None)
    if not isinstance(found, Mapping):
        return {}
    return {str(alias): _mapping(one) for alias, one in found.items()}


def options_of(alias: str) -> Mapping[str, Any]:
    """The ``OPTIONS`` of a storage."""
    return _mapping(declared("STORAGES").get(alias, {}).get("OPTIONS"))


def imported(path: object) -> object:
    """What stands under a dotted path; None where nothing does, which is for others to tell."""
    try:
        return import_string(path)  # type: ignore[arg-type]  # what is no text raises as well
    except Exception:  # noqa: BLE001 - whatever a stranger's module raises
        return None


def is_a(cls: object, paths: set[str]) -> bool:
    """Whether it is one of these classes or made of one; by name, so that none is imported."""
    line = cls.__mro__ if isinstance(cls, type) else ()
    return any(f"{one.__module__}.{one.__qualname__}" in paths for one in line)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
