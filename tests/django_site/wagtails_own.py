"""Wagtail's own test site, with the apps of this package installed as a site installs them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from wagtail.test.settings import *  # noqa: F403 - the settings of another
from wagtail.test.settings import INSTALLED_APPS, STORAGES

_FOLDER = Path(tempfile.mkdtemp(prefix="wagtails-own-"))
MEDIA_ROOT, STATIC_ROOT = str(_FOLDER / "media"), str(_FOLDER / "static")

if os.environ.get("WITH_OUR_APPS") == "1":
    INSTALLED_APPS = ["rembg_plugins.wagtail", "rembg_plugins.django", *INSTALLED_APPS]
    STORAGES = {
        **STORAGES,
        "rembg": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": _FOLDER / "cutouts", "base_url": None},
        },
    }
