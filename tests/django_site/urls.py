"""The URLs of the tests' site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from wagtail import urls as wagtail_urls
from wagtail.admin import urls as wagtailadmin_urls
from wagtail.images import urls as wagtailimages_urls

urlpatterns = [
    path("admin/", admin.site.urls),
    path("cms/", include(wagtailadmin_urls)),
    path("images/", include(wagtailimages_urls)),
    path("", include(wagtail_urls)),
]
