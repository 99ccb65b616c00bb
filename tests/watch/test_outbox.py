from __future__ import annotations

import errno
import itertools
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import pytest

from rembg_plugins.watch import renaming
from rembg_plugins.watch.naming import Naming, fold
from rembg_plugins.watch.outbox import RESERVE, Outbox
from rembg_plugins.watch.records import Place

OURS = ".rembg-plugins"
posix = pytest.mark.skipif(os.name != "posix", reason="links and permissions are POSIX's")


class Usage(NamedTuple):
    total: int
    used: int
    free: int


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def outbox(tmp_path, clock):
    (tmp_path / "out").mkdir()
    box = Outbox(tmp_path / "out", clock=clock)
    box.sweep()
    return box


def publish(outbox, content, *names, taken=(), **more):
    return outbox.publish(content, names, is_taken=lambda name: name in taken, **more)


def tree(outbox):
    """Path and bytes of each file, without those of our own."""
    files = (path for path in outbox.root.rglob("*") if path.is_file() or path.is_symlink())
    return {
        str(path.relative_to(outbox.root)): path.read_bytes()
        for path in files
        if OURS not in path.parts
    }


def leftovers(outbox):
    return list((outbox.root / OURS / "temporary").iterdir())


def without_hard_links(monkeypatch, number=errno.EPERM):
    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)


