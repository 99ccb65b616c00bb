from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from rembg_plugins.core.atomic import write_atomically

posix = pytest.mark.skipif(os.name != "posix", reason="permissions and links are POSIX's")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def umask():
    old = os.umask(0o027)
    yield 0o027
    os.umask(old)


def test_a_new_file_holds_the_bytes_and_nothing_lies_beside_it(tmp_path):
    write_atomically(tmp_path / "a.png", b"new")
    assert (tmp_path / "a.png").read_bytes() == b"new"
    assert names(tmp_path) == ["a.png"]


def test_no_bytes_make_an_empty_file(tmp_path):
    write_atomically(str(tmp_path / "a"), b"")
    assert (tmp_path / "a").read_bytes() == b""


def test_a_name_as_long_as_names_may_be(tmp_path):
    write_atomically(tmp_path / ("n" * 255), b"new")
    assert names(tmp_path) == ["n" * 255]


@posix
def test_the_permissions_of_a_new_file_follow_the_umask(tmp_path, umask):
    write_atomically(tmp_path / "a", b"new")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~umask


@posix
@pytest.mark.parametrize("mode", [0o600, 0o664, 0o777])
def test_a_replaced_file_keeps_its_permissions(tmp_path, umask, mode):
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a").chmod(mode)
    write_atomically(tmp_path / "a", b"new")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode
    assert (tmp_path / "a").read_bytes() == b"new"


@posix
def test_a_link_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a").write_bytes(b"old")
    (tmp_path / "link").symlink_to(Path("real") / "a")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "a").read_bytes() == b"new"
    assert names(tmp_path) == ["link", "real"]
    assert names(tmp_path / "real") == ["a"]


@posix
def test_a_link_to_nothing_yet_makes_its_target(tmp_path):
    (tmp_path / "link").symlink_to("target")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


@posix
def test_a_pipe_is_written_to_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_atomically(pipe, b"new" * 50_000)
    reader.join()
    assert read == [b"new" * 50_000]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@posix
def test_a_device_is_written_to_not_replaced():
    write_atomically(os.devnull, b"new")
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError if os.name == "posix" else OSError):
        write_atomically(tmp_path / "folder", b"new")
    assert names(tmp_path) == ["folder"]


def test_a_folder_that_is_missing_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "missing" / "a", b"new")
    assert names(tmp_path) == []


@posix
def test_a_read_only_folder_stays_as_it_is(as_ordinary_user):
    folder = as_ordinary_user / "folder"
    folder.mkdir()
    (folder / "a").write_bytes(b"old")
    folder.chmod(0o555)
    for name in ("a", "b"):
        with pytest.raises(PermissionError):
            write_atomically(folder / name, b"new")
    assert (folder / "a").read_bytes() == b"old"
    assert names(folder) == ["a"]


@posix
def test_a_write_protected_file_is_refused_though_its_folder_is_writable(as_ordinary_user):
    path = as_ordinary_user / "a"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(PermissionError):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(as_ordinary_user) == ["a"]


@pytest.mark.parametrize("failing", ["write", "fsync", "replace"])
@pytest.mark.parametrize("problem", [OSError(errno.ENOSPC, "disk full"), KeyboardInterrupt()])
@pytest.mark.parametrize("existing", [True, False])
def test_what_fails_leaves_the_old_file_and_no_other(
    tmp_path, monkeypatch, failing, problem, existing
):
    path = tmp_path / "a"
    if existing:
        path.write_bytes(b"old")

    def fail(*arguments):
        raise problem

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(type(problem)):
        write_atomically(path, b"new")
    assert names(tmp_path) == (["a"] if existing else [])
    assert not existing or path.read_bytes() == b"old"


def test_the_bytes_reach_the_disk_before_the_name_does(tmp_path, monkeypatch):
    steps = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)

        def spy(*arguments, name=name, real=real):
            steps.append(name)
            return real(*arguments)

        monkeypatch.setattr(os, name, spy)
    write_atomically(tmp_path / "a", b"new")
    assert steps[:2] == ["fsync", "replace"]
    assert os.name != "posix" or steps[2:] == ["fsync"]  # the folder, so that the name lasts


@posix
def test_a_folder_that_cannot_be_synced_is_no_failure(tmp_path, monkeypatch):
    real = os.fsync

    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not here")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomically(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"


def test_writes_that_come_in_pieces_are_whole(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, content: real(file, content[:3]))
    write_atomically(tmp_path / "a", b"0123456789")
    assert (tmp_path / "a").read_bytes() == b"0123456789"


def test_a_reader_never_sees_half_a_file(tmp_path):
    path = tmp_path / "a"
    contents = [bytes([number]) * 300_000 for number in range(10)]
    path.write_bytes(contents[0])
    seen = set()
    done = threading.Event()

    def watch():
        while not done.is_set():
            seen.add(path.read_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    for content in contents:
        write_atomically(path, content)
    done.set()
    watcher.join()
    assert seen <= set(contents)
