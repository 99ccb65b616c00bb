from __future__ import annotations

import errno
import hashlib
import itertools
import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from rembg_plugins.watch import placing, renaming

posix = pytest.mark.skipif(os.name != "posix", reason="links and pipes are POSIX's")


def refuse_links(monkeypatch, number):
    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)


@pytest.fixture(params=["hard links", "renameat2", "neither"])
def any_file_system(request, monkeypatch):
    """Each way to put a file in its place."""
    if request.param != "hard links":
        refuse_links(monkeypatch, errno.EPERM)
    if request.param == "neither":

        def refuse(*_):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

        monkeypatch.setattr(renaming, "_rename_no_replace", refuse)


def put(source, target):
    placing.put(str(source), str(target))


def test_a_file_is_moved_whole_with_all_that_belongs_to_it(tmp_path, any_file_system):
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "a").chmod(0o640)
    os.utime(tmp_path / "a", ns=(5, 7))
    put(tmp_path / "a", tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    found = (tmp_path / "b").stat()
    assert (tmp_path / "b").read_bytes() == b"content"
    assert found.st_mtime_ns == 7
    assert stat.S_IMODE(found.st_mode) == 0o640


@pytest.mark.parametrize("other", ["file", "empty file", "folder", "link", "link to nothing"])
def test_nothing_is_overwritten_by_whatever_way(tmp_path, any_file_system, other):
    (tmp_path / "a").write_bytes(b"content")
    if other == "folder":
        (tmp_path / "b").mkdir()
    elif other.startswith("link"):
        (tmp_path / "b").symlink_to("c" if "nothing" in other else "a")
    else:
        (tmp_path / "b").write_bytes(b"" if "empty" in other else b"theirs")
    before = (tmp_path / "b").lstat()
    with pytest.raises(FileExistsError):
        put(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").lstat() == before
    assert (tmp_path / "a").read_bytes() == b"content"


def test_eight_that_want_one_name_get_it_once(tmp_path, any_file_system):
    barrier, moved = threading.Barrier(8), []

    def work(number):
        source = tmp_path / f"source-{number}"
        source.write_bytes(b"%d" % number)
        barrier.wait()
        moved.append(placing.move(str(source), str(tmp_path), b"x.jpg"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(moved)) == 8
    assert {Path(path).read_bytes() for path in moved} == {b"%d" % number for number in range(8)}
    assert len(list(tmp_path.iterdir())) == 8


def test_another_problem_than_missing_links_is_told(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"content")
    refuse_links(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match="error"):
        put(tmp_path / "a", tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_rename_that_fails_is_told(tmp_path, monkeypatch):
    refuse_links(monkeypatch, errno.EPERM)
    with pytest.raises(FileNotFoundError):
        put(tmp_path / "missing", tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_crash_between_two_names_of_a_file_is_ended(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    os.link(tmp_path / "a", tmp_path / "b")
    put(tmp_path / "a", tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


@pytest.mark.parametrize("over", ["nothing", "a file"])
def test_another_file_system_gets_a_copy_with_its_times(tmp_path, monkeypatch, over):
    for name in ("link", "replace"):
        monkeypatch.setattr(os, name, _only_within_a_folder(getattr(os, name)))
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    source, target = tmp_path / "a" / "x", tmp_path / "b" / "x"
    source.write_bytes(b"content")
    os.utime(source, ns=(5, 7))
    if over == "a file":
        target.write_bytes(b"old")
        with pytest.raises(FileExistsError):
            put(source, target)
        placing.replace(str(source), str(target))
    else:
        put(source, target)
        assert not source.exists()
    assert target.read_bytes() == b"content"
    assert target.stat().st_mtime_ns == 7
    assert [path.name for path in target.parent.iterdir()] == ["x"]


def _only_within_a_folder(function):
    def call(source, target, **more):
        if Path(source).parent != Path(target).parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return function(source, target, **more)

    return call


def test_a_replacement_that_fails_is_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        placing.replace(str(tmp_path / "a"), str(tmp_path / "b"))


def test_numbers_go_before_the_extension_and_no_name_grows_too_long():
    names = list(itertools.islice(placing.numbered(b"n" * 251 + b".jpg"), 12))
    assert names[0] == b"n" * 251 + b".jpg"
    assert names[11].endswith(b"-12.jpg")
    assert {len(name) for name in names} == {255}
    assert next(itertools.islice(placing.numbered(b".x"), 1, None)) == b".x-2"


def test_folders_are_made_and_found(tmp_path):
    path = placing.make_folder(str(tmp_path), b"a/caf\xe9" if os.name == "posix" else b"a/b")
    assert Path(path).is_dir()
    assert placing.make_folder(str(tmp_path), b"a") == str(tmp_path / "a")
    assert placing.make_folder(str(tmp_path), b"") == str(tmp_path)


def test_a_root_that_is_gone_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        placing.make_folder(str(tmp_path / "missing"), b"a")


@posix
@pytest.mark.parametrize("other", ["link", "link to nothing", "file"])
def test_a_folder_is_not_made_through_anything_else(tmp_path, other):
    (tmp_path / "elsewhere").mkdir()
    if other == "file":
        (tmp_path / "a").write_bytes(b"")
    else:
        (tmp_path / "a").symlink_to("elsewhere" if other == "link" else "missing")
    with pytest.raises(NotADirectoryError):
        placing.make_folder(str(tmp_path), b"a/b")
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert not (tmp_path / "missing").exists()


def test_threads_that_make_the_same_folders_do_not_get_in_each_other_s_way(tmp_path):
    barrier, made = threading.Barrier(8), []

    def work():
        barrier.wait()
        made.extend(placing.make_folder(str(tmp_path), b"%d/a/b" % n) for n in range(20))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 160


def test_a_new_file_is_never_an_old_one(tmp_path):
    (tmp_path / "a").write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        placing.write_new(str(tmp_path / "a"), b"ours")
    assert (tmp_path / "a").read_bytes() == b"theirs"


@pytest.mark.parametrize("advice", ["refused", "unknown"])
def test_a_file_is_written_where_no_memory_can_be_freed(tmp_path, monkeypatch, advice):
    def refuse(*_):
        raise OSError(errno.EINVAL, "no")

    if advice == "refused":
        monkeypatch.setattr(os, "posix_fadvise", refuse, raising=False)
    else:
        monkeypatch.delattr(os, "posix_fadvise", raising=False)
    placing.write_new(str(tmp_path / "a"), b"ours")
    assert (tmp_path / "a").read_bytes() == b"ours"


def test_a_digest_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    found = placing.digest(str(tmp_path / "a"))
    assert found[0].st_size == 7
    assert found[1] == hashlib.sha256(b"content").digest()
    assert placing.holds(str(tmp_path / "a"), found[1])
    assert not placing.holds(str(tmp_path / "a"), bytes(32))


@posix
@pytest.mark.parametrize("other", ["nothing", "folder", "link", "pipe", "file for a folder"])
def test_what_is_no_regular_file_has_no_digest(tmp_path, other):
    path = tmp_path / "a"
    if other == "folder":
        path.mkdir()
    elif other == "link":
        (tmp_path / "b").write_bytes(b"content")
        path.symlink_to("b")
    elif other == "pipe":
        os.mkfifo(path)
    elif other == "file for a folder":
        path.write_bytes(b"")
        path /= "b"
    before = len(list(Path("/proc/self/fd").iterdir())) if sys.platform == "linux" else 0
    assert placing.digest(str(path)) is None
    after = len(list(Path("/proc/self/fd").iterdir())) if sys.platform == "linux" else 0
    assert after == before


def test_a_file_that_changes_while_it_is_read_has_no_digest(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"content")
    real = hashlib.file_digest

    def change(*arguments):
        (tmp_path / "a").write_bytes(b"more content")
        return real(*arguments)

    monkeypatch.setattr(hashlib, "file_digest", change)
    assert placing.digest(str(tmp_path / "a")) is None


@posix
def test_what_must_not_be_read_is_told_by_its_digest_and_holds_nothing(as_ordinary_user):
    path = as_ordinary_user / "a"
    path.write_bytes(b"content")
    path.chmod(0)
    with pytest.raises(PermissionError):
        placing.digest(str(path))
    assert not placing.holds(str(path), hashlib.sha256(b"content").digest())


def test_removing_what_is_gone_is_no_error(tmp_path):
    placing.remove(str(tmp_path / "a"))