def without_renameat2(monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(renaming, "_rename_no_replace", refuse)


def test_an_output_lies_under_the_first_name(outbox):
    output = publish(outbox, b"new", b"a/b/x.png", b"a/b/x-2.png")
    assert tree(outbox) == {"a/b/x.png": b"new"}
    assert output.relative == b"a/b/x.png"
    assert output.stamp.size == 3
    assert outbox.read_back(output)
    assert leftovers(outbox) == []


def test_an_output_of_nothing_but_zeros_and_of_many_bytes(outbox):
    content = os.urandom(1000) * 3000
    assert outbox.read_back(publish(outbox, content, b"x.png"))


@posix
def test_permissions_follow_the_umask(outbox):
    old = os.umask(0o027)
    try:
        publish(outbox, b"new", b"x.png")
    finally:
        os.umask(old)
    assert (outbox.root / "x.png").stat().st_mode & 0o777 == 0o640


def test_what_others_put_there_is_never_overwritten(outbox):
    (outbox.root / "x.png").write_bytes(b"theirs")
    (outbox.root / "x-2.png").mkdir()
    output = publish(outbox, b"new", b"x.png", b"x-2.png", b"x-3.png")
    assert output.relative == b"x-3.png"
    assert tree(outbox) == {"x.png": b"theirs", "x-3.png": b"new"}


@posix
def test_a_link_under_the_name_is_neither_followed_nor_replaced(outbox, tmp_path):
    (tmp_path / "secret").write_bytes(b"new")
    (outbox.root / "x.png").symlink_to(tmp_path / "secret")
    (outbox.root / "y.png").symlink_to(tmp_path / "missing")
    assert publish(outbox, b"new", b"x.png", b"y.png", b"z.png").relative == b"z.png"
    assert not (tmp_path / "missing").exists()


@posix
def test_a_pipe_under_the_name_does_not_hang(outbox):
    os.mkfifo(outbox.root / "x.png")
    assert publish(outbox, b"new", b"x.png", b"y.png").relative == b"y.png"


@posix
def test_a_file_that_must_not_be_read_is_not_ours(as_ordinary_user):
    outbox = Outbox(as_ordinary_user)
    (outbox.root / "x.png").write_bytes(b"new")
    (outbox.root / "x.png").chmod(0)
    assert publish(outbox, b"new", b"x.png", b"y.png").relative == b"y.png"


def test_the_names_of_other_pictures_are_left_to_them(outbox):
    assert publish(outbox, b"new", b"x.png", b"y.png", taken={b"x.png"}).relative == b"y.png"


def test_the_same_bytes_are_the_output_of_before_a_crash(outbox):
    (outbox.root / "x.png").write_bytes(b"new")
    output = publish(outbox, b"new", b"x.png", b"y.png")
    assert output.relative == b"x.png"
    assert tree(outbox) == {"x.png": b"new"}
    assert leftovers(outbox) == []


def test_an_earlier_output_is_replaced(outbox):
    old = publish(outbox, b"old", b"x.png")
    new = publish(outbox, b"new", b"x.png", b"y.png", replaces=old)
    assert new.relative == b"x.png"
    assert tree(outbox) == {"x.png": b"new"}


def test_an_earlier_output_keeps_its_name_among_those_that_are_free_now(outbox):
    names = (b"x.png", b"x.jpg.png", b"x-2.png")
    old = publish(outbox, b"old", *names, taken={b"x.png"})
    assert publish(outbox, b"new", *names, replaces=old).relative == b"x.jpg.png"
    assert tree(outbox) == {"x.jpg.png": b"new"}


@pytest.mark.parametrize("times", ["as they were", "new"])
def test_an_earlier_output_that_a_person_has_edited_is_not_replaced(outbox, times):
    old = publish(outbox, b"old", b"x.png")
    path = outbox.root / "x.png"
    path.write_bytes(b"mine")
    if times == "as they were":
        path.write_bytes(b"min")
        os.utime(path, ns=(old.stamp.mtime_ns, old.stamp.mtime_ns))
    edited = path.read_bytes()
    new = publish(outbox, b"new", b"x.png", b"y.png", replaces=old)
    assert new.relative == b"y.png"
    assert tree(outbox) == {"x.png": edited, "y.png": b"new"}


def test_an_earlier_output_that_was_touched_is_not_replaced(outbox):
    old = publish(outbox, b"old", b"x.png")
    os.utime(outbox.root / "x.png", ns=(1, 1))
    assert publish(outbox, b"new", b"x.png", b"y.png", replaces=old).relative == b"y.png"


def test_an_earlier_output_that_is_gone_is_made_again(outbox):
    old = publish(outbox, b"old", b"x.png")
    (outbox.root / "x.png").unlink()
    assert publish(outbox, b"new", b"x.png", replaces=old).relative == b"x.png"


def test_an_earlier_output_of_another_name_stays(outbox):
    old = publish(outbox, b"old", b"x.png")
    publish(outbox, b"new", b"x.jpg", replaces=old)
    assert tree(outbox) == {"x.png": b"old", "x.jpg": b"new"}


def test_reading_back_notices_every_change(outbox):
    output = publish(outbox, b"new", b"a/x.png")
    path = outbox.root / "a" / "x.png"
    path.write_bytes(b"neW")
    assert not outbox.read_back(output)
    path.unlink()
    assert not outbox.read_back(output)
    shutil.rmtree(path.parent)
    assert not outbox.read_back(output)


@pytest.mark.parametrize(
    "name", [b"../x", b"/x", b"a/../../x", b"a//x", b"", b".", b"a\0b", b".rembg-plugins/x"]
)
def test_a_name_that_leads_out_is_refused(outbox, name):
    with pytest.raises(ValueError, match="cannot be called"):
        publish(outbox, b"new", name)
    assert tree(outbox) == {}
    assert leftovers(outbox) == []


def test_no_names_are_no_silent_loss(outbox):
    with pytest.raises(ValueError, match="no names"):
        publish(outbox, b"new")


@posix
def test_a_linked_folder_is_not_followed_and_the_output_is_published_beside(outbox, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (outbox.root / "cats").symlink_to(tmp_path / "elsewhere")
    output = publish(outbox, b"new", b"cats/x.png")
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert output.relative.startswith(b"cats-")
    assert outbox.read_back(output)


def test_a_file_where_a_folder_should_be_is_left_alone(outbox):
    (outbox.root / "cats").write_bytes(b"theirs")
    output = publish(outbox, b"new", b"cats/x.png")
    assert output.relative.startswith(b"cats-")
    assert tree(outbox)["cats"] == b"theirs"


@posix
def test_a_path_that_is_too_long_is_published_in_one_folder(outbox):
    name = b"/".join([b"d" * 250] * 20 + [b"x.png"])
    output = publish(outbox, b"new", name)
    assert output.relative.count(b"/") == 1
    assert outbox.read_back(output)


@posix
def test_names_that_are_no_text_are_written(outbox):
    output = publish(outbox, b"new", b"caf\xe9/x\xff.png")
    assert outbox.read_back(output)


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK])
@pytest.mark.parametrize("rename", ["with renameat2", "without"])
def test_without_hard_links_nothing_is_overwritten_either(outbox, monkeypatch, number, rename):
    without_hard_links(monkeypatch, number)
    if rename == "without":
        without_renameat2(monkeypatch)
    (outbox.root / "x.png").write_bytes(b"theirs")
    output = publish(outbox, b"new", b"x.png", b"y.png")
    assert output.relative == b"y.png"
    assert tree(outbox) == {"x.png": b"theirs", "y.png": b"new"}
    assert publish(outbox, b"new", b"y.png").relative == b"y.png"
    assert leftovers(outbox) == []


