"""A gallery: pages with pictures."""

from __future__ import annotations

from django.apps import AppConfig


class GalleryConfig(AppConfig):
    """Pages with pictures."""

    name = "django_site.gallery"
    label = "gallery"
