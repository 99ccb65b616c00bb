"""The demo's site in a folder of its own: its settings, its models, and pictures to measure with.

Importing it starts Django, with the folder that ``DEMO_DATA`` names.
"""

from __future__ import annotations

import io
import os
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
sys.path.insert(0, str(Path(__file__).parent.parent / "demo"))

import django
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.template import engines
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

settings.DEBUG = False  # which keeps all queries in memory
settings.INSTALLED_APPS += ["django_tasks", "django_tasks_db"]
settings.DATABASES["default"]["OPTIONS"] = {"timeout": 60}  # s, on a machine that is busy
settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
django.setup()

from wagtail.images import get_image_model  # noqa: E402 - likewise

from rembg_plugins.wagtail import mattes  # noqa: E402 - needs the apps

_LOAD = "{% load wagtailimages_tags rembg_wagtail %}"
_COARSE = 40  # px of a photograph before it is enlarged


def make_database() -> None:
    """An empty site."""
    call_command("migrate", verbosity=0)


def photo(seed: int, size: tuple[int, int]) -> bytes:
    """A JPEG that looks like no other one, with as much detail as a camera's."""
    dice = random.Random(seed)  # noqa: S311 - pixels
    small = Image.frombytes("RGB", (_COARSE, _COARSE), dice.randbytes(3 * _COARSE * _COARSE))
    grain = Image.frombytes("RGB", size, dice.randbytes(3 * size[0] * size[1]))
    encoded = io.BytesIO()
    Image.blend(small.resize(size, Image.Resampling.BICUBIC), grain, 0.1).save(encoded, "JPEG")
    return encoded.getvalue()


def add(content: bytes, name: str) -> Any:
    """A picture in the library."""
    return get_image_model().objects.create(title=name, file=ContentFile(content, name))


def page(tag: str) -> Any:
    """A template that shows the pictures in ``photos``, each by the same tag of ``photo``."""
    return engines["django"].from_string(f"{_LOAD}{{% for photo in photos %}}{tag}{{% endfor %}}")


def forget(*, renditions: Sequence[Any] = ()) -> None:
    """Be as a process that has just started; pictures lose their renditions, too."""
    from django.core.cache import cache  # noqa: PLC0415 - a name that is short here only

    for image in renditions:
        image.renditions.all().delete()
    cache.clear()
    mattes.memory.clear()
