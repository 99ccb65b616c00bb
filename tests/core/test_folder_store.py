from __future__ import annotations

import io
import os
import time

import pytest
from core.kept import HOUR_NS, entries, entry, files, key, level_of, spread
from PIL import Image

from rembg_plugins.core import file_lock
from rembg_plugins.core.entry import Entry
from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.core.folder_store import FolderStore


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path / "store")


# --- damage ---------------------------------------------------------------------------------


def test_every_damaged_byte_is_noticed_logged_and_the_entry_removed(store, caplog):
    store.put(key(1), entry(7))
    (path,) = entries(store)
    good = path.read_bytes()
    for position in range(0, len(good), 7):
        wrong = bytearray(good)
        wrong[position] ^= 0xFF
        path.write_bytes(wrong)
        caplog.clear()
        assert store.get(key(1)) is None
        assert f"{path} is damaged" in caplog.text
        assert not path.exists()
    store.put(key(1), entry(7))
    assert level_of(store.get(key(1))) == 7


@pytest.mark.parametrize("content", [b"", b"PK", b"\0" * 5000], ids=["empty", "short", "zeros"])
def test_a_file_that_a_power_cut_left_empty_is_noticed(store, content):
    store.put(key(1), entry())
    (path,) = entries(store)
    path.write_bytes(content)
    assert store.get(key(1)) is None
    assert not path.exists()


def test_a_damaged_entry_is_left_to_whoever_holds_its_lock(store):
    store.put(key(1), entry(7))
    (path,) = entries(store)
    path.write_bytes(b"PK")
    with store.lock(key(1)):
        assert store.get(key(1)) is None
        assert path.exists()
        store.put(key(1), entry(9))
    assert level_of(store.get(key(1))) == 9


def test_an_entry_that_was_made_anew_meanwhile_is_not_removed(store, monkeypatch):
    store.put(key(1), entry(7))
    (path,) = entries(store)
    good = path.read_bytes()
    path.write_bytes(b"PK")

    def mended_first(path_, *, wait):
        path.write_bytes(good)
        return claim(path_, wait=wait)

    claim = file_lock._claim
    monkeypatch.setattr(file_lock, "_claim", mended_first)
    assert store.get(key(1)) is None
    assert level_of(store.get(key(1))) == 7


def test_an_entry_under_a_wrong_name_is_never_taken_for_another(store):
    store.put(key(1), entry(7))
    store.put(key(2), entry(9))
    one, two = entries(store)
    one.replace(two)
    assert store.get(key(2)) is None


def test_an_entry_that_cannot_be_read_is_told_and_as_if_absent(store, caplog):
    store.put(key(1), entry())
    (path,) = entries(store)
    path.unlink()
    path.mkdir()
    assert store.get(key(1)) is None
    assert str(path) in caplog.text


# --- bounds ---------------------------------------------------------------------------------


def size_of(store):
    return sum(path.stat().st_size for path in entries(store))


def age(store, *keys_from_oldest):
    for hours, name in enumerate(reversed(keys_from_oldest), 1):
        used = time.time_ns() - hours * HOUR_NS
        os.utime(store._path(name), ns=(used, used))


def test_the_oldest_used_goes_first_and_no_more_than_need_be(tmp_path):
    store = FolderStore(tmp_path)
    for number in range(4):
        store.put(spread(number), entry())
    store.max_bytes = size_of(store)
    age(store, *map(spread, range(4)))
    assert store.get(spread(0)) is not None  # now the most recently used
    again = FolderStore(tmp_path, store.max_bytes)
    again.put(spread(9), entry())
    kept = [number for number in range(10) if again.get(spread(number))]
    assert kept == [0, 2, 3, 9]


def test_the_folder_never_exceeds_its_bound(tmp_path):
    one = FolderStore(tmp_path / "one")
    one.put(key(1), entry())
    store = FolderStore(tmp_path / "many", max_bytes=10 * size_of(one))
    for number in range(40):
        store.put(spread(number), entry())
        assert size_of(store) <= store.max_bytes
    assert len(entries(store)) == 10


def test_a_second_writer_may_exceed_the_bound_by_an_eighth_and_no_more(tmp_path):
    one = FolderStore(tmp_path / "one")
    one.put(key(1), entry())
    size = size_of(one)
    writers = [FolderStore(tmp_path / "many", max_bytes=16 * size) for _ in range(2)]
    for number in range(60):
        writers[number % 2].put(spread(number), entry())
        assert size_of(writers[0]) <= (16 + 2) * size


def test_a_folder_of_many_is_not_looked_through_at_every_put(tmp_path, monkeypatch):
    store = FolderStore(tmp_path)
    looks = []
    monkeypatch.setattr(FolderStore, "_files", lambda self: looks.append(1) or iter(()))
    for number in range(50):
        store.put(spread(number), entry())
    assert len(looks) == 1


