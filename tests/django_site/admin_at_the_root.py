"""The URLs of a site that is all admin, but for the pictures."""

from __future__ import annotations

from django.urls import include, path
from wagtail.admin import urls as wagtailadmin_urls
from wagtail.images import urls as wagtailimages_urls

urlpatterns = [
    path("photos/", include(wagtailimages_urls)),
    path("", include(wagtailadmin_urls)),
]
