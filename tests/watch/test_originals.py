from __future__ import annotations

import errno
import hashlib
import itertools
import os
import shutil
from pathlib import Path

import pytest

from rembg_plugins.watch.originals import Originals
from rembg_plugins.watch.records import Place, Stamp

posix = pytest.mark.skipif(os.name != "posix", reason="links and permissions are POSIX's")
PICTURE = b"a picture"
OURS = ".rembg-plugins"


class KilledError(BaseException):
    """Stands for the end of the process: nothing can be cleaned up after it."""


class Scene:
    def __init__(self, root, wish="move", place=Place(b"cats", b"tom.jpg")):  # noqa: B008 - frozen
        self.inbox = root / "in"
        self.done = self.inbox / "done"
        self.place = place
        self.path = Path(place.below(self.inbox))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(PICTURE)
        self.stamp = Stamp.of(self.path.stat())
        self.originals = Originals(self.inbox, wish, done=self.done)

    def dispose(self, *, output_ok=lambda: True, stamp=None):
        sha256 = hashlib.sha256(PICTURE).digest()
        return self.originals.dispose(self.place, stamp or self.stamp, sha256, output_ok=output_ok)

    def tree(self):
        """Path and bytes of each file in INBOX; those of our own under their folder's name."""
        files = (path for path in self.inbox.rglob("*") if path.is_file())
        return {str(path.relative_to(self.inbox)): path.read_bytes() for path in files}


@pytest.fixture(params=["move", "delete"])
def scene(request, tmp_path):
    return Scene(tmp_path, request.param)


def after(wish):
    return {"done/cats/tom.jpg": PICTURE} if wish == "move" else {}


def test_a_kept_original_is_not_even_looked_at(tmp_path):
    scene = Scene(tmp_path, "keep")
    assert scene.originals.are_kept
    assert scene.dispose(output_ok=None) == "kept"
    assert scene.tree() == {"cats/tom.jpg": PICTURE}


def test_an_original_is_moved_into_a_mirrored_tree(tmp_path):
    scene = Scene(tmp_path, "move")
    assert not scene.originals.are_kept
    assert scene.dispose() == "moved"
    assert scene.tree() == {"done/cats/tom.jpg": PICTURE}


def test_an_original_is_deleted(tmp_path):
    scene = Scene(tmp_path, "delete")
    assert scene.dispose() == "deleted"
    assert scene.tree() == {}


def test_a_moved_original_overwrites_nothing(tmp_path):
    scene = Scene(tmp_path, "move")
    (scene.done / "cats").mkdir(parents=True)
    (scene.done / "cats" / "tom.jpg").write_bytes(b"of last week")
    assert scene.dispose() == "moved"
    assert scene.tree() == {"done/cats/tom.jpg": b"of last week", "done/cats/tom-2.jpg": PICTURE}


def test_the_same_picture_again_is_kept_once(tmp_path):
    for _ in range(2):
        assert Scene(tmp_path, "move").dispose() == "moved"
    assert Scene(tmp_path, "keep").tree() == {"done/cats/tom.jpg": PICTURE, "cats/tom.jpg": PICTURE}


def test_without_its_output_nothing_happens_to_an_original(scene):
    assert scene.dispose(output_ok=lambda: False) == "no output"
    assert scene.tree() == {"cats/tom.jpg": PICTURE}


def test_an_original_that_is_gone_is_no_error(scene):
    scene.path.unlink()
    assert scene.dispose() == "gone"
    scene.path.parent.rmdir()
    assert scene.dispose() == "gone"
    assert scene.tree() == {}


def test_an_original_that_goes_while_its_output_is_read_is_no_error(scene):
    assert scene.dispose(output_ok=lambda: scene.path.unlink() is None) == "gone"
    assert scene.tree() == {}


def test_a_new_picture_under_the_name_stays(scene):
    scene.path.write_bytes(b"a newer picture")
    assert scene.dispose(output_ok=None) == "changed"  # it is not even moved out of the way
    assert scene.tree() == {"cats/tom.jpg": b"a newer picture"}


def test_other_bytes_of_the_same_length_and_time_stay(scene):
    scene.path.write_bytes(b"A PICTURE")
    os.utime(scene.path, ns=(scene.stamp.mtime_ns, scene.stamp.mtime_ns))
    assert scene.dispose() == "changed"
    assert scene.tree() == {"cats/tom.jpg": b"A PICTURE"}
    assert scene.path.stat().st_mtime_ns == scene.stamp.mtime_ns


def test_a_file_that_is_written_to_while_the_output_is_read_stays(scene):
    def write():
        scene.path.write_bytes(b"still being written")
        return True

    assert scene.dispose(output_ok=write) == "changed"
    assert scene.tree() == {"cats/tom.jpg": b"still being written"}


