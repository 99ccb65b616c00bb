"""Our own stores conform; and every way that we know to break one is told, with its remedy."""

from __future__ import annotations

import threading
from collections import defaultdict
from contextlib import contextmanager, nullcontext, suppress

import pytest
from core.kept import entries

from rembg_plugins.core.entry import Entry, pack, unpack
from rembg_plugins.core.folder_store import FolderStore
from rembg_plugins.core.store import MemoryStore
from rembg_plugins.testing import ConformanceError, check_store, store_checks

# --- ours ------------------------------------------------------------------------------------


def spoil(content):
    """One bit of it is wrong."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def test_the_store_in_memory_conforms():
    store = MemoryStore()
    check_store(store, damage=lambda key: store._packed.update({key: spoil(store._packed[key])}))


def test_the_store_in_a_folder_conforms(tmp_path):
    store = FolderStore(tmp_path)

    def damage(key):
        (path,) = (path for path in entries(store) if path.name.startswith(key))
        path.write_bytes(spoil(path.read_bytes()))

    check_store(store, reopen=lambda: FolderStore(tmp_path), damage=damage)


def test_a_small_store_need_not_keep_what_is_big():
    check_store(MemoryStore(max_bytes=100_000))


# --- broken ones -----------------------------------------------------------------------------


class Good:
    """A plain good store, of which each below breaks one thing."""

    def __init__(self):
        self.kept = {}
        self.locks = defaultdict(threading.Lock)

    def __repr__(self):
        return "Good()"

    def get(self, key):
        packed = self.kept.get(key)
        return None if packed is None else unpack(key, packed)

    def put(self, key, entry):
        self.kept[key] = pack(key, entry)

    @contextmanager
    def lock(self, key):
        with self.locks[key]:
            yield

    def damage(self, key):
        self.kept[key] = spoil(self.kept[key])


class NoLock:
    def get(self, key):
        return None

    put = get


class GivesForUnknown(Good):
    def get(self, key):
        return super().get(key) or store_checks._entry(1)


class RaisesForUnknown(Good):
    def get(self, key):
        return unpack(key, self.kept[key])


class KeepsNothing(Good):
    def put(self, key, entry):
        pass


class KeepsBytes(Good):
    def get(self, key):
        return self.kept.get(key)


class ForgetsColors(Good):
    def put(self, key, entry):
        super().put(key, Entry(mask=entry.mask))


class HalfOfTheLevels(Good):
    def put(self, key, entry):
        mask = entry.mask.point([level & ~1 for level in range(256)])
        super().put(key, Entry(mask=mask, colors=entry.colors))


class KeepsTheFirst(Good):
    def put(self, key, entry):
        if key not in self.kept:
            super().put(key, entry)


class KeepsOldColors(Good):
    def put(self, key, entry):
        old = self.get(key)
        colors = entry.colors or (old and old.colors)
        super().put(key, Entry(mask=entry.mask, colors=colors))


class ShortNames(Good):
    def get(self, key):
        return None if key[:63] not in self.kept else unpack(key[:63], self.kept[key[:63]])

    def put(self, key, entry):
        super().put(key[:63], entry)


class KeepsObjects(Good):
    def get(self, key):
        return self.kept.get(key)

    def put(self, key, entry):
        self.kept[key] = entry

    def damage(self, key):
        del self.kept[key]


class GivesOneObject(Good):
    """It decodes once, and gives the same images ever after."""

    def __init__(self):
        super().__init__()
        self.decoded = {}

    def get(self, key):
        if key not in self.decoded:
            self.decoded[key] = super().get(key)
        return self.decoded[key]

    def put(self, key, entry):
        super().put(key, entry)
        self.decoded.pop(key, None)


class ShrinksBigOnes(Good):
    def put(self, key, entry):
        if entry.mask.width > 1000:
            entry = Entry(mask=entry.mask.reduce(2))
        super().put(key, entry)


class FullAfterABigOne(Good):
    full = False

    def put(self, key, entry):
        self.full = self.full or entry.mask.width > 1000
        if not self.full:
            super().put(key, entry)


class RaisesForDamaged(Good):
    def get(self, key):
        found = super().get(key)
        if found is None and key in self.kept:
            raise ValueError(key)
        return found


class TakesDamaged(Good):
    def put(self, key, entry):
        super().put(key, entry)
        self.first = entry

    def get(self, key):
        found = super().get(key)
        return self.first if found is None and key in self.kept else found


class NeverMendsDamaged(Good):
    def put(self, key, entry):
        if self.get(key) is not None or key not in self.kept:
            super().put(key, entry)


class LocksNothing(Good):
    def lock(self, key):
        return nullcontext()


class OneLockForAll(Good):
    @contextmanager
    def lock(self, key):
        with self.locks["all"]:
            yield


class NeverUnlocksAfterAFailure(Good):
    @contextmanager
    def lock(self, key):
        self.locks[key].acquire()
        yield
        self.locks[key].release()


class SwallowsExceptions(Good):
    @contextmanager
    def lock(self, key):
        with self.locks[key], suppress(Exception):
            yield


class PutsUnderItsOwnLock(Good):
    def put(self, key, entry):
        with self.lock(key):
            super().put(key, entry)


class MixesThreads(Good):
    """The mask is of this put, the colors of the last: threads meet between the two."""

    def __init__(self):
        super().__init__()
        self.meet = threading.Barrier(8)
        self.colors = None

    def put(self, key, entry):
        if threading.current_thread().name.startswith("ThreadPool"):
            self.colors = entry.colors
            self.meet.wait(30)
            entry = Entry(mask=entry.mask, colors=self.colors)
            self.meet.wait(30)
        super().put(key, entry)


PASSWORD = "hunter2"


class ShowsItsUrl(Good):
    def __repr__(self):
        return f"ShowsItsUrl('redis://me:{PASSWORD}@host/0')"


class PicklesThePassword:
    """Picklable as a whole: no locks in it."""

    def __init__(self):
        self.password = PASSWORD
        self.store = "good"

    def __getattr__(self, name):
        if name in {"get", "put", "lock"}:
            return getattr(STORES.setdefault(id(self), Good()), name)
        raise AttributeError(name)


STORES = {}

WRONG = {
    NoLock: "It has no method lock().",
    GivesForUnknown: "get() of a key that was never put gives something. Give None.",
    RaisesForUnknown: "The check of a round trip raised KeyError",
    KeepsNothing: "After put() of an entry without colors, get() gives None.",
    KeepsBytes: "get() gives b'",
    ForgetsColors: "An entry with colors came back changed.",
    HalfOfTheLevels: "An entry without colors came back changed. Keep it with pack()",
    KeepsTheFirst: "A second put() of a key does not replace the first.",
    KeepsOldColors: "The colors of an older entry came back with the mask of a newer one.",
    ShortNames: "Entries of different keys are mixed up, or lost.",
    KeepsObjects: "To change an image after put() changes what is kept.",
    GivesOneObject: "To change what get() gave changes what is kept.",
    ShrinksBigOnes: "The mask of a picture of 1200 x 900 px came back changed.",
    FullAfterABigOne: "After a big entry, a small one is not kept any more.",
    RaisesForDamaged: "get() of a damaged entry raised ValueError. Give None, and log it.",
    TakesDamaged: "get() of a damaged entry gives something.",
    NeverMendsDamaged: "A damaged entry cannot be put again.",
    LocksNothing: "lock() lets two threads in at once",
    OneLockForAll: "While one key is locked, no other can be",
    NeverUnlocksAfterAFailure: "After an exception in its block, lock() is never free again.",
    SwallowsExceptions: "lock() swallowed an exception of its block.",
    PutsUnderItsOwnLock: "get() or put() waits for ever inside the lock() of its own key",
    MixesThreads: "Where several threads put one key, get() gives what nobody put.",
    ShowsItsUrl: "repr() shows a password.",
    PicklesThePassword: "Its pickle holds a password.",
}


@pytest.fixture
def _impatient(monkeypatch):
    """What never comes is not waited for so long, and what is big is not so big."""
    monkeypatch.setattr(store_checks, "_PATIENCE_S", 2.0)
    monkeypatch.setattr(store_checks, "_BIG", (1200, 900))


def test_the_store_that_the_broken_ones_are_made_of_conforms():
    store = Good()
    check_store(store, damage=store.damage, secrets=(PASSWORD,))


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("kind", WRONG, ids=lambda kind: kind.__name__)
def test_a_broken_store_is_told_what_to_mend(kind):
    store = kind()
    with pytest.raises(ConformanceError) as caught:
        check_store(store, damage=getattr(store, "damage", None), secrets=(PASSWORD,))
    assert any(WRONG[kind] in line for line in caught.value.problems), str(caught.value)
    assert len(caught.value.problems) <= 2, str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_a_store_that_others_cannot_see_is_told():
    store = Good()
    with pytest.raises(ConformanceError) as caught:
        check_store(store, reopen=Good)
    assert caught.value.problems == (
        "Another store on the same place does not have the entry.",
        "lock() does not keep out who came by another store on the same place.",
    )


def test_it_may_be_checked_again_and_again(tmp_path):
    for _ in range(2):
        check_store(FolderStore(tmp_path))
