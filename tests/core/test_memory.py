from __future__ import annotations

import multiprocessing
import threading
import time

import pytest

from rembg_plugins.core import memory
from rembg_plugins.core.memory import BYTES_PER_PIXEL, Gate, decoding, memory_size


def wait_until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.001)


def start(target):
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread


def test_two_pictures_that_fit_are_inside_together():
    gate = Gate(200)
    meeting = threading.Barrier(2)

    def decode():
        with gate.decoding((10, 10)):
            meeting.wait(timeout=10)

    threads = [start(decode), start(decode)]
    for thread in threads:
        thread.join(10)
    assert not meeting.broken


def test_never_are_more_pixels_inside_than_fit():
    gate = Gate(250)
    lock = threading.Lock()
    inside = most = 0

    def decode():
        nonlocal inside, most
        for _ in range(50):
            with gate.decoding((10, 10)):
                with lock:
                    inside += 1
                    most = max(most, inside)
                threading.Event().wait(0)
                with lock:
                    inside -= 1

    threads = [start(decode) for _ in range(8)]
    for thread in threads:
        thread.join(10)
    assert most <= 2
    assert gate.waiting == 0


def test_a_picture_larger_than_the_budget_passes_alone():
    gate = Gate(10)
    with gate.decoding((100, 100)):
        other = start(lambda: gate.decoding((1, 1)).__enter__())
        wait_until(lambda: gate.waiting == 1)
    other.join(10)
    assert not other.is_alive()


def test_a_thread_inside_passes_again():
    gate = Gate(100)
    with gate.decoding((10, 10)), gate.decoding((10, 10)), gate.decoding((10, 10)):
        pass
    with gate.decoding((10, 10)):  # all of the room was given back
        pass


def test_a_large_picture_is_not_passed_by_small_ones():
    gate = Gate(100)
    order = []

    def decode(name, size):
        with gate.decoding(size):
            order.append(name)

    with gate.decoding((5, 10)):
        large = start(lambda: decode("large", (9, 10)))
        wait_until(lambda: gate.waiting == 1)
        small = start(lambda: decode("small", (1, 10)))  # would fit at once
        wait_until(lambda: gate.waiting == 2)
        assert order == []
    large.join(10)
    small.join(10)
    assert sorted(order) == ["large", "small"]


def test_what_raises_gives_its_room_back():
    gate = Gate(1)
    with pytest.raises(ZeroDivisionError), gate.decoding((1, 1)):
        raise ZeroDivisionError
    other = start(lambda: gate.decoding((1, 1)).__enter__())
    other.join(10)
    assert not other.is_alive()


def test_the_budget_of_this_process_is_half_of_its_memory():
    assert memory._Process.gate.budget * BYTES_PER_PIXEL <= memory_size() / 2
    assert memory_size() > 2**26


@pytest.mark.parametrize(("text", "size"), [("123456789\n", 123_456_789), ("max\n", None)])
def test_a_container_has_the_memory_that_it_was_given(tmp_path, monkeypatch, text, size):
    file = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "_CGROUP", file)
    whole = memory_size()
    file.write_text(text)
    assert memory_size() == (whole if size is None else size)


def test_a_system_that_does_not_tell_is_taken_for_a_small_one(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "_CGROUP", tmp_path / "missing")
    monkeypatch.delattr(memory.os, "sysconf", raising=False)
    assert memory_size() == 4 * 2**30


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork"
)
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # other tests' threads are there
def test_a_child_process_does_not_wait_for_its_parents_pictures(monkeypatch):
    monkeypatch.setattr(memory._Process, "gate", Gate(1))
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with decoding((1, 1)):
            entered.set()
            leave.wait(10)

    holder = start(hold)
    entered.wait(10)
    child = multiprocessing.get_context("fork").Process(target=_decode_one)
    child.start()
    child.join(10)
    leave.set()
    holder.join(10)
    alive = child.is_alive()
    child.kill()
    assert not alive
    assert child.exitcode == 0


def _decode_one():
    with decoding((1000, 1000)):
        pass
