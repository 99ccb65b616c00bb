from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rembg_plugins.core import file_lock
from rembg_plugins.watch import lock
from rembg_plugins.watch.lock import (
    EXIT_LOCKED,
    SILENCE_S,
    AlreadyWatchedError,
    LostLockError,
    OutboxLock,
    OwnerLock,
)

HOLDER = """
import sys
from pathlib import Path
from rembg_plugins.watch.lock import OutboxLock, OwnerLock
lock = OwnerLock(Path(sys.argv[2])) if sys.argv[1] == "owner" else OutboxLock(
    Path(sys.argv[2]), inbox=Path("/their/in"))
with lock:
    print("held", flush=True)
    sys.stdin.read()
"""


class World:
    """A clock that only sleeping moves, and what happens meanwhile."""

    def __init__(self):
        self.now = 0.0
        self.meanwhile = lambda: None
        self.waits = []

    def sleep(self, seconds):
        self.now += seconds
        self.meanwhile()

    def lock(self, outbox, machine="here"):
        return OutboxLock(
            outbox,
            inbox=Path("/in"),
            clock=lambda: self.now,
            sleep=self.sleep,
            on_wait=self.waits.append,
            machine=machine,
        )


@pytest.fixture
def world():
    return World()


@pytest.fixture
def no_system_locks(monkeypatch):
    """A file system whose locks other machines do not see."""

    def refuse(*_, **__):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(file_lock, "_lock", refuse)


def facts(outbox):
    return json.loads((outbox / ".rembg-plugins" / "lock").read_bytes())


def hold(kind, folder):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, kind, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == "held\n"
    return holder


def end(holder, *, kill=False):
    if kill:
        holder.kill()
    holder.communicate("")


@pytest.mark.parametrize(("kind", "kill"), [("owner", True), ("owner", False)])
def test_an_inbox_has_one_owner_until_that_one_ends(tmp_path, kind, kill):
    holder = hold(kind, tmp_path)
    try:
        with pytest.raises(AlreadyWatchedError, match="lock"), OwnerLock(tmp_path):
            pass
    finally:
        end(holder, kill=kill)
    with OwnerLock(tmp_path):
        pass


def test_two_owners_in_one_process_are_two(tmp_path):
    with OwnerLock(tmp_path):
        with pytest.raises(AlreadyWatchedError), OwnerLock(tmp_path):
            pass
        with pytest.raises(AlreadyWatchedError), OwnerLock(tmp_path):
            pass
    assert list(tmp_path.iterdir()) == []


def test_whoever_finds_it_locked_is_to_try_again_later():
    assert EXIT_LOCKED == 75


@pytest.mark.parametrize("kill", [True, False])
def test_an_outbox_has_one_writer_on_a_machine_until_that_one_ends(tmp_path, world, kill):
    holder = hold("outbox", tmp_path)
    try:
        with pytest.raises(AlreadyWatchedError) as refusal, world.lock(tmp_path):
            pass
    finally:
        end(holder, kill=kill)
    assert str(holder.pid) in refusal.value.message
    assert "/their/in" in refusal.value.message
    assert world.now == 0
    again = OutboxLock(tmp_path, inbox=Path("/in"), sleep=world.sleep)
    with again:  # at once, without a look at the clock
        assert again.taken_over_from is None
    assert world.now == 0


def test_the_holder_says_who_it_is_and_that_it_lives(tmp_path, world):
    with world.lock(tmp_path) as held:
        first = facts(tmp_path)
        held.beat()
        second = facts(tmp_path)
    assert first["pid"] == os.getpid()
    assert first["inbox"] == "/in"
    assert first != second
    assert {**first, "beats": 2} == second


def test_the_end_leaves_nothing(tmp_path, world):
    with world.lock(tmp_path):
        pass
    assert list((tmp_path / ".rembg-plugins").iterdir()) == []


def test_a_holder_on_another_machine_that_lives_is_noticed(tmp_path, world, no_system_locks):
    with world.lock(tmp_path, "there") as other:

        def beat():
            if world.now % 5 == 0:
                other.beat()

        world.meanwhile = beat
        with pytest.raises(AlreadyWatchedError, match="another OUTBOX"), world.lock(tmp_path):
            pass
        other.beat()
    assert world.now == 5
    assert len(world.waits) == 1


