from __future__ import annotations

import stat
from pathlib import Path

import pytest
from core.kept import entry, key, level_of
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage

from rembg_plugins.core.entry import unpack
from rembg_plugins.core.errors import ConfigurationError, SpendingError
from rembg_plugins.django import cutouts
from rembg_plugins.django.store import DjangoStore, name_of
from rembg_plugins.testing import check_store

pytestmark = pytest.mark.django_db

KINDS = ["files", "memory", "object store that replaces", "object store that keeps"]


class Renaming(InMemoryStorage):
    """Gives each file a name of its own."""

    def get_available_name(self, name, max_length=None):
        return super().get_available_name(f"x-{name}", max_length)


class Turning(InMemoryStorage):
    """Gives back something else than was saved."""

    def _open(self, name, mode="rb"):
        return ContentFile(super()._open(name, mode).read()[::-1])


class Memory(InMemoryStorage):
    """As Django's, with a switch that lets the next ``save`` fail once it has saved that many."""

    def __init__(self):
        super().__init__()
        self.left = None

    def _save(self, name, content):
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise OSError("full")
        return super()._save(name, content)


@pytest.fixture
def put_in(site, settings, tmp_path):
    """Puts the cut-outs into a storage of some class."""

    def use(cls, **options):
        backend = {"BACKEND": f"{cls.__module__}.{cls.__name__}", "OPTIONS": options}
        settings.STORAGES = {**settings.STORAGES, "rembg": backend}
        return cutouts.store()

    return use


@pytest.fixture
def store(site):
    return cutouts.store()


@pytest.fixture(params=KINDS)
def any_store(request, put_in):
    if request.param == "memory":
        return put_in(InMemoryStorage)
    if request.param != "files":
        replaces = request.param.endswith("replaces")
        request.getfixturevalue("s3").use("rembg", file_overwrite=replaces)
    return cutouts.store()


