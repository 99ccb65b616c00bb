"""The Wagtail app."""

from __future__ import annotations

from django.apps import AppConfig, apps
from django.core.exceptions import ImproperlyConfigured


class RembgWagtailConfig(AppConfig):
    """Cut-outs for Wagtail; add ``"rembg_plugins.wagtail"`` to ``INSTALLED_APPS``."""

    name = "rembg_plugins.wagtail"
    label = "rembg_wagtail"
    verbose_name = "Background removal for Wagtail"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks and what follows a picture's changes.

        Raises:
            ImproperlyConfigured: An app that this one stands on is not installed.
        """
        for needed in ("rembg_plugins.django", "wagtail.images"):
            if not apps.is_installed(needed):
                message = f'{self.name} needs another app: add "{needed}", to INSTALLED_APPS.'
                raise ImproperlyConfigured(message)
        from rembg_plugins.wagtail import (  # noqa: PLC0415 - once apps are loaded
            checks,  # noqa: F401 - registers itself
            foresight,
            regeneration,
            replacement,
            spending,
            worker,  # noqa: F401 - registers its check
        )

        spending.watch_requests()
        replacement.watch_pictures()
        foresight.install()
        regeneration.install()
