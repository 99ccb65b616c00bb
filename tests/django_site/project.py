"""A site of a test's own, in a folder, whose programs run as processes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import django_site
import rembg_plugins

SETTINGS = """
from django_site.settings import *

INSTALLED_APPS = ["shop", "rembg_plugins.django"]
MIDDLEWARE = []
ROOT_URLCONF = "mysite.urls"
TEMPLATES = TEMPLATES[:1]
"""
MODELS = """
from django.db import models


class Product(models.Model):
    name = models.CharField(max_length=100)
    photo = models.ImageField(blank=True)
"""
URLS = """
urlpatterns = []
"""
FILES = {
    "mysite/__init__.py": "",
    "mysite/settings.py": SETTINGS,
    "mysite/urls.py": URLS,
    "shop/__init__.py": "",
    "shop/models.py": MODELS,
}
"""A site ``mysite`` with an app ``shop``; without Wagtail, whose start takes its time."""

_BLOCK = re.compile(
    r"^```{code-block} python\n:caption: (?P<name>[^\n]+)\n\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_PATIENCE_S = 120  # for what takes seconds; nothing ever waits so long if all is well


def files_in(page):
    """The code of a page of the documentation by the caption that stands above it."""
    text = page.read_text(encoding="utf-8")
    return {found["name"]: found["code"] for found in _BLOCK.finditer(text)}


class Project:
    """Files of a site, and programs of it.

    Args:
        folder: Where the site lies; it is made.
        files: Texts by their paths; they come to FILES, or in the place of some of them.
        environment: Variables for its programs.
    """

    def __init__(self, folder, files, *, environment=None):
        """Write the files."""
        self.folder = folder
        for name, text in {**FILES, **files}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        places = [
            folder,
            *(Path(found.__file__).parents[1] for found in (rembg_plugins, django_site)),
        ]
        self.environment = {
            **os.environ,
            **(environment or {}),
            "DJANGO_SETTINGS_MODULE": "mysite.settings",
            "PYTHONPATH": os.pathsep.join(map(str, places)),
            "REMBG_ENGINE": "offline",
            "TEST_SITE_FOLDER": str(folder),
        }

    def manage(self, *arguments):
        """What a management command prints."""
        return self._run("-m", "django", *arguments)

    def python(self, code):
        """What code prints, in a process of the site."""
        return self._run("-c", f"import django; django.setup()\n{code}")

    @contextmanager
    def running(self, *arguments):
        """A program in the background; it is ended with the block."""
        with (self.folder / "program.log").open("wb") as log:
            command = [sys.executable, *arguments]
            process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )
            try:
                yield process
            finally:
                process.terminate()
                try:
                    process.wait(_PATIENCE_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def _run(self, *arguments):
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_S,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()
