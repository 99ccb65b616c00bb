"""The Wagtail app."""

from __future__ import annotations

from django.apps import AppConfig


class RembgWagtailConfig(AppConfig):
    """Cut-outs for Wagtail; add ``"rembg_plugins.wagtail"`` to ``INSTALLED_APPS``."""

    name = "rembg_plugins.wagtail"
    label = "rembg_wagtail"
    verbose_name = "Background removal for Wagtail"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks and what follows a picture's changes."""
        from rembg_plugins.wagtail import (  # noqa: PLC0415 - once apps are loaded
            checks,  # noqa: F401 - registers itself
            foresight,
            replacement,
            spending,
        )

        spending.watch_requests()
        replacement.watch_pictures()
        foresight.install()