def test_a_file_that_takes_the_name_of_a_changed_one_stays_as_well(scene, monkeypatch):
    real = os.rename

    def rename(source, target):
        real(source, target)
        scene.path.write_bytes(b"a newer picture")

    monkeypatch.setattr(os, "rename", rename)
    scene.path.write_bytes(b"A PICTURE")
    os.utime(scene.path, ns=(scene.stamp.mtime_ns, scene.stamp.mtime_ns))
    assert scene.dispose() == "changed"
    assert scene.tree() == {"cats/tom.jpg": b"a newer picture", "cats/tom-2.jpg": b"A PICTURE"}


def test_a_file_that_takes_the_name_meanwhile_is_left_alone(scene, monkeypatch, request):
    real = os.rename

    def rename(source, target):
        real(source, target)
        scene.path.write_bytes(b"a newer picture")

    monkeypatch.setattr(os, "rename", rename)
    assert scene.dispose() in {"moved", "deleted"}
    wish = request.node.callspec.params["scene"]
    assert scene.tree() == {"cats/tom.jpg": b"a newer picture"} | after(wish)


def test_a_folder_that_takes_the_name_stays(scene):
    def replace():
        scene.path.unlink()
        scene.path.mkdir()
        (scene.path / "x").write_bytes(b"in it")
        return True

    assert scene.dispose(output_ok=replace) == "changed"
    assert scene.tree() == {"cats/tom.jpg/x": b"in it"}


@posix
def test_a_link_that_takes_the_name_is_not_followed(scene, tmp_path):
    (tmp_path / "secret").write_bytes(PICTURE)

    def replace():
        scene.path.unlink()
        scene.path.symlink_to(tmp_path / "secret")
        return True

    assert scene.dispose(output_ok=replace) == "changed"
    assert scene.path.is_symlink()
    assert (tmp_path / "secret").exists()


@posix
def test_a_stamp_without_an_inode_is_enough_where_inodes_mean_nothing(scene):
    assert scene.dispose(stamp=Stamp(scene.stamp.size, scene.stamp.mtime_ns)) != "changed"


@posix
def test_another_inode_is_another_file(scene):
    stamp = Stamp(scene.stamp.size, scene.stamp.mtime_ns, scene.stamp.ino + 1)
    assert scene.dispose(stamp=stamp) == "changed"
    assert scene.path.exists()


@posix
@pytest.mark.parametrize(
    "name", [b"caf\xe9\xff.jpg", b"a\nb.jpg", b"-rf.jpg", b"n" * 251 + b".jpg"]
)
def test_any_name_is_moved_as_it_is(tmp_path, name):
    scene = Scene(tmp_path, "move", Place(b"f\xe9", name))
    assert scene.dispose() == "moved"
    assert Path(scene.place.below(scene.done)).read_bytes() == PICTURE


@posix
def test_a_path_that_grows_too_long_is_moved_into_one_folder(tmp_path):
    depth = (4090 - len(os.fsencode(tmp_path / "in"))) // 101
    place = Place(b"/".join([b"d" * 100] * depth), b"tom.jpg")
    path = tmp_path / "in"
    for part in place.folder.split(b"/"):
        path /= os.fsdecode(part)
        path.mkdir(parents=True)
    scene = Scene(tmp_path, "move", place)
    scene.done = tmp_path / ("e" * 200) / ("e" * 200)
    scene.originals = Originals(scene.inbox, "move", done=scene.done)
    assert scene.dispose() == "moved"
    files = [path for path in scene.done.glob("*/*") if path.is_file()]
    assert [path.read_bytes() for path in files] == [PICTURE]


@posix
def test_a_linked_folder_in_the_tree_of_done_ones_is_not_followed(tmp_path):
    scene = Scene(tmp_path, "move")
    scene.done.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (scene.done / "cats").symlink_to(tmp_path / "elsewhere")
    assert scene.dispose() == "moved"
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert [path.read_bytes() for path in scene.done.glob("cats-*/*")] == [PICTURE]


@posix
@pytest.mark.parametrize("wish", ["move", "delete"])
def test_an_original_that_cannot_be_taken_away_stays_and_is_told(as_ordinary_user, wish):
    scene = Scene(as_ordinary_user, wish)
    (scene.inbox / OURS).mkdir()
    scene.path.parent.chmod(0o500)
    with pytest.raises(PermissionError):
        scene.dispose()
    scene.path.parent.chmod(0o700)
    assert scene.tree() == {"cats/tom.jpg": PICTURE}


@posix
def test_an_original_that_cannot_be_put_into_done_is_back_in_its_place(as_ordinary_user):
    scene = Scene(as_ordinary_user, "move")
    scene.done.mkdir()
    scene.done.chmod(0o500)
    with pytest.raises(PermissionError):
        scene.dispose()
    scene.done.chmod(0o700)
    assert scene.tree() == {"cats/tom.jpg": PICTURE}


@posix
def test_a_folder_that_is_a_mount_of_its_own_works_as_well(scene, monkeypatch, request):
    real = os.rename

    def rename(source, target):
        if Path(source).parent != Path(target).parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        real(source, target)

    monkeypatch.setattr(os, "rename", rename)
    assert scene.dispose() in {"moved", "deleted"}
    assert scene.tree() == after(request.node.callspec.params["scene"])


