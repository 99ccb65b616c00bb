"""The app of the tests' site."""

from __future__ import annotations

from django.apps import AppConfig


class ShopConfig(AppConfig):
    """Something that is sold."""

    name = "django_site.shop"
    label = "shop"