def test_without_hard_links_a_failed_rename_leaves_no_empty_file(outbox, monkeypatch):
    without_hard_links(monkeypatch)
    without_renameat2(monkeypatch)

    def refuse(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="error"):
        publish(outbox, b"new", b"x.png")
    assert tree(outbox) == {}


@posix
def test_a_folder_on_another_file_system_gets_whole_files_as_well(outbox, monkeypatch):
    real = os.link

    def link(source, target, **more):
        if Path(source).parent != Path(target).parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        real(source, target, **more)

    monkeypatch.setattr(os, "link", link)
    (outbox.root / "a").mkdir()
    (outbox.root / "a" / "x.png").write_bytes(b"theirs")
    output = publish(outbox, b"new", b"a/x.png", b"a/y.png")
    assert outbox.read_back(output)
    assert tree(outbox) == {"a/x.png": b"theirs", "a/y.png": b"new"}


def test_a_full_disk_leaves_nothing(outbox, monkeypatch):
    def refuse(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="space"):
        publish(outbox, b"new", b"x.png")
    assert tree(outbox) == {}
    assert leftovers(outbox) == []


def test_what_a_crash_left_is_swept(outbox):
    (outbox.root / OURS / "temporary" / "half.part").write_bytes(b"ha")
    (outbox.root / OURS / ".rembg-01.tmp").write_bytes(b"ha")
    (outbox.root / OURS / "lock").write_bytes(b"{}")
    (outbox.root / "x.part").write_bytes(b"theirs")
    assert outbox.sweep()
    assert leftovers(outbox) == []
    assert {path.name for path in (outbox.root / OURS).iterdir()} == {"lock", "temporary"}
    assert tree(outbox) == {"x.part": b"theirs"}


def test_a_folder_that_was_never_an_outbox_is_told(tmp_path):
    assert not Outbox(tmp_path).sweep()
    assert Outbox(tmp_path).sweep()


KILLED = """
import sys
from pathlib import Path
from rembg_plugins.watch.outbox import Outbox
Outbox(Path(sys.argv[1])).publish(b"new", [b"a/x.png"], is_taken=lambda _: False)
"""


@posix
def test_a_kill_right_after_the_link_leaves_the_whole_output_and_no_rubbish(tmp_path):
    environment = os.environ | {"REMBG_FAILPOINT": "linked"}
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path], env=environment, check=False)
    assert done.returncode == -9
    outbox = Outbox(tmp_path)
    outbox.sweep()
    assert tree(outbox) == {"a/x.png": b"new"}
    assert publish(outbox, b"new", b"a/x.png", b"a/x-2.png").relative == b"a/x.png"


def test_two_pictures_that_clash_at_the_same_moment_get_two_names(outbox):
    outputs = {}
    barrier = threading.Barrier(8)

    def work(number):
        place = Place(b"", b"x.%d" % number)
        barrier.wait()
        outputs[number] = outbox.publish(
            b"the same", Naming().names(place, "PNG", b""), is_taken=lambda _: False, owner=place
        )

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({fold(output.relative) for output in outputs.values()}) == 8


