"""What must hold of every store: ``check_store(MyStore())`` in its author's tests."""

from __future__ import annotations

import contextlib
import pickle
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PIL import Image

from rembg_plugins.core.entry import Entry
from rembg_plugins.core.setting import hide_password
from rembg_plugins.testing.conformance import Task, conclude, gather

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rembg_plugins.core.store import Store

_THREADS = 8
_PATIENCE_S = 10.0  # for what must happen; nothing waits so long where all is well
_GLANCE_S = 0.5  # for what must not happen: a thread that gets in where another is
_BIG = (4000, 3000)  # px


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """A store under test; see :func:`check_store`."""

    store: Store
    reopen: Callable[[], Store] | None
    damage: Callable[[str], object] | None
    secrets: tuple[str, ...] = field(repr=False)


def check_store(
    store: Store,
    *,
    reopen: Callable[[], Store] | None = None,
    damage: Callable[[str], object] | None = None,
    secrets: tuple[str, ...] = (),
) -> None:
    """Check all that the adapter relies on in a store.

    Entries under new, made-up keys are left behind in it: give one of the test's own.

    Args:
        store: The store, with room for some megabytes.
        reopen: Makes another one on the same place, as another process would; leave it out where
            entries do not outlive the store.
        damage: Spoils what is kept of a key, in whatever way can happen; leave it out where
            nothing can.
        secrets: Passwords that it holds, which must not show.

    Raises:
        ConformanceError: Something does not hold; a line for each thing to mend.
    """
    subject = f"The store {type(store).__name__}"
    trial = _Trial(store=store, reopen=reopen, damage=damage, secrets=secrets)
    for checks in ((_face,), (_a_round_trip,), (_locks_that_end,), _THE_REST):
        conclude(subject, gather(checks, trial))  # a later group relies on those before it


def _face(trial: _Trial) -> Iterator[str]:
    for name in ("get", "put", "lock"):
        if not callable(getattr(trial.store, name, None)):
            yield f"It has no method {name}(). See rembg_plugins.core.store.Store."


def _a_round_trip(trial: _Trial) -> Iterator[str]:
    if trial.store.get(_new_key()) is not None:
        yield "get() of a key that was never put gives something. Give None."
    for what, entry in (("without colors", _entry(7)), ("with colors", _entry(9, colors=True))):
        key = _new_key()
        trial.store.put(key, entry)
        found = trial.store.get(key)
        if not isinstance(found, Entry):
            yield f"After put() of an entry {what}, get() gives {found!r}. Give an equal entry."
        elif _looks(found) != _looks(entry):
            yield f"An entry {what} came back changed. Keep it with pack(), read it with unpack()."


def _overwriting(trial: _Trial) -> Iterator[str]:
    key = _new_key()
    for entry in (_entry(1, colors=True), _entry(2)):
        trial.store.put(key, entry)
    found = trial.store.get(key)
    if found is None or _level(found) != 2:  # noqa: PLR2004 - the level of the last
        yield "A second put() of a key does not replace the first."
    elif found.colors is not None:
        yield "The colors of an older entry came back with the mask of a newer one."


def _keys(trial: _Trial) -> Iterator[str]:
    keys = [_new_key() for _ in range(20)]
    keys += [f"{keys[0][:-1]}{digit}" for digit in "0123456789abcdef"]  # all but the last digit
    levels = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    for key, level in levels.items():
        trial.store.put(key, _entry(level))
    if any(_level(trial.store.get(key)) != level for key, level in levels.items()):
        yield "Entries of different keys are mixed up, or lost. Use the whole key for the name."


def _changes_of_the_caller(trial: _Trial) -> Iterator[str]:
    key, entry = _new_key(), _entry(5)
    trial.store.put(key, entry)
    entry.mask.paste(0, (0, 0, *entry.mask.size))
    if _level(trial.store.get(key)) != 5:  # noqa: PLR2004 - as put
        yield "To change an image after put() changes what is kept. Keep it encoded, or a copy."
        return
    found = trial.store.get(key)
    if found is not None:
        found.mask.paste(0, (0, 0, *found.mask.size))
    if _level(trial.store.get(key)) != 5:  # noqa: PLR2004 - as put
        yield "To change what get() gave changes what is kept. Give a new one each time."


def _big_entries(trial: _Trial) -> Iterator[str]:
    small, big = _new_key(), _new_key()
    entry = Entry(mask=Image.radial_gradient("L").resize(_BIG))
    trial.store.put(big, entry)
    found = trial.store.get(big)
    if found is not None and _looks(found) != _looks(entry):
        yield f"The mask of a picture of {_BIG[0]} x {_BIG[1]} px came back changed."
    trial.store.put(small, _entry(3))
    if _level(trial.store.get(small)) != 3:  # noqa: PLR2004 - as put
        yield "After a big entry, a small one is not kept any more."


def _another_on_the_same_place(trial: _Trial) -> Iterator[str]:
    if trial.reopen is None:
        return
    key = _new_key()
    trial.store.put(key, _entry(4))
    other = trial.reopen()
    if _level(other.get(key)) != 4:  # noqa: PLR2004 - as put
        yield "Another store on the same place does not have the entry."
    if _gets_in(trial.store.lock, other.lock, key, key):
        yield "lock() does not keep out who came by another store on the same place."


