"""Whether strangers can get at what is kept in a storage, as far as its settings tell."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.core.files.storage import FileSystemStorage, InMemoryStorage, storages

from rembg_plugins.django import findings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.core.checks import CheckMessage
    from django.core.files.storage import Storage

_SERVED = ("default", "staticfiles")


def check_privacy(alias: str, storage: Storage) -> Iterator[CheckMessage]:
    """What speaks against a storage as a store; nothing is opened or asked.

    Args:
        alias: Its name in ``STORAGES``.
        storage: What was made of it.
    """
    if alias in _SERVED:
        message = f"The store is STORAGES[{alias!r}], whose files the site shows to everybody."
        yield findings.SHARED_STORE.told(message)
    elif isinstance(storage, InMemoryStorage):
        message = f"STORAGES[{alias!r}] is in the memory of one process."
        yield findings.FORGETFUL_STORE.told(message)
    elif isinstance(storage, FileSystemStorage):
        yield from _check_folder(alias, storage)
    else:
        yield from _check_bucket(alias, storage)


def _check_folder(alias: str, storage: FileSystemStorage) -> Iterator[CheckMessage]:
    folder = Path(os.path.realpath(storage.location))
    for name, root in _served_folders(folder):
        if folder.is_relative_to(root) or (folder / "cutouts").is_relative_to(root):
            message = f"STORAGES[{alias!r}] lies in {folder}, which is in {name}, {root}."
            yield findings.SERVED_STORE.told(message)
            return
    declared = cast("dict[str, dict[str, Any]]", settings.STORAGES)[alias]
    if declared.get("OPTIONS", {}).get("base_url") is not None:
        yield findings.STORE_WITH_URL.told(f"STORAGES[{alias!r}] has a base_url.")


def _served_folders(store: Path) -> Iterator[tuple[str, Path]]:
    """Folders that web servers show, by what makes them such.

    Where nobody has set a folder for the default storage, as in a new project, it is the current
    one, and what lies below that is not shown by anybody; the store may not be that very folder.
    """
    named: list[tuple[str, Any]] = [
        ("MEDIA_ROOT", settings.MEDIA_ROOT),
        ("STATIC_ROOT", settings.STATIC_ROOT),
    ]
    named += [
        ("STATICFILES_DIRS", entry[-1] if isinstance(entry, list | tuple) and entry else entry)
        for entry in _entries(getattr(settings, "STATICFILES_DIRS", ()))
    ]
    named.append(("STORAGES['default']", _folder_of_default(store)))
    for name, folder in named:
        # What is of another kind is for Django to tell.
        if folder and isinstance(folder, str | os.PathLike):
            yield name, Path(os.path.realpath(folder))


def _entries(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _folder_of_default(store: Path) -> str | os.PathLike[str] | None:
    try:
        default = storages["default"]
        if not isinstance(default, FileSystemStorage):
            return None
        folder = default.location
    except Exception:  # noqa: BLE001 - whatever a backend raises: it is not our business here
        return None
    is_set = default.base_location or store == Path(os.path.realpath(folder))
    return folder if is_set else None


def _check_bucket(alias: str, storage: Storage) -> Iterator[CheckMessage]:
    """By the names that django-storages has for S3 and for Google Cloud Storage."""
    acl = getattr(storage, "default_acl", None)
    if isinstance(acl, str) and ("public" in acl.lower() or acl == "authenticated-read"):
        message = f"STORAGES[{alias!r}] makes every file {acl!r}."
        yield findings.PUBLIC_STORE.told(message)
    if getattr(storage, "querystring_auth", True) is False:
        yield findings.UNSIGNED_URLS.told(f"STORAGES[{alias!r}] does not sign its URLs.")
    elif getattr(storage, "custom_domain", None) and not getattr(
        storage, "cloudfront_signer", None
    ):
        domain = f"OPTIONS['custom_domain'] of STORAGES[{alias!r}]"
        message = f"Nobody signs the URLs under {domain}."
        hint = f"Remove {domain}, or set cloudfront_key and cloudfront_key_id beside it."
        yield findings.UNSIGNED_URLS.told(message, hint=hint)
