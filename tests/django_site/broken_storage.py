"""A storage that fails where a test wants it."""

from __future__ import annotations

import pytest
from django.core.files.storage import FileSystemStorage

from rembg_plugins.django import cutouts


class Broken(FileSystemStorage):
    """Fails at what stands in ``fails``, for names that begin so."""

    fails: dict[str, str] = {}  # noqa: RUF012 - set by each test

    def _refuse(self, what, name):
        if name.startswith(self.fails.get(what, "-")):
            raise OSError(f"{what} is refused")

    def _open(self, name, mode="rb"):
        self._refuse("open", name)
        return super()._open(name, mode)

    def _save(self, name, content):
        self._refuse("save", name)
        return super()._save(name, content)

    def exists(self, name):
        self._refuse("exists", name)
        return super().exists(name)


@pytest.fixture
def broken(site, settings, tmp_path, monkeypatch):
    """A store whose storage fails where told: ``broken(open="cutouts/")``; nowhere at first."""
    options = {"location": str(tmp_path / "cutouts")}
    rembg = {"BACKEND": f"{__name__}.{Broken.__name__}", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "rembg": rembg}

    def fail(**prefixes):
        monkeypatch.setattr(Broken, "fails", prefixes)
        return cutouts.store()

    return fail
