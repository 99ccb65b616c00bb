from __future__ import annotations

import multiprocessing
import threading
import time
from contextlib import contextmanager

import pytest
from core.kept import key
from core.pictures import encoded
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.db import OperationalError, connections

from rembg_plugins.core.errors import CutoutPendingError, SpendingError
from rembg_plugins.django import cutouts, locks
from rembg_plugins.django.advisory_lock import AdvisoryLock
from rembg_plugins.django.locks import held_key, is_shared, kind, locked
from rembg_plugins.django.models import Call

pytestmark = pytest.mark.django_db
_PATIENCE_S = 60


class KeepsNothing(BaseCache):
    """And is none of those that are known for it."""

    def __init__(self, _location, params):
        super().__init__(params)

    def add(self, *_, **__):
        return True

    def get(self, *_, **__):
        return None


@pytest.fixture(params=["file", "database", "cache"])
def made_of(request, site, use_cache):
    """Each kind of lock between processes in turn."""
    if request.param == "cache":
        use_cache(request.getfixturevalue("redis"))
    if request.param == "database":
        request.getfixturevalue("on_postgresql")
    assert kind() == request.param
    return request.param


def elsewhere(key):
    """The lock of a key as another process sees it: without the turns of this one's threads."""
    return locks._claim(key, 0.0, lambda: 0.0, lambda _seconds: None)


# --- what holds for all kinds ---------------------------------------------------------------


def test_while_it_is_held_nobody_else_has_it(made_of):
    with locked(key(1)):
        assert held_key() == key(1)
        locks.check(key(1))
        assert elsewhere(key(1)) is None
        other = elsewhere(key(2))
        assert other.problem is None
        locks._release(other)
    assert held_key() is None
    after = elsewhere(key(1))
    assert after.lock.is_held()
    locks._release(after)


def test_it_is_released_whatever_happens(made_of):
    with pytest.raises(ZeroDivisionError), locked(key(1)):
        _ = 1 / 0
    with locked(key(1)):
        pass


def test_where_another_process_has_it_for_too_long_it_is_told(made_of, site, clock):
    site(LOCK_WAIT=1)
    other = elsewhere(key(1))
    with (
        pytest.raises(CutoutPendingError, match="not done after 1 s"),
        locked(key(1), clock=clock, sleep=clock.sleep),
    ):
        pass
    assert clock.now <= 101.0
    locks._release(other)
    with locked(key(1), clock=clock, sleep=clock.sleep):
        pass


def test_threads_have_it_in_turn(made_of):
    inside, most = [], []
    start = threading.Barrier(4)

    def enter():
        start.wait()
        with locked(key(1)):
            inside.append(1)
            most.append(len(inside))
            inside.pop()
        connections.close_all()

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_PATIENCE_S)
    assert most == [1] * 4
    assert locks._Threads.locks == {}


def test_one_bound_holds_for_threads_and_processes_together(made_of, site, clock, monkeypatch):
    """A thread that got its turn late has only the rest of the time for the other process."""
    site(LOCK_WAIT=3)
    other = elsewhere(key(1))
    turn = locks._turn_of_this_thread

    @contextmanager
    def late(*arguments):
        with turn(*arguments) as is_ours:
            clock.now += 2.9
            yield is_ours

    monkeypatch.setattr(locks, "_turn_of_this_thread", late)
    began = time.monotonic()
    with pytest.raises(CutoutPendingError), locked(key(1), clock=clock, sleep=clock.sleep):
        pass
    assert time.monotonic() - began < 2  # PostgreSQL waits by its own clock
    assert clock.now < 103.1
    locks._release(other)


def test_the_thread_that_waits_for_another_gives_up_in_time(site):
    site(LOCK_WAIT=0)
    told = []

    def enter():
        try:
            with locked(key(1)):
                told.append("in")
        except CutoutPendingError:
            told.append("pending")

    with locked(key(1)):
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join(_PATIENCE_S)
    assert told == ["pending"]


