"""Scenes that are played to watched folders: what people, cameras, shares and disks do to them."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watching import photo

if TYPE_CHECKING:
    from collections.abc import Callable

    from watching import Watched

SETTLED_S = 4.0
"""After which nothing more is expected, in s."""

_WRITING_S = 2.0
_PIECES = 10
_WATCHED_S = 15.0
_LATENCY_S = 1.0
_DISK = "400k"
_MANY_BYTES = (1200, 800)  # px of noise, for writing them piece by piece
_TOO_MUCH = (600, 600)  # px of noise, for that disk


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Something that happens to a watched folder.

    Attributes:
        name: What happens.
        play: Makes it happen; a watcher runs already, unless ``cold``.
        right: Outputs that are wanted.
        credits: What they may cost at most.
        cold: Whether the scene itself starts the watcher.
        delete: Whether originals are deleted.
        mounts: Whether it mounts a disk, which takes root.
    """

    name: str
    play: Callable[[Watched], None]
    right: int = 1
    credits: int = 1
    cold: bool = False
    delete: bool = False
    mounts: bool = False


def _settle(watched: Watched, right: int = 1, *, seconds: float = SETTLED_S) -> None:
    """Wait until nothing more is to be expected."""
    watched.until(lambda: watched.right() >= right, patience_s=3 * seconds)
    time.sleep(seconds)


def _written_slowly(*, preallocated: bool) -> Callable[[Watched], None]:
    def play(watched: Watched) -> None:
        content, path = photo(1, size=_MANY_BYTES, grain=True), watched.inbox / "slow.jpg"
        watched.fed.append((path.name, content))
        step = -(-len(content) // _PIECES)
        with path.open("wb", buffering=0) as file:
            if preallocated:
                file.truncate(len(content))
            for start in range(0, len(content), step):
                file.write(content[start : start + step])
                time.sleep(_WRITING_S / _PIECES)
        _settle(watched)

    return play


def _written_and_renamed(other: str) -> Callable[[Watched], None]:
    def play(watched: Watched) -> None:
        content = photo(1)
        watched.fed.append(("whole.jpg", content))
        path = watched.inbox / other
        path.write_bytes(content)
        time.sleep(_WRITING_S / 2)
        path.rename(watched.inbox / "whole.jpg")
        _settle(watched)

    return play


def _new_folder(watched: Watched) -> None:
    watched.feed("shop/shoes/one.jpg", photo(1))
    _settle(watched)


def _moved_in(watched: Watched) -> None:
    tree = watched.root / "elsewhere"
    for number in range(20):
        name = f"shop/{number}.jpg"
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(photo(number + 1))
        watched.fed.append((name, photo(number + 1)))
    (tree / "shop").rename(watched.inbox / "shop")
    _settle(watched, 20)


def _lands_early(watched: Watched) -> None:
    watched.sandbox.fault("wait", seconds=_LATENCY_S, times=6)
    for number in range(5):
        watched.feed(f"{number}.jpg", photo(number))
    watched.start()
    watched.until(lambda: len(watched.sandbox.calls) == 2)  # noqa: PLR2004 - in the middle
    watched.feed("late.jpg", photo(9))
    _settle(watched, 6)


def _twins(watched: Watched) -> None:
    watched.feed("one.jpg", photo(1))
    watched.feed("two.jpg", photo(1))
    _settle(watched, 2)


def _new_version(watched: Watched) -> None:
    watched.feed("one.jpg", photo(1))
    _settle(watched)
    watched.fed.clear()
    watched.feed("one.jpg", photo(2))
    _settle(watched)


def _same_names(watched: Watched) -> None:
    watched.feed("a/x.jpg", photo(1))
    watched.feed("b/x.jpg", photo(2))
    watched.start(delete=True)
    _settle(watched, 2)


def _same_stems(watched: Watched) -> None:
    watched.feed("x.jpg", photo(1))
    watched.feed("x.png", photo(2, format_="PNG"))
    _settle(watched, 2)


def _cut_short(watched: Watched) -> None:
    content = photo(1, size=(400, 400))
    (watched.inbox / "short.jpg").write_bytes(content[: len(content) // 2])
    time.sleep(_WATCHED_S)


def _always_fails(watched: Watched) -> None:
    watched.sandbox.fault("status", status=500, billed=True, times=10**6)
    watched.feed("bad.jpg", photo(1))
    time.sleep(4 * _WATCHED_S)


def _read_only(watched: Watched) -> None:
    watched.sandbox.fault("wait", seconds=_LATENCY_S / 2, times=10**6)
    watched.outbox.chmod(0o555)
    watched.feed("one.jpg", photo(1))
    time.sleep(_WATCHED_S)


def _ended_in_a_call(number: int) -> Callable[[Watched], None]:
    def play(watched: Watched) -> None:
        watched.sandbox.fault("wait", seconds=_LATENCY_S)
        watched.feed("one.jpg", photo(1))
        watched.until(lambda: bool(watched.sandbox.calls))
        time.sleep(_LATENCY_S / 2)
        watched.stop(number)
        time.sleep(_LATENCY_S)
        watched.start()
        _settle(watched)

    return play


def _full_disk(watched: Watched) -> None:
    command = ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(watched.outbox)]
    subprocess.run(command, check=True)
    watched.feed("large.png", photo(1, size=_TOO_MUCH, format_="PNG", grain=True))
    for _ in range(2):
        watched.start(delete=True)
        time.sleep(SETTLED_S)
        watched.stop()


SCENES = (
    Scene(name="a JPEG is written in 10 pieces, 2 s", play=_written_slowly(preallocated=False)),
    Scene(name="the same, its length set at the start", play=_written_slowly(preallocated=True)),
    Scene(name="`x.tmp`, renamed 1 s later", play=_written_and_renamed("whole.tmp")),
    Scene(name="rsync: `.x.jpg.Xa3b9k`, renamed", play=_written_and_renamed(".whole.jpg.Xa3b9k")),
    Scene(name="a picture in a new folder", play=_new_folder),
    Scene(name="a folder of 20 is moved in", play=_moved_in, right=20, credits=20),
    Scene(
        name="one lands while 5 earlier ones are sent",
        play=_lands_early,
        right=6,
        credits=6,
        cold=True,
    ),
    Scene(name="the same bytes, two names", play=_twins, right=2),
    Scene(name="new bytes, same name", play=_new_version, credits=2),
    Scene(
        name="`a/x.jpg`, `b/x.jpg`, originals deleted",
        play=_same_names,
        right=2,
        credits=2,
        cold=True,
    ),
    Scene(name="`x.jpg` and `x.png`", play=_same_stems, right=2, credits=2),
    Scene(name="a JPEG cut short, 15 s", play=_cut_short, right=0, credits=0),
    Scene(name="one that fails after it was paid, 60 s", play=_always_fails, right=0, credits=2),
    Scene(name="OUTBOX is read-only, 15 s", play=_read_only, right=0),
    Scene(name="killed in a call, started again", play=_ended_in_a_call(9), credits=2),
    Scene(name="SIGTERM in a call, started again", play=_ended_in_a_call(15)),
    Scene(
        name="OUTBOX of 400 kB, originals deleted, two starts",
        play=_full_disk,
        right=0,
        cold=True,
        mounts=True,
    ),
)
"""All of them."""
