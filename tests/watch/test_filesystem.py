from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys

import pytest

from rembg_plugins.watch import filesystem
from rembg_plugins.watch.filesystem import (
    is_open_for_writing,
    is_unchanged,
    kind_of,
    prepare_leases,
)
from rembg_plugins.watch.records import Stamp

TABLE = rb"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:40 / /mnt/share rw - nfs4 server:/x rw,vers=4.2
24 22 0:41 / /mnt/my\040photos rw master:3 propagate_from:2 - cifs //server/x rw
25 23 8:2 / /mnt/share/local rw - xfs /dev/sdb rw
26 22 0:42 / /mnt/ssh rw - fuse.sshfs me@host:/ rw
27 22 0:43 / /mnt/odd rw - fuse.something thing rw
28 22 8:3 / /mnt/stick rw - fuseblk /dev/sdc1 rw
29 22 0:44 / /mnt/shared rw - 9p host rw
30 22 8:4 / /mnt/twice rw - ext4 /dev/sdd rw
31 30 0:45 / /mnt/twice rw - nfs server:/y rw
33 22 0:47 / /mnt/desktop rw - fakeowner /run/host_mark/Users rw
34 22 0:48 / /mnt/grpc rw - grpcfuse grpcfuse rw
35 22 0:49 / /mnt/osx rw - osxfs osxfs rw
32 22 0:46 /home /mnt/k\303\244se rw - smb3 //server/y rw
a line that is cut
"""


@pytest.fixture
def mounts(tmp_path, monkeypatch):
    table = tmp_path / "mountinfo"
    table.write_bytes(TABLE)
    monkeypatch.setattr(filesystem, "_MOUNTS", table)
    return table


@pytest.mark.parametrize(
    ("path", "name", "is_network"),
    [
        ("/", "ext4", False),
        ("/home/me", "ext4", False),
        ("/mnt/share", "nfs4", True),
        ("/mnt/share/a/b", "nfs4", True),
        ("/mnt/share2", "ext4", False),
        ("/mnt/share/local/a", "xfs", False),
        ("/mnt/my photos/a", "cifs", True),
        ("/mnt/ssh/a", "fuse.sshfs", True),
        ("/mnt/odd", "fuse.something", True),
        ("/mnt/stick", "fuseblk", False),
        ("/mnt/shared", "9p", True),
        ("/mnt/twice", "nfs", True),
        ("/mnt/desktop/a", "fakeowner", True),
        ("/mnt/grpc/a", "grpcfuse", True),
        ("/mnt/osx/a", "osxfs", True),
        ("/mnt/käse/a", "smb3", True),
    ],
)
def test_the_nearest_mount_tells_the_file_system(mounts, path, name, is_network):
    kind = kind_of(path)
    assert (kind.name, kind.is_network) == (name, is_network)


def test_without_a_table_a_path_is_taken_for_local(mounts):
    mounts.unlink()
    assert not kind_of("/mnt/share").is_network


def test_this_machine_has_a_table(tmp_path):
    assert kind_of(tmp_path).name


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"size": 4}, False),
        ({"mtime_ns": 5}, False),
        ({"ino": 1}, False),
        ({"ino": 0}, True),
    ],
)
def test_a_file_is_unchanged_if_length_time_and_inode_are(tmp_path, changes, expected):
    (tmp_path / "a").write_bytes(b"abc")
    status = (tmp_path / "a").stat()
    facts = {"size": 3, "mtime_ns": status.st_mtime_ns, "ino": status.st_ino} | changes
    assert is_unchanged(Stamp(**facts), status) is expected


class Huge:
    """What some file systems say of a file."""

    st_size, st_mtime_ns, st_ino = 3, 7, 2**64 - 5


def test_an_inode_of_64_bits_is_unchanged_too():
    assert is_unchanged(Stamp.of(Huge), Huge)


@pytest.fixture
def leases():
    before = signal.getsignal(signal.SIGIO)
    prepare_leases()
    yield
    signal.signal(signal.SIGIO, before)


@pytest.fixture
def file(tmp_path):
    """A file, open for reading; its folder must have leases."""
    path = tmp_path / "a.jpg"
    path.write_bytes(b"abc")
    descriptor = os.open(path, os.O_RDONLY)
    yield path, descriptor
    os.close(descriptor)


def test_a_file_that_nobody_writes_is_not_open_for_writing(leases, file):
    assert is_open_for_writing(file[1]) is False


def test_one_that_somebody_has_open_for_writing_is(leases, file):
    with file[0].open("ab"):
        assert is_open_for_writing(file[1]) is True
    assert is_open_for_writing(file[1]) is False


def test_one_that_others_only_read_is_not(leases, file):
    with file[0].open("rb"):
        assert is_open_for_writing(file[1]) is False


def test_a_writer_in_another_process_and_under_another_name_is_seen(leases, file):
    other = file[0].with_name("b.jpg")
    other.hardlink_to(file[0])
    code = (
        "import sys\nwith open(sys.argv[1], 'ab'):\n    print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, other], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout.readline() == b"open\n"
        assert is_open_for_writing(file[1]) is True
        writer.stdin.close()
        writer.wait(30)
    assert is_open_for_writing(file[1]) is False


def test_no_lease_is_kept(leases, file):
    is_open_for_writing(file[1])
    assert fcntl.fcntl(file[1], fcntl.F_GETLEASE) == fcntl.F_UNLCK


def test_nothing_is_asked_before_the_signal_is_ignored(file):
    before = signal.signal(signal.SIGIO, signal.SIG_DFL)
    try:
        assert is_open_for_writing(file[1]) is None
    finally:
        signal.signal(signal.SIGIO, before)


def test_what_has_no_leases_is_not_known():
    reader, writer = os.pipe()
    signal_before = signal.getsignal(signal.SIGIO)
    prepare_leases()
    try:
        assert is_open_for_writing(reader) is None
    finally:
        signal.signal(signal.SIGIO, signal_before)
        os.close(reader)
        os.close(writer)


def test_a_writer_that_comes_while_the_lease_is_held_does_not_end_us(tmp_path):
    """The trap itself: the signal's default would end the process."""
    (tmp_path / "a").write_bytes(b"abc")
    code = """
import fcntl, os, sys
from rembg_plugins.watch.filesystem import prepare_leases
prepare_leases()
descriptor = os.open(sys.argv[1], os.O_RDONLY)
fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
try:
    os.open(sys.argv[1], os.O_WRONLY | os.O_NONBLOCK)
except BlockingIOError as error:
    print(error.errno)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "a"], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"{errno.EWOULDBLOCK}\n".encode())
