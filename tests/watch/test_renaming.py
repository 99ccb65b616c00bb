from __future__ import annotations

import errno
import os
import sys

import pytest

from rembg_plugins.watch import renaming


@pytest.fixture(params=["renameat2", "a placeholder"])
def any_file_system(request, monkeypatch):
    """Each way to rename."""
    if request.param == "a placeholder":

        def refuse(*_):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

        monkeypatch.setattr(renaming, "_rename_no_replace", refuse)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_free_name_is_taken(tmp_path, any_file_system):
    (tmp_path / "a").write_bytes(b"content")
    renaming.rename_to_free(str(tmp_path / "a"), str(tmp_path / "b"))
    assert names(tmp_path) == ["b"]
    assert (tmp_path / "b").read_bytes() == b"content"


def test_a_name_that_is_taken_stays_so(tmp_path, any_file_system):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(name.encode())
    with pytest.raises(FileExistsError):
        renaming.rename_to_free(str(tmp_path / "a"), str(tmp_path / "b"))
    assert [(tmp_path / name).read_bytes() for name in names(tmp_path)] == [b"a", b"b"]


def test_a_file_that_is_not_there_leaves_no_empty_one(tmp_path, any_file_system):
    with pytest.raises(FileNotFoundError):
        renaming.rename_to_free(str(tmp_path / "missing"), str(tmp_path / "b"))
    assert names(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="renameat2 is Linux's")
def test_linux_can_rename_without_overwriting(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(name.encode())
    with pytest.raises(FileExistsError) as refusal:
        renaming._rename_no_replace(str(tmp_path / "a"), str(tmp_path / "b"))
    assert refusal.value.filename2 == str(tmp_path / "b")
    renaming._rename_no_replace(str(tmp_path / "a"), str(tmp_path / "c"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "c"]


def test_a_system_without_renameat2_is_told_as_one(tmp_path, monkeypatch):
    monkeypatch.setattr(renaming.ctypes, "CDLL", lambda *_, **__: object())
    with pytest.raises(OSError, match="renameat2") as refusal:
        renaming._rename_no_replace(str(tmp_path / "a"), str(tmp_path / "b"))
    assert refusal.value.errno == errno.ENOSYS
