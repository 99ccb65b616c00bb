"""What ``manage.py check`` says of a site with cut-outs."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Caution
from wagtail.images.models import AbstractRendition

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.django.checks import TAG
from rembg_plugins.django.settings import current
from rembg_plugins.django.storage import CutoutStorage
from rembg_plugins.wagtail import mistakes
from rembg_plugins.wagtail.look import MASK
from rembg_plugins.wagtail.usage import in_formats, in_templates

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rembg_plugins.wagtail.usage import Usage


@register(Tags.templates)
def check_templates(**_: Any) -> Sequence[CheckMessage]:
    """Specs that are wrong or doubtful, and stock tags that cannot show anything meanwhile."""
    usages = list(chain(in_templates(), in_formats()))
    return [*_wrong(usages), *_doubtful(usages), *_cannot_wait(usages)]


@register(TAG)
def check_renditions(**_: Any) -> Sequence[CheckMessage]:
    """Renditions in a storage that cuts out: each would be a picture of its own, and paid for."""
    models = [one for one in apps.get_models() if issubclass(one, AbstractRendition)]
    return [_told_of(one._meta.label) for one in models if _is_cut_out_on_saving(one)]  # noqa: SLF001 - Django's public way to a model's name


@register(TAG)
def check_profiles(**_: Any) -> Sequence[CheckMessage]:
    """Profiles that no spec can name."""
    try:
        profiles = current().profiles
    except ConfigurationError:  # told by the check of the settings
        return []
    return [
        Caution(message, hint=f"Give the profile {name!r} another name.", id="rembg_wagtail.W003")
        for name in profiles
        if (message := _why_unreachable(name))
    ]


def _why_unreachable(name: str) -> str:
    if name == MASK:
        return f"removebg-{MASK} is the mask of a picture, and not the profile {MASK!r}."
    return "" if name.isascii() else f"Wagtail takes no letters as in {name!r} in a spec."


def _told_of(label: str) -> CheckMessage:
    message = f"The files of {label} are kept in a CutoutStorage: each rendition would be paid for."
    hint = (
        "Set WAGTAILIMAGES_RENDITION_STORAGE to the alias of a storage that keeps files as they "
        "are; `removebg` in a spec makes cut-outs of renditions, by one call a picture."
    )
    return Error(message, hint=hint, id="rembg_wagtail.E002")


def _is_cut_out_on_saving(model: type[AbstractRendition]) -> bool:
    try:
        return isinstance(model._meta.get_field("file").storage, CutoutStorage)  # noqa: SLF001 - as above
    except Exception:  # noqa: BLE001 - a storage that cannot be made is told by another check
        return False


def _wrong(usages: Sequence[Usage]) -> Iterator[CheckMessage]:
    """Wagtail finds them when a page is viewed, and answers 500."""
    for usage in usages:
        for problem, hint in mistakes.in_spec(usage.spec):
            yield Error(f"{usage.where}: {problem}", hint=hint, id="rembg_wagtail.E001")


def _doubtful(usages: Sequence[Usage]) -> Iterator[CheckMessage]:
    """No errors, which would keep ``runserver`` from starting: a picture may well be shown."""
    for usage in usages:
        for problem, hint in mistakes.advice_on(usage.spec):
            yield Caution(f"{usage.where}: {problem}", hint=hint, id="rembg_wagtail.W004")


def _cannot_wait(usages: Sequence[Usage]) -> Iterator[CheckMessage]:
    try:
        settings = current()
    except ConfigurationError:  # told by the check of the settings
        return
    if not settings.defer and settings.auto is True:
        return
    why = "REMBG['DEFER'] is on" if settings.defer else "REMBG['AUTO'] is not True"
    for usage in usages:
        if usage.instead is not None:
            message = (
                f"{usage.where}: {why}, and {usage.tag} shows a broken image as long as there is "
                "no cut-out."
            )
            yield Caution(message, hint=f"Use {usage.instead}.", id="rembg_wagtail.W001")
