"""What a folder lies on, whether somebody still writes a file, and memory that it takes up."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from rembg_plugins.watch.records import Stamp

if sys.platform == "linux":
    import fcntl

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "ncpfs", "afpfs", "afs", "coda"),
        *("davfs", "davfs2", "webdav", "ceph", "glusterfs", "lustre", "gpfs", "beegfs", "orangefs"),
        *("pvfs2", "ocfs2", "gfs2", "acfs"),
        *("9p", "virtiofs", "vboxsf", "vmhgfs", "prl_fs", "drvfs", "wslfs"),
        *("fakeowner", "grpcfuse", "osxfs"),
    }
)
"""File systems on which others write unseen by this system: no events, leases or locks of theirs.

Folders that a virtual machine shares with its host are among them.
"""
_LOCAL_FUSE = frozenset(
    {
        *("fuseblk", "fuse.ntfs", "fuse.ntfs-3g", "fuse.exfat", "fuse.fuse-overlayfs"),
    }
)
"""Those that a program provides, of what is a disk of this machine all the same."""

_OCTAL = re.compile(rb"\\([0-7]{3})")
_DRIVE_REMOTE = 4  # what GetDriveTypeW says of a network drive


@dataclass(frozen=True, slots=True, kw_only=True)
class Filesystem:
    """A file system.

    Attributes:
        name: As the system calls it: ``ext4``; empty where that is not known.
        is_network: Whether other machines, or programs behind it, write to it unseen.
    """

    name: str
    is_network: bool


def kind_of(path: str | os.PathLike[str]) -> Filesystem:
    """The file system on which a path lies, by its nearest ancestor that exists.

    What is not known is taken for local, but that which an unknown program provides (FUSE) for
    a network's: such programs mostly fetch from elsewhere.
    """
    real = os.path.realpath(path)
    if sys.platform == "win32":  # pragma: no cover - there alone
        return _on_windows(real)
    try:
        name = _mounted_at(_MOUNTS.read_bytes(), os.fsencode(real))
    except OSError:  # no Linux
        name = ""
    return Filesystem(name=name, is_network=_is_network(name))


def _is_network(name: str) -> bool:
    if name.startswith("fuse"):
        return name not in _LOCAL_FUSE
    return name in _NETWORK


def _mounted_at(table: bytes, path: bytes) -> str:
    """The type of the file system that is mounted where the path lies.

    Source: proc_pid_mountinfo(5): the fifth field is the mount point, the type follows the dash.
    """
    longest, name = -1, b""
    for line in table.splitlines():
        fields, _, rest = line.partition(b" - ")
        parts = fields.split()
        if len(parts) < 5 or not rest:  # noqa: PLR2004 - the fifth is wanted
            continue
        point = _OCTAL.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), parts[4])
        # Of two that are mounted at one point, the later hides the other.
        if len(point) >= longest and _lies_in(path, point):
            longest, name = len(point), rest.split()[0]
    return name.decode(errors="replace")


def _lies_in(path: bytes, point: bytes) -> bool:
    return path == point or path.startswith(point.rstrip(b"/") + b"/")


def _on_windows(path: str) -> Filesystem:  # pragma: no cover - there alone
    import ctypes  # noqa: PLC0415 - not needed elsewhere

    drive = os.path.splitdrive(path)[0]
    if drive.startswith("\\\\"):
        return Filesystem(name="unc", is_network=True)
    windows = getattr(ctypes, "windll").kernel32  # noqa: B009 - types know it on Windows alone
    return Filesystem(name="", is_network=windows.GetDriveTypeW(drive + "\\") == _DRIVE_REMOTE)


def is_unchanged(stamp: Stamp, status: os.stat_result) -> bool:
    """Whether a file has the stamp still; inodes count where both are known."""
    if stamp.size != status.st_size:
        return False
    if stamp.mtime_ns == status.st_mtime_ns and stamp.ino == status.st_ino:
        return True  # as nearly always, a million times in a scan
    return Stamp.of(status, with_inode=bool(stamp.ino)) == stamp


def prepare_leases() -> None:
    """Let :func:`is_open_for_writing` be asked by any thread; called once in the main thread.

    Whoever opens a file while we hold a lease on it makes the system send us SIGIO, which would
    end the process. Ignored, it makes the other wait for the few microseconds that we hold it.
    """
    if hasattr(signal, "SIGIO"):
        signal.signal(signal.SIGIO, signal.SIG_IGN)


def is_open_for_writing(descriptor: int) -> bool | None:
    """Whether anybody has a file open for writing; takes 5 µs and returns at once.

    Args:
        descriptor: The file, open for reading only.

    Returns:
        True or False, or None where that cannot be known: a file system without leases, a file
        of somebody else's, another system than Linux, or :func:`prepare_leases` was not called.

    Source: fcntl(2), F_SETLEASE: a read lease is refused with EAGAIN while the file is open for
    writing, with EACCES to strangers, with EINVAL where there are none.
    """
    if sys.platform != "linux" or signal.getsignal(signal.SIGIO) is not signal.SIG_IGN:
        return None
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError:  # taken from us in the meantime: somebody opens it for writing
        return True
    return False


def uncache(descriptor: int) -> None:
    """Let the system free the memory in which it keeps a file that is on disk.

    The next file is written into that memory, then; fresh memory costs a virtual machine several
    times what the writing does. Who reads the file next gets what is on the disk.
    """
    if hasattr(os, "posix_fadvise"):  # not on macOS and Windows
        with contextlib.suppress(OSError):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