def test_a_forked_process_holds_nothing_and_can_have_its_own(made_of):
    if made_of == "database":
        connections.close_all()  # as servers do that fork
    with locked(key(1)):
        context = multiprocessing.get_context("fork")
        answers = context.Queue()
        child = context.Process(target=_in_child, args=(answers,))
        child.start()
        assert answers.get(timeout=_PATIENCE_S) == (None, "SpendingError", "had", None)
        child.join(_PATIENCE_S)
        locks.check(key(1))


def _in_child(answers):
    if connections["default"].vendor == "sqlite":
        connections["default"].close = lambda: None  # the test's own, in memory
    held, refused = held_key(), None
    try:
        locks.check(key(1))
    except SpendingError as error:
        refused = type(error).__name__
    with locked(key(2)):
        got = "had"
    answers.put((held, refused, got, elsewhere(key(1))))


# --- which is used --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("backend", "shared"),
    [
        ("django.core.cache.backends.locmem.LocMemCache", False),
        ("django.core.cache.backends.dummy.DummyCache", False),
        ("django.core.cache.backends.filebased.FileBasedCache", False),
        ("django.core.cache.backends.db.DatabaseCache", False),
        ("django.core.cache.backends.redis.RedisCache", True),
        ("django.core.cache.backends.memcached.PyMemcacheCache", True),
    ],
)
def test_only_caches_that_add_a_name_once_can_lock(use_cache, tmp_path, backend, shared):
    use_cache(str(tmp_path / "cache"), backend)
    assert is_shared("default") is shared


# --- where none can be had --------------------------------------------------------------------


def test_where_redis_is_down_nothing_is_paid_for(counted, dead_redis, caplog):
    dead_redis.kill()
    dead_redis.wait()
    with pytest.raises(SpendingError, match=r"no lock on this cut-out.*Nothing was sent"):
        cutouts.remove(encoded("JPEG"))
    assert counted.calls == []
    assert not Call.objects.exists()


def test_where_redis_is_down_what_costs_nothing_is_made_and_what_is_there_is_given(
    counted, dead_redis
):
    photo = encoded("JPEG")
    cutouts.remove(photo)
    dead_redis.kill()
    dead_redis.wait()
    assert cutouts.remove(photo).billed is False
    counted.paid = False
    cutouts._parts.cache_clear()
    cutouts.remove(encoded("PNG"))
    assert len(counted.calls) == 2


def test_where_redis_dies_while_a_picture_is_made_the_picture_is_given(counted, dead_redis, caplog):
    def die(_request):
        dead_redis.kill()
        dead_redis.wait()

    counted.script[1] = die
    assert cutouts.remove(encoded("JPEG")).billed
    assert "could not be released" in caplog.text


def test_a_lock_that_was_lost_is_not_paid_under(counted, redis, use_cache):
    use_cache(redis)
    with locked(key(1)):
        caches["default"].set(f"rembg:lock:{key(1)}", "another's")
        with pytest.raises(CutoutPendingError, match="was lost"):
            locks.check(key(1))
    assert caches["default"].get(f"rembg:lock:{key(1)}") == "another's"  # not ours to delete


def test_where_nobody_can_tell_whether_it_is_held_nothing_is_paid_for(dead_redis, caplog):
    with locked(key(1)):
        dead_redis.kill()
        dead_redis.wait()
        with pytest.raises(SpendingError, match="no lock"):
            locks.check(key(1))


def test_where_the_database_cannot_be_reached_nothing_is_paid_for(
    counted, on_postgresql, monkeypatch
):
    def refuse(_self):
        raise OperationalError("too many connections")

    monkeypatch.setattr(AdvisoryLock, "_wait", lambda *_: refuse(None))
    with pytest.raises(SpendingError, match="too many connections"):
        cutouts.remove(encoded("JPEG"))
    assert counted.calls == []


def test_a_cache_that_keeps_nothing_is_no_lock(site, use_cache):
    use_cache("", f"{__name__}.KeepsNothing")
    with locked(key(1)), pytest.raises(SpendingError, match="does not keep"):
        locks.check(key(1))
