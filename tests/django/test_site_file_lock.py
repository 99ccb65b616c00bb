from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from core.kept import key
from core.pictures import encoded
from django.core.files.storage import InMemoryStorage

from rembg_plugins.core.errors import SpendingError
from rembg_plugins.django import cutouts, site_file_lock
from rembg_plugins.django.locks import locked

pytestmark = pytest.mark.django_db


def test_lock_files_lie_among_the_cutouts(site, tmp_path):
    with locked(key(1)):
        assert (tmp_path / "cutouts" / "locks" / f"{key(1)}.lock").exists()
    assert list((tmp_path / "cutouts" / "locks").iterdir()) == []


def test_where_cutouts_are_elsewhere_lock_files_lie_on_this_machine(site, settings, monkeypatch):
    backend = f"{InMemoryStorage.__module__}.{InMemoryStorage.__name__}"
    settings.STORAGES = {**settings.STORAGES, "rembg": {"BACKEND": backend}}
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        with locked(key(1)):
            (made,) = Path(folder).iterdir()
            assert made.name.startswith("rembg-locks-")
            assert made.stat().st_mode & 0o777 == 0o700
            assert settings.SECRET_KEY not in made.name


def test_what_killed_processes_left_is_swept_and_nothing_else(site, tmp_path):
    with locked(key(1)):
        left = tmp_path / "cutouts" / "locks" / f"{key(2)}.lock"
        left.touch()
        site_file_lock.sweep()
        assert [path.name for path in left.parent.iterdir()] == [f"{key(1)}.lock"]


def test_where_a_lock_file_cannot_be_made_nothing_is_paid_for(counted, tmp_path):
    (tmp_path / "cutouts").mkdir()
    (tmp_path / "cutouts" / "locks").write_text("in the way")
    with pytest.raises(SpendingError, match="no lock"):
        cutouts.remove(encoded("JPEG"))
    assert counted.calls == []
