from __future__ import annotations

import pytest
from django.core.cache import caches

from rembg_plugins.django.cache_lock import CacheLock

MEMCACHED = "django.core.cache.backends.memcached.PyMemcacheCache"


@pytest.fixture(params=["redis", "memcached"])
def cache_lock(request, use_cache):
    """Makes locks in Redis, or in Memcached."""
    address = request.getfixturevalue(request.param)
    use_cache(address, *([MEMCACHED] if request.param == "memcached" else []))

    def make(name="rembg:test", **arguments):
        return CacheLock("default", name, wait_s=30, **arguments)

    return make


def test_it_waits_ever_longer_and_never_past_its_end(cache_lock, clock):
    first = cache_lock()
    assert first.acquire(0.0)
    second = cache_lock(clock=clock, sleep=clock.sleep)
    assert not second.acquire(101.0)
    assert clock.slept[:4] == [0.05, 0.1, 0.2, 0.25]
    assert clock.now == pytest.approx(101.0)
    first.release()
    assert second.acquire(101.0)
    second.release()


@pytest.mark.parametrize(("wait", "held"), [(0, 6), (14, 7), (30, 15), (3600, 20)])
def test_one_that_was_left_behind_ends_while_others_wait(wait, held):
    assert CacheLock("default", "x", wait_s=wait).held_s == held


@pytest.mark.parametrize("cache_lock", ["redis"], indirect=True)
def test_it_is_renewed_as_long_as_it_is_held(cache_lock, monkeypatch):
    lock = cache_lock()
    waits = iter([False, True])  # renewed once, then released
    monkeypatch.setattr(lock._released, "wait", lambda _seconds: next(waits))
    cache = caches["default"]
    assert cache.add(lock._name, lock._token, timeout=1)
    lock._renew()
    assert cache._cache.get_client().ttl(cache.make_key(lock._name)) > 1
    cache.delete(lock._name)


def test_each_kind_of_cache_takes_its_renewal(cache_lock, monkeypatch):
    lock, cache = cache_lock(), caches["default"]
    waits, told = iter([False, True]), []
    touch = cache.touch
    monkeypatch.setattr(lock._released, "wait", lambda _seconds: next(waits))
    monkeypatch.setattr(cache, "touch", lambda *all_: told.append(touch(*all_)))
    assert cache.add(lock._name, lock._token, timeout=100)
    lock._renew()
    assert told == [True]
    cache.delete(lock._name)


def test_where_it_cannot_be_renewed_just_now_it_is_tried_again(dead_redis, monkeypatch, caplog):
    lock = CacheLock("default", "rembg:test", wait_s=30)
    waits = iter([False, False, True])
    monkeypatch.setattr(lock._released, "wait", lambda _seconds: next(waits))
    dead_redis.kill()
    dead_redis.wait()
    lock._renew()
    assert caplog.text.count("could not be renewed") == 2


def test_one_that_is_another_s_by_now_is_not_renewed(cache_lock, monkeypatch, caplog):
    lock = cache_lock()
    monkeypatch.setattr(lock._released, "wait", lambda _seconds: False)
    caches["default"].set(lock._name, "another's", timeout=1000)
    lock._renew()
    assert "was lost before its time" in caplog.text
    caches["default"].delete(lock._name)


def test_close_to_its_end_it_is_left_to_end_by_itself(cache_lock, clock):
    lock = cache_lock(clock=clock)
    assert lock.acquire(0.0)
    clock.now += lock.held_s * 0.7
    lock.release()
    assert lock.is_held()  # nobody waits: it ends by itself
    caches["default"].delete(lock._name)
