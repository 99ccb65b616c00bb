"""What ``manage.py check`` says of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from rembg_plugins.django.settings import NAME, read

if TYPE_CHECKING:
    from collections.abc import Sequence


@register(Tags.files)
def check_settings(**_: Any) -> Sequence[CheckMessage]:
    """Every mistake in ``REMBG``."""
    errors = read(getattr(settings, NAME, {}))[1]
    hint = "See the table of settings in the documentation of rembg-plugins."
    return [Error(error.message, hint=hint, id="rembg.E001") for error in errors]