def test_it_keeps_all_that_is_asked_of_stores(any_store):
    def damage(key):
        packed = bytearray(any_store.read(name_of(key)))
        packed[len(packed) // 2] ^= 1
        any_store.write(name_of(key), bytes(packed))

    check_store(any_store, reopen=lambda: DjangoStore("rembg"), damage=damage)


def test_what_is_put_again_leaves_nothing_else_behind(any_store):
    for level in (7, 9):
        any_store.put(key(1), entry(level))
    assert level_of(any_store.get(key(1))) == 9
    folder, name = name_of(key(1)).rsplit("/", 1)
    assert any_store.storage.listdir(folder)[1] == [name]


def test_a_check_leaves_nothing_behind(any_store):
    with any_store.lock(key(1)):
        any_store.check(key(1))
    with_probes = "probes" in any_store.storage.listdir("")[0]
    assert not with_probes or any_store.storage.listdir("probes")[1] == []


def test_an_entry_is_deleted_where_one_says_so(any_store):
    any_store.put(key(1), entry())
    assert any_store.has(key(1))
    any_store.delete(key(1))
    any_store.delete(key(1))
    assert not any_store.has(key(1))


def test_a_damaged_entry_is_left_there_until_a_new_one_is_put(store, caplog):
    store.write(name_of(key(1)), b"PK")
    assert store.get(key(1)) is None
    assert "is damaged" in caplog.text
    assert store.read(name_of(key(1))) == b"PK"
    store.put(key(1), entry(9))
    assert level_of(store.get(key(1))) == 9


def test_files_are_written_with_the_permissions_that_the_storage_gives(settings, site, tmp_path):
    private = {"file_permissions_mode": 0o600, "directory_permissions_mode": 0o700}
    options = {**settings.STORAGES["rembg"]["OPTIONS"], **private}
    rembg = {**settings.STORAGES["rembg"], "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "rembg": rembg}
    for level in (1, 2):
        cutouts.store().put(key(1), entry(level))
        path = Path(cutouts.store().storage.path(name_of(key(1))))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_entry_that_cannot_be_replaced_stays(put_in, caplog):
    store = put_in(Memory)
    store.put(key(1), entry(7))
    store.storage.left = 0
    store.put(key(1), entry(9))
    assert level_of(store.get(key(1))) == 7
    assert "Cannot keep" in caplog.text


def test_where_a_storage_fails_in_between_the_new_one_is_there_under_another_name(put_in):
    store = put_in(Memory)
    store.put(key(1), entry(7))
    store.storage.left = 1
    store.put(key(1), entry(9))
    folder = name_of(key(1)).rsplit("/", 1)[0]
    (name,) = store.storage.listdir(folder)[1]
    assert level_of(unpack(key(1), store.read(f"{folder}/{name}"))) == 9


def test_where_a_file_cannot_be_finished_the_old_one_stays_and_no_part_is_left(store, monkeypatch):
    store.put(key(1), entry(7))
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    store.put(key(1), entry(9))
    monkeypatch.undo()
    assert level_of(store.get(key(1))) == 7
    folder, name = name_of(key(1)).rsplit("/", 1)
    assert store.storage.listdir(folder)[1] == [name]


# --- nothing is paid for that could not be kept ----------------------------------------------


@pytest.mark.parametrize("cls", [Renaming, Turning])
def test_a_storage_that_gives_something_else_back_is_refused(put_in, cls):
    store = put_in(cls)
    with store.lock(key(1)), pytest.raises(ConfigurationError, match="does not keep"):
        store.check(key(1))


def test_a_storage_that_cannot_be_written_is_refused(broken):
    store = broken(save="probes/")
    with store.lock(key(1)), pytest.raises(ConfigurationError, match="save is refused"):
        store.check(key(1))


def test_an_entry_that_cannot_be_read_is_not_paid_for_again(broken, caplog):
    store = broken()
    store.put(key(1), entry(7))
    broken(open="cutouts/")
    with store.lock(key(1)):
        assert store.get(key(1)) is None
        with pytest.raises(ConfigurationError, match="may be a cut-out already"):
            store.check(key(1))
    assert "Cannot read" in caplog.text
    broken()
    assert level_of(store.get(key(1))) == 7


def test_what_cannot_be_read_concerns_no_other_entry(broken):
    store = broken(open=name_of(key(1)))
    store.get(key(1))
    with store.lock(key(2)):
        assert store.get(key(2)) is None
        store.check(key(2))


def test_a_storage_that_works_is_trusted_for_a_minute(broken):
    now = [0.0]
    store = DjangoStore("rembg", clock=lambda: now[0])
    broken()
    with store.lock(key(1)):
        store.check(key(1))
        broken(save="probes/")
        now[0] = 59.0
        store.check(key(1))
        now[0] = 60.0
        with pytest.raises(ConfigurationError):
            store.check(key(1))


def test_a_storage_that_failed_is_looked_at_again_with_as_much_as_failed(broken):
    store = broken()
    with store.lock(key(1)):
        store.check(key(1))
        broken(save="cutouts/")
        assert not store.write("cutouts/big", bytes(3 * 2**18))
        broken(save="probes/")
        with pytest.raises(ConfigurationError):
            store.check(key(1))
    assert store._probe_bytes == 3 * 2**18


def test_a_storage_that_cannot_be_asked_has_nothing(broken, caplog):
    assert broken(exists="cutouts/").has(key(1)) is False
    assert "Cannot look" in caplog.text


def test_without_its_lock_nothing_is_paid_for(store):
    with pytest.raises(SpendingError, match="no lock"):
        store.check(key(1))
    with store.lock(key(2)), pytest.raises(SpendingError):
        store.check(key(1))


def test_it_knows_whether_what_was_made_is_kept(broken):
    store = broken()
    with store.lock(key(1)):
        store.put(key(1), entry())
    assert store.has_kept_the_last()
    with store.lock(key(2)):
        pass  # it was not of the picture's size, say
    assert not store.has_kept_the_last()
    broken(save="cutouts/")
    with store.lock(key(1)):
        store.put(key(1), entry())
    assert not store.has_kept_the_last()