def _damaged_entries(trial: _Trial) -> Iterator[str]:
    if trial.damage is None:
        return
    key = _new_key()
    trial.store.put(key, _entry(6))
    trial.damage(key)
    try:
        found = trial.store.get(key)
    except Exception as problem:  # noqa: BLE001 - whatever it is, it is the finding
        yield f"get() of a damaged entry raised {type(problem).__name__}. Give None, and log it."
        return
    if found is not None:
        yield "get() of a damaged entry gives something. Check it, as unpack() does; give None."
    trial.store.put(key, _entry(8))
    if _level(trial.store.get(key)) != 8:  # noqa: PLR2004 - as put
        yield "A damaged entry cannot be put again."


def _locks_that_end(trial: _Trial) -> Iterator[str]:
    lock, key = trial.store.lock, _new_key()

    def twice() -> None:
        for _ in range(2):
            with lock(key):
                trial.store.put(key, _entry(1))
                trial.store.get(key)

    def fail() -> None:
        with lock(key):
            raise _Lost

    if not Task(twice).ends(_PATIENCE_S):
        yield "get() or put() waits for ever inside the lock() of its own key, or after it."
        return
    try:
        Task(fail).ends(_PATIENCE_S)
    except _Lost:
        pass
    else:
        yield "lock() swallowed an exception of its block. Let it come out."
    if not Task(twice).ends(_PATIENCE_S):
        yield "After an exception in its block, lock() is never free again. Use try and finally."


class _Lost(Exception):  # noqa: N818 - raised in a block that is locked, no error
    """What the block of a lock raises."""


def _locks(trial: _Trial) -> Iterator[str]:
    lock, key = trial.store.lock, _new_key()
    if _gets_in(lock, lock, key, key):
        yield "lock() lets two threads in at once: both would pay for the same picture."
    others = [_new_key() for _ in range(4)]  # some stores have few locks for many keys
    if not any(_gets_in(lock, lock, key, other, patience_s=_PATIENCE_S / 4) for other in others):
        yield "While one key is locked, no other can be: pictures would be made one by one."


def _gets_in(
    lock: Callable[[str], contextlib.AbstractContextManager[None]],
    other: Callable[[str], contextlib.AbstractContextManager[None]],
    key: str,
    other_key: str,
    *,
    patience_s: float = _GLANCE_S,
) -> bool:
    """Whether a thread gets into the second lock while this one is in the first."""
    inside = threading.Event()

    def enter() -> None:
        with other(other_key):
            inside.set()

    with lock(key):
        task = Task(enter)
        met = inside.wait(patience_s)
    task.ends(_PATIENCE_S)
    return met


def _threads(trial: _Trial) -> Iterator[str]:
    key, start = _new_key(), threading.Barrier(_THREADS)

    def use(level: int) -> list[tuple[object, ...] | None]:
        start.wait()
        seen = []
        for _ in range(5):
            trial.store.put(key, _entry(level, colors=True))
            found = trial.store.get(key)
            seen.append(None if found is None else _looks(found))
        return seen

    whole = {_looks(_entry(level, colors=True)) for level in range(_THREADS)}
    with ThreadPoolExecutor(_THREADS) as pool:
        seen = {looks for found in pool.map(use, range(_THREADS)) for looks in found}
    if not seen <= {None, *whole}:
        yield "Where several threads put one key, get() gives what nobody put. Write whole entries."


def _secrets(trial: _Trial) -> Iterator[str]:
    text = f"{trial.store!r} {trial.store}"
    if any(secret in text for secret in trial.secrets) or hide_password(text) != text:
        yield "repr() shows a password. Write a __repr__ without it."
    with contextlib.suppress(Exception):  # a store need not be picklable
        pickled = pickle.dumps(trial.store).decode("latin-1")
        if any(secret in pickled for secret in trial.secrets):
            yield "Its pickle holds a password. Let __reduce__ raise TypeError."


_THE_REST = (
    *(_overwriting, _keys, _changes_of_the_caller, _another_on_the_same_place),
    *(_damaged_entries, _locks, _threads, _secrets, _big_entries),
)


def _new_key() -> str:
    """A key that no store has: it may have been checked before."""
    return uuid.uuid4().hex + uuid.uuid4().hex


def _entry(level: int, *, colors: bool = False) -> Entry:
    mask = Image.linear_gradient("L").resize((40, 30))
    mask.paste(level, (0, 0, 1, 1))
    return Entry(
        mask=mask, colors=Image.new("RGBA", mask.size, (level, 1, 2, 255)) if colors else None
    )


def _level(entry: Entry | None) -> object:
    return None if entry is None else entry.mask.getpixel((0, 0))


def _looks(entry: Entry) -> tuple[object, ...]:
    images = (entry.mask,) if entry.colors is None else (entry.mask, entry.colors)
    return tuple((image.mode, image.size, image.tobytes()) for image in images)