def test_of_many_some_more_are_removed_so_that_the_next_puts_need_not_look(tmp_path):
    store = FolderStore(tmp_path)
    for number in range(300):
        store.put(f"{number % 256:02x}{number}".ljust(64, "0"), entry())
    size = size_of(store)
    again = FolderStore(tmp_path, max_bytes=size)
    again.put("ff" * 32, entry())
    assert 15 / 16 * size - 500 < size_of(again) <= 15 / 16 * size


def test_what_is_larger_than_the_folder_may_be_is_told_and_pushes_nothing_out(tmp_path, caplog):
    store = FolderStore(tmp_path, max_bytes=1000)
    store.put(key(1), entry())
    store.put(key(2), Entry(mask=Image.effect_noise((64, 64), 90)))
    assert (level_of(store.get(key(1))), store.get(key(2))) == (128, None)
    assert "too large" in caplog.text


def test_the_newest_stays_even_if_its_clock_is_behind(tmp_path):
    one = FolderStore(tmp_path)
    one.put(spread(1), entry())
    future = time.time_ns() + 24 * HOUR_NS
    os.utime(one._path(spread(1)), ns=(future, future))
    store = FolderStore(tmp_path, max_bytes=size_of(one) + 1)
    store.put(spread(2), entry())
    assert [store.get(spread(number)) is not None for number in (1, 2)] == [False, True]


def test_files_of_others_are_never_removed(tmp_path):
    names = ["holiday.zip", "ab/holiday.zip", "ab/x.tmp", "locks/mine.txt", "a.rembg.zip"]
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * 5000)
        os.utime(path, ns=(0, 0))
    store = FolderStore(tmp_path, max_bytes=400)
    for number in range(5):
        store.put(spread(number), entry())
    assert len(entries(store)) == 2  # the stranger's, and the last
    assert all((tmp_path / name).exists() for name in names)


def test_while_another_process_makes_room_a_put_does_not_wait(tmp_path):
    store = FolderStore(tmp_path, max_bytes=400)
    with store.lock("room"):
        for number in range(3):
            store.put(spread(number), entry())
        assert len(entries(store)) == 3
    store.put(spread(9), entry())
    assert size_of(store) <= 400


# --- folders that cannot be used ------------------------------------------------------------


def loop(folder):
    (folder / "loop").symlink_to(folder / "loop")
    return folder / "loop" / "store"


def under_a_file(folder):
    (folder / "file").write_text("")
    return folder / "file" / "store"


def a_file(folder):
    (folder / "file").write_text("")
    return folder / "file"


@pytest.mark.parametrize(
    "make", [loop, under_a_file, a_file, lambda folder: "a\0b", lambda folder: "x" * 300]
)
def test_a_folder_that_cannot_be_used_is_a_configuration_error_with_a_remedy(make, tmp_path):
    path = make(tmp_path)
    with pytest.raises(ConfigurationError, match="Choose another") as caught:
        FolderStore(path)
    assert str(path) in str(caught.value)


def test_a_folder_without_permission_is_a_configuration_error(as_ordinary_user):
    folder = as_ordinary_user / "closed"
    folder.mkdir(mode=0)
    with pytest.raises(ConfigurationError, match="Permission denied"):
        FolderStore(folder)


def test_an_entry_that_cannot_be_written_is_told_and_fails_nothing(store, caplog):
    (store.path / "ff").write_text("in the way")
    store.put("f" * 64, entry())
    assert "Cannot keep the cut-out" in caplog.text
    assert store.get("f" * 64) is None


def test_where_no_lock_can_be_had_work_goes_on_without(store, caplog):
    (store.path / "locks").write_text("in the way")
    with store.lock(key(1)):
        store.put(key(1), entry(7))
    assert level_of(store.get(key(1))) == 7
    assert "going on without" in caplog.text


def test_an_error_of_the_callers_passes_through_the_lock(store):
    problem = OSError("the caller's")
    with pytest.raises(OSError, match="the caller's"), store.lock(key(1)):
        raise problem


def test_a_folder_that_was_removed_meanwhile_is_made_again(store):
    store.path.rmdir()
    assert store.get(key(1)) is None
    with store.lock(key(1)):
        store.put(key(1), entry(7))
    assert level_of(store.get(key(1))) == 7


def test_a_repr_names_the_folder(store):
    assert str(store.path) in repr(store)


def test_a_12_megapixel_cutout_takes_a_tenth_of_its_png(store):
    size = (4000, 3000)
    photo = Image.effect_noise(size, 20).convert("RGB")  # grain, as in a camera's picture
    mask = Image.radial_gradient("L").resize(size, Image.Resampling.LANCZOS)
    mask = mask.point(lambda value: min(255, max(0, 4 * (140 - value))))
    cutout = io.BytesIO()
    photo.putalpha(mask)
    photo.save(cutout, "PNG", compress_level=1)
    store.put(key(1), Entry(mask=mask))
    assert size_of(store) <= len(cutout.getvalue()) / 10


def test_locks_do_not_pile_up(store):
    for number in range(50):
        with store.lock(key(number)):
            store.put(key(number), entry())
    assert files(store.path / "locks") == []
