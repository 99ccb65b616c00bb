"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig


class RembgDjangoConfig(AppConfig):
    """Cut-outs for Django sites; add ``"rembg_plugins.django"`` to ``INSTALLED_APPS``."""

    name = "rembg_plugins.django"
    label = "rembg"
    verbose_name = "Background removal"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks."""
        from rembg_plugins.django import checks  # noqa: F401, PLC0415 - once apps are loaded
