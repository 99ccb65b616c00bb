from __future__ import annotations

import os
import threading
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rembg_plugins.core import store as store_module
from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.core.folder_store import FolderStore
from rembg_plugins.core.source import Source
from rembg_plugins.core.store import Entry, MemoryStore, Store, key_of, open_store


def entry(level=128, size=(8, 8)):
    return Entry(mask=Image.new("L", size, level))


def level_of(found):
    return None if found is None else found.mask.getpixel((0, 0))


def picture(color="red"):
    return Source.of(Image.new("RGB", (4, 4), color))


def engine(name="local", version="1"):
    return SimpleNamespace(name=name, version=version)


@pytest.fixture(params=["memory", "folder"])
def store(request, tmp_path):
    return MemoryStore() if request.param == "memory" else FolderStore(tmp_path / "store")


# --- what all stores do ---------------------------------------------------------------------


def test_it_is_a_store(store):
    assert isinstance(store, Store)


def test_what_was_put_is_got(store):
    store.put("ab", entry(7))
    store.put("cd", entry(9))
    assert (level_of(store.get("ab")), level_of(store.get("cd"))) == (7, 9)
    assert store.get("ef") is None


def test_what_is_put_again_replaces_the_old(store):
    store.put("ab", entry(7))
    store.put("ab", entry(9))
    assert level_of(store.get("ab")) == 9


def test_to_change_what_was_got_does_not_change_what_is_kept(store):
    store.put("ab", entry(7))
    store.get("ab").mask.paste(255, (0, 0, 8, 8))
    assert level_of(store.get("ab")) == 7


def test_threads_that_ask_for_one_picture_make_it_once(store):
    made = []
    barrier = threading.Barrier(10)
    got = []

    def ask():
        barrier.wait()
        with store.lock("ab"):
            if store.get("ab") is None:
                made.append(1)
                store.put("ab", entry(7))
        got.append(level_of(store.get("ab")))

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), got) == (1, [7] * 10)


def test_a_thread_that_asks_for_a_lock_waits_until_it_is_released(store):
    asks, inside = threading.Event(), threading.Event()

    def work():
        asks.set()
        with store.lock("ab"):
            inside.set()

    with store.lock("ab"):
        thread = threading.Thread(target=work)
        thread.start()
        asks.wait()
        assert not inside.wait(0.05)  # s; without a lock it would be there at once
    thread.join()
    assert inside.is_set()


def test_the_lock_of_one_key_does_not_hold_up_another(store):
    with store.lock("aa"), store.lock("ab"):
        store.put("ab", entry())
    assert store.get("ab") is not None


def test_a_lock_is_free_again_after_an_exception(store):
    with pytest.raises(KeyError), store.lock("ab"):
        raise KeyError
    with store.lock("ab"):
        pass


# --- in memory ------------------------------------------------------------------------------


def test_memory_is_bounded_and_the_oldest_used_goes_first():
    store = MemoryStore()
    store.put("a", entry(1))
    one = store._size
    store.max_bytes = 3 * one
    for key in "bc":
        store.put(key, entry(1))
    store.get("a")
    store.put("d", entry(1))
    assert [key for key in "abcd" if store.get(key)] == ["a", "c", "d"]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 40)), max_size=30))
def test_memory_never_holds_more_than_it_may(puts):
    store = MemoryStore(max_bytes=1200)
    for key, width in puts:
        store.put(key, entry(3, (width, 60)))
        held = [len(packed) for packed in store._packed.values()]
        assert sum(held) == store._size <= 1200


def test_what_is_larger_than_the_memory_store_is_told_and_pushes_nothing_out(caplog):
    store = MemoryStore(max_bytes=1000)
    store.put("a", entry(1))
    noise = Image.effect_noise((64, 64), 90)
    store.put("b", Entry(mask=noise))
    assert (level_of(store.get("a")), store.get("b")) == (1, None)
    assert "too large" in caplog.text


def test_locks_in_memory_do_not_pile_up():
    store = MemoryStore()
    for number in range(100):
        with store.lock(str(number)):
            pass
    assert not store._locks


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # Python 3.12 on, of forks
def test_a_forked_child_does_not_wait_for_a_thread_that_it_does_not_have():
    store = MemoryStore()
    with store.lock("a"):
        pid = os.fork()
        if pid == 0:  # pragma: no cover - in a process of its own
            os._exit(0 if store._guard.acquire(blocking=False) and not store._locks else 1)
        _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0


# --- keys -----------------------------------------------------------------------------------


def test_a_key_is_64_hexadecimal_digits():
    key = key_of(picture(), engine())
    assert len(key) == 64
    assert set(key) <= set("0123456789abcdef")


def test_equal_pictures_have_equal_keys_and_names_do_not_matter():
    content = b"BM not a picture, but bytes"
    one, two = Source.of(content, name="one.bmp"), Source.of(content, name="two.bmp")
    assert key_of(one, engine()) == key_of(two, engine())


def test_picture_recipe_engine_and_version_all_change_the_key(monkeypatch):
    keys = {
        key_of(picture(), engine()),
        key_of(picture("blue"), engine()),
        key_of(picture(), engine(name="api")),
        key_of(picture(), engine(version="2")),
        key_of(picture(), engine(name="local\0", version="1")),
    }
    monkeypatch.setattr(store_module, "RECIPE", "another")
    keys.add(key_of(picture(), engine()))
    assert len(keys) == 6


# --- settings -------------------------------------------------------------------------------


def test_memory_is_opened():
    assert isinstance(open_store("memory:"), MemoryStore)


@pytest.mark.parametrize("form", ["file:{}", "file://{}", "file://localhost{}"])
def test_a_folder_is_opened_by_its_path_or_url(form, tmp_path):
    assert open_store(form.format(tmp_path / "a")).path == tmp_path / "a"
    assert (tmp_path / "a").is_dir()


def test_a_url_is_unquoted_and_a_path_is_not(tmp_path):
    assert open_store(f"file://{tmp_path}/a%20b").path.name == "a b"
    assert open_store(f"file:{tmp_path}/a%20b").path.name == "a%20b"


def test_the_home_folder_and_relative_paths_are_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert open_store("file:~/mine").path == tmp_path / "mine"
    monkeypatch.chdir(tmp_path)
    relative = open_store("file:near")
    monkeypatch.chdir("/")
    assert relative.path == tmp_path / "near"


@pytest.mark.parametrize(
    "spec",
    ["", "memory", "memory:x", "file", "file:", "/srv/cutouts", "redis://me:pw@host/0", "FILE:/x"],
)
def test_anything_else_is_refused_with_a_remedy(spec):
    with pytest.raises(ConfigurationError, match="REMBG_STORE=file:") as caught:
        open_store(spec)
    assert "pw" not in str(caught.value)


def test_a_folder_on_another_machine_is_refused():
    with pytest.raises(ConfigurationError, match="another machine"):
        open_store("file://server/share")
