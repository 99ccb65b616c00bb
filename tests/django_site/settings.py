"""The site that the tests of django/ and wagtail/ run in: one of a user's, small."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_FOLDER = Path(os.environ.get("TEST_SITE_FOLDER") or tempfile.mkdtemp(prefix="test-site-"))

SECRET_KEY = "of-tests"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
ROOT_URLCONF = "django_site.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
MEDIA_URL = "/media/"
MEDIA_ROOT = _FOLDER / "media"
WAGTAIL_SITE_NAME = "Tests"
WAGTAILADMIN_BASE_URL = "http://testserver"
WAGTAILADMIN_GLOBAL_EDIT_LOCK = False

INSTALLED_APPS = [
    "django_site.shop",
    "django_site.gallery",
    "rembg_plugins.django",
    "rembg_plugins.wagtail",
    *("wagtail.images", "wagtail.documents", "wagtail.admin", "wagtail.search", "wagtail.users"),
    *("wagtail.snippets", "wagtail.sites", "wagtail.embeds", "wagtail", "taggit", "modelcluster"),
    *("wagtail.contrib.settings", "wagtail.api.v2", "rest_framework", "django_filters"),
    *("django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes"),
    *("django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles"),
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    },
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "APP_DIRS": False,
        "OPTIONS": {
            "extensions": [
                "wagtail.images.jinja2tags.images",
                "rembg_plugins.wagtail.jinja2tags.cutouts",
            ]
        },
    },
]
if _POSTGRESQL := os.environ.get("TEST_POSTGRESQL"):  # the folder of its socket
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "postgres",
            "HOST": _POSTGRESQL,
            "USER": "postgres",
        }
    }
else:
    DATABASES = {
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": _FOLDER / "site.sqlite3"}
    }
_CACHE = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
for _name, _backend in (("REDIS", "redis.RedisCache"), ("MEMCACHED", "memcached.PyMemcacheCache")):
    if _address := os.environ.get(f"TEST_{_name}"):
        _CACHE = {"BACKEND": f"django.core.cache.backends.{_backend}", "LOCATION": _address}
CACHES = {"default": _CACHE}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "rembg": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": _FOLDER / "cutouts", "base_url": None},
    },
}
REMBG = {
    "ENGINE": os.environ.get("TEST_ENGINE", "offline"),
    "PROFILES": {"product": {"format": "PNG", "bg_color": "#ffffff"}},
}
if _API := os.environ.get("TEST_SANDBOX"):  # the URL of a sandbox
    REMBG |= {"ENGINE": "api", "API_KEY": lambda: "sandbox-tests", "API_URL": f"{_API}/rmbg"}
TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}
