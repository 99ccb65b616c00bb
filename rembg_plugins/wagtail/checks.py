"""What ``manage.py check`` says of a site with cut-outs."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Caution
from wagtail.images.exceptions import InvalidFilterSpecError
from wagtail.images.models import Filter

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.django.settings import current
from rembg_plugins.wagtail.usage import in_formats, in_templates

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rembg_plugins.wagtail.usage import Usage


@register(Tags.templates)
def check_templates(**_: Any) -> Sequence[CheckMessage]:
    """Specs that are wrong, and stock tags that cannot show anything meanwhile."""
    usages = list(chain(in_templates(), in_formats()))
    return [*_wrong(usages), *_cannot_wait(usages)]


def _wrong(usages: Sequence[Usage]) -> Iterator[CheckMessage]:
    """Wagtail finds them when a page is viewed, and answers 500."""
    for usage in usages:
        try:
            for spec in Filter.expand_spec(usage.spec):
                Filter(spec=spec).operations  # noqa: B018 - raises where it is wrong
        except (InvalidFilterSpecError, ValueError) as problem:
            hint = "See the names of profiles in REMBG['PROFILES']."
            yield Error(f"{usage.where}: {problem}", hint=hint, id="rembg_wagtail.E001")


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