def test_a_holder_on_another_machine_that_is_silent_is_succeeded(tmp_path, world, no_system_locks):
    with world.lock(tmp_path, "there") as other, world.lock(tmp_path) as held:
        assert world.now == SILENCE_S
        assert held.taken_over_from is not None
        with pytest.raises(LostLockError, match="taken over"):
            other.beat()
        held.beat()
    assert not (tmp_path / ".rembg-plugins" / "lock").exists()


def test_who_has_lost_the_lock_does_not_remove_it(tmp_path, world, no_system_locks):
    with world.lock(tmp_path, "there") as other:
        held = world.lock(tmp_path)
        held.__enter__()
        other.__exit__(None, None, None)
        assert facts(tmp_path)["machine"] == "here"
        held.beat()
        held.__exit__(None, None, None)


def test_without_locks_of_the_system_even_a_neighbour_is_watched(tmp_path, world, no_system_locks):
    with world.lock(tmp_path) as other:
        world.meanwhile = other.beat
        with pytest.raises(AlreadyWatchedError), world.lock(tmp_path):
            pass


def test_a_machine_that_was_started_anew_is_another(tmp_path, world):
    held = world.lock(tmp_path, "this boot")
    held.__enter__()
    content = (tmp_path / ".rembg-plugins" / "lock").read_bytes()
    held.__exit__(None, None, None)
    (tmp_path / ".rembg-plugins" / "lock").write_bytes(content)
    with world.lock(tmp_path, "next boot"):
        assert world.now == SILENCE_S


@pytest.mark.parametrize("content", [b"", b"\0\0", b"[]", b"{"])
def test_a_lock_that_nobody_can_read_is_watched_like_a_stranger_s(tmp_path, world, content):
    (tmp_path / ".rembg-plugins").mkdir()
    (tmp_path / ".rembg-plugins" / "lock").write_bytes(content)
    with world.lock(tmp_path) as held:
        assert world.now == SILENCE_S
        held.beat()


def test_a_holder_that_ends_while_it_is_watched_is_succeeded(tmp_path, world, no_system_locks):
    other = world.lock(tmp_path, "there")
    other.__enter__()
    world.meanwhile = lambda: other.__exit__(None, None, None)
    with world.lock(tmp_path) as held:
        held.beat()


def test_a_lock_that_was_swept_away_is_made_again(tmp_path, world):
    with world.lock(tmp_path) as held:
        (tmp_path / ".rembg-plugins" / "lock").unlink()
        (tmp_path / ".rembg-plugins" / "lock.held").unlink()
        (tmp_path / ".rembg-plugins").rmdir()
        held.beat()
        assert facts(tmp_path)["machine"] == "here"


def test_an_outbox_that_is_gone_is_an_output_problem(tmp_path, world):
    (tmp_path / "out").mkdir()
    with world.lock(tmp_path / "out") as held:
        (tmp_path / "out").rename(tmp_path / "away")
        with pytest.raises(OSError, match="No such file"):
            held.beat()


def test_this_machine_is_named_by_its_boot_or_else_by_its_name(monkeypatch, tmp_path):
    (tmp_path / "boot").write_text("1234\n")
    monkeypatch.setattr(lock, "_BOOT", tmp_path / "boot")
    assert lock._this_machine() == "1234"
    monkeypatch.setattr(lock, "_BOOT", tmp_path / "missing")
    assert lock._this_machine()


def test_many_starts_at_once_have_one_winner(tmp_path):
    barrier, won, lost = threading.Barrier(8), [], []
    leave = threading.Event()

    def start():
        barrier.wait()
        try:
            with OutboxLock(tmp_path, inbox=Path("/in"), machine="here") as held:
                won.append(held)
                leave.wait(30)
        except AlreadyWatchedError as refusal:
            lost.append(refusal)
            if len(lost) == 7:
                leave.set()

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 7)