def test_names_that_differ_by_case_alone_are_not_given_to_two(outbox):
    publish(outbox, b"1", b"X.png", owner="one")
    assert publish(outbox, b"2", b"x.png", b"x-2.png", owner="other").relative == b"x-2.png"


def test_a_name_that_could_not_be_written_is_free_again(outbox, monkeypatch):
    with monkeypatch.context() as patch:
        without_hard_links(patch, errno.EIO)
        with pytest.raises(OSError, match="error"):
            publish(outbox, b"1", b"x.png", owner="one")
    assert publish(outbox, b"2", b"x.png", owner="other").relative == b"x.png"


def test_a_name_is_kept_for_a_minute_and_then_left_to_the_ledger(outbox, clock):
    publish(outbox, b"1", b"x.png", owner="one")
    (outbox.root / "x.png").unlink()
    assert publish(outbox, b"2", b"x.png", b"y.png", owner="other").relative == b"y.png"
    clock.now = 61
    assert publish(outbox, b"2", b"x.png", b"y.png", owner="other").relative == b"x.png"


def test_there_is_room(outbox):
    outbox.check(1000)
    assert leftovers(outbox) == []


@pytest.mark.parametrize("full", ["out", "state"])
def test_a_full_disk_is_noticed_before_anything_is_paid(tmp_path, monkeypatch, full):
    for name in ("out", "state"):
        (tmp_path / name).mkdir()
    outbox = Outbox(tmp_path / "out", state=tmp_path / "state")
    free = 3 * 1000 + RESERVE

    def usage(path):
        return Usage(0, 0, free - 1 if Path(path).name == full else free)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    outbox.check(999)
    with pytest.raises(OSError, match="free") as error:
        outbox.check(1000)
    assert error.value.errno == errno.ENOSPC
    assert error.value.filename == str(tmp_path / full)


@posix
def test_a_folder_that_cannot_be_written_to_is_noticed(as_ordinary_user):
    root = as_ordinary_user / "out"
    root.mkdir()
    outbox = Outbox(root)
    outbox.sweep()
    (root / OURS / "temporary").chmod(0o500)
    with pytest.raises(PermissionError):
        outbox.check(1)
    (root / OURS / "temporary").chmod(0o700)
    outbox.check(1)


def test_whether_it_can_be_written_to_is_believed_for_half_a_minute(outbox, clock, monkeypatch):
    outbox.check(1)

    def refuse(*_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "open", refuse)
    clock.now = 29
    outbox.check(1)
    clock.now = 30
    for _ in range(2):
        with pytest.raises(OSError, match="Read-only"):
            outbox.check(1)
    monkeypatch.undo()
    outbox.check(1)


def test_an_outbox_that_is_gone_is_not_made_again(outbox, tmp_path):
    outbox.root.rename(tmp_path / "away")
    with pytest.raises(FileNotFoundError):
        outbox.check(1)
    with pytest.raises(FileNotFoundError):
        publish(outbox, b"new", b"x.png")
    assert not outbox.root.exists()


def test_the_empty_place_of_a_disk_that_is_not_mounted_is_not_written_to(outbox, tmp_path):
    outbox._device += 1
    outbox.root.rename(tmp_path / "away")
    outbox.root.mkdir()
    with pytest.raises(OSError, match="mounted"):
        publish(outbox, b"new", b"x.png")
    assert list(outbox.root.iterdir()) == []


def test_an_outbox_that_was_emptied_goes_on(outbox):
    shutil.rmtree(outbox.root / OURS)
    publish(outbox, b"new", b"x.png")
    assert tree(outbox) == {"x.png": b"new"}


def test_a_disk_that_was_mounted_anew_goes_on(outbox):
    outbox._device += 1
    publish(outbox, b"new", b"x.png")
    assert tree(outbox) == {"x.png": b"new"}


def test_names_may_be_without_end(outbox):
    publish(outbox, b"0", b"x-0.png")
    old = publish(outbox, b"old", b"x-1.png")
    names = (b"x-%d.png" % number for number in itertools.count())
    new = outbox.publish(b"new", names, is_taken=lambda _: False, replaces=old)
    assert new.relative == b"x-1.png"