def test_nothing_is_restored_where_nothing_was_done(scene):
    assert scene.originals.restore() == []
    assert scene.tree() == {"cats/tom.jpg": PICTURE}


def killed_at(monkeypatch, number):
    """Have the process end before its so-manieth change of the disk."""
    calls = itertools.count()

    def mortal(function):
        def call(*arguments, **more):
            if next(calls) >= number:
                raise KilledError
            return function(*arguments, **more)

        return call

    for name in ("rename", "link", "unlink", "replace", "mkdir", "open", "fsync"):
        monkeypatch.setattr(os, name, mortal(getattr(os, name)))


@posix
@pytest.mark.parametrize("mount", ["one file system", "two file systems"])
@pytest.mark.parametrize("wish", ["move", "delete"])
def test_a_kill_at_any_change_of_the_disk_loses_nothing_and_leaves_nothing(
    tmp_path, monkeypatch, wish, mount
):
    for number in range(100):
        scene = Scene(tmp_path / str(number), wish)
        with monkeypatch.context() as patch:
            if mount == "two file systems":
                patch.setattr(os, "rename", only_within_a_folder(os.rename))
                patch.setattr(os, "link", only_within_a_folder(os.link))
            killed_at(patch, number)
            try:
                scene.dispose()
                was_killed = False
            except KilledError:
                was_killed = True
        if wish == "move" or was_killed:
            assert PICTURE in scene.tree().values() or not list(scene.inbox.rglob("*.original"))
        scene.originals.restore()
        assert scene.dispose() in {"moved", "deleted", "gone"}
        rubbish = scene.inbox.rglob(".rembg-*.tmp")
        left = scene.tree()
        for path in rubbish:  # a copy that was not finished, on another file system
            del left[str(path.relative_to(scene.inbox))]
        assert left == after(wish), number
        shutil.rmtree(scene.inbox)
        if not was_killed:
            break
    assert number > 8


def only_within_a_folder(function):
    def call(source, target, **more):
        if Path(source).parent != Path(target).parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return function(source, target, **more)

    return call


def test_what_a_crash_left_comes_back_beside_what_took_its_name(tmp_path, monkeypatch):
    scene = Scene(tmp_path, "delete")
    number = 0
    while scene.path.exists():
        number += 1
        with monkeypatch.context() as patch:
            killed_at(patch, number)
            with pytest.raises(KilledError):
                scene.dispose()
    scene.path.write_bytes(b"a newer picture")
    assert scene.originals.restore() == [Place(b"cats", b"tom-2.jpg")]
    assert scene.tree() == {"cats/tom.jpg": b"a newer picture", "cats/tom-2.jpg": PICTURE}


@pytest.mark.parametrize("relative", [b"../out.jpg", b"a/../../out.jpg", b"//out.jpg", b"./x.jpg"])
def test_a_stranger_s_slip_leads_nowhere_outside_inbox(tmp_path, relative):
    inbox = tmp_path / "in"
    own = inbox / ".rembg-plugins"
    own.mkdir(parents=True)
    (own / "0123456789abcdef.original").write_bytes(b"theirs")
    (own / "0123456789abcdef.place").write_bytes(relative)
    assert Originals(inbox, "delete", done=inbox / "done").restore() == []
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert (own / "0123456789abcdef.original").read_bytes() == b"theirs"


def test_what_only_looks_like_a_slip_stops_no_start(tmp_path):
    inbox = tmp_path / "in"
    own = inbox / ".rembg-plugins"
    (own / "0123456789abcdef.place").mkdir(parents=True)
    os.mkfifo(own / "fedcba9876543210.place")
    (own / "z.place").write_bytes(b"z.jpg")
    (own / "z.original").write_bytes(b"z")
    assert Originals(inbox, "delete", done=inbox / "done").restore() == []


def test_a_link_in_the_place_of_our_folder_is_not_followed(tmp_path):
    inbox, elsewhere = tmp_path / "in", tmp_path / "elsewhere"
    inbox.mkdir()
    elsewhere.mkdir()
    (elsewhere / "0123456789abcdef.original").write_bytes(b"theirs")
    (elsewhere / "0123456789abcdef.place").write_bytes(b"x.jpg")
    (inbox / ".rembg-plugins").symlink_to(elsewhere)
    assert Originals(inbox, "delete", done=inbox / "done").restore() == []
    assert not (inbox / "x.jpg").exists()


@posix
@pytest.mark.parametrize("exists", [True, False])
def test_a_link_in_the_place_of_done_is_not_followed(tmp_path, exists):
    scene = Scene(tmp_path, "move")
    if exists:
        (tmp_path / "victim").mkdir()
    scene.done.symlink_to(tmp_path / "victim")
    with pytest.raises(NotADirectoryError, match="not followed"):
        scene.dispose()
    assert not list((tmp_path / "victim").glob("**/*"))
    assert scene.path.read_bytes() == PICTURE
