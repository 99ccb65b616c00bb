"""Cut-outs that are made later: asked for once, whoever asks, and made by a task.

What travels is text that names an object; never a file, a key or an address.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import astuple, dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.cache import caches
from django.db import connections, router, transaction

from rembg_plugins.core.errors import ConfigurationError, RembgError
from rembg_plugins.django import cutouts
from rembg_plugins.django.purpose import Purpose
from rembg_plugins.django.settings import current
from rembg_plugins.django.signals import cutout_ready

if TYPE_CHECKING:
    from django.core.cache.backends.base import BaseCache
    from django.core.files.storage import Storage
    from django.db.models import Model

    from rembg_plugins.django.setting_values import Enqueue

WANTED_S = 900
"""For how many seconds a task that was asked for is not asked for again, unless it ran."""

AGAIN_S = 60
"""The same after one that failed; what failed may have to be remembered for longer."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What a task is told, in the order of its arguments: text, which every queue can carry."""

    app_label: str
    model: str
    pk: str
    field: str
    profile: str

    @property
    def label(self) -> str:
        return f"{self.app_label}.{self.model}"

    def mark(self, file: str) -> str:
        """The name under which it is noted in the cache; another one once the file is replaced."""
        named = "\0".join((*astuple(self), file))
        return f"rembg:wanted:{hashlib.sha256(named.encode()).hexdigest()}"


def request_cutout(
    instance: Model, field: str, *, profile: str | None = None, key: str | None = None
) -> None:
    """Have the cut-out of an object's picture made by a task, once the transaction is committed.

    However often it is asked for, by however many processes, one task is enqueued; none where the
    cut-out is there, or failed lately. Call it where the object's own database may be written: not
    in a thread beside a request's.

    Args:
        instance: An object that is saved.
        field: The name of its file field; an empty one is passed over.
        profile: The name of what is made of it, for those who listen to ``cutout_ready``.
        key: That of the cut-out, where it is known: the file is then not read here.

    Raises:
        ValueError: The object is not saved.
        ConfigurationError: There is no such profile, or nothing that runs tasks.
    """
    if instance.pk is None:
        message = f"{instance!r} must be saved before its cut-out can be made."
        raise ValueError(message)
    file = getattr(instance, field)
    if not file:
        return
    current().profile(profile)
    enqueue = _enqueue()
    options = instance._meta  # noqa: SLF001 - documented by Django as public
    wanted = _Wanted(
        app_label=options.app_label,
        model=options.model_name or "",
        pk=str(instance.pk),
        field=field,
        profile=profile or "",
    )
    storage, name = file.storage, file.name

    def committed() -> None:
        _enqueue_once(wanted, storage, name, enqueue=enqueue, key=key)

    alias = instance._state.db or router.db_for_write(type(instance), instance=instance)  # noqa: SLF001 - as above
    _on_commit(committed, alias)


def make(app_label: str, model: str, pk: str, field: str, profile: str = "") -> str:
    """Do what the task is for: see to it that the store has the cut-out, and tell those who wait.

    A second run costs nothing. Any queue may call it, with arguments that are all text.

    Args:
        app_label: Of the model.
        model: Its name.
        pk: The object's primary key, as text.
        field: The name of the file field.
        profile: What was asked for, or an empty text.

    Returns:
        ``"done"``, or ``"gone"`` where there is no such object or file any more.

    Raises:
        RembgError: There is no cut-out, and why; it is asked for again when it is wanted again.
    """
    manager: Any = apps.get_model(app_label, model)._base_manager  # noqa: SLF001 - documented by Django as public
    instance: Model | None = manager.filter(pk=pk).first()
    file = None if instance is None else getattr(instance, field)
    if instance is None or not file:
        return "gone"
    wanted = _Wanted(app_label=app_label, model=model, pk=pk, field=field, profile=profile)
    try:
        # Not over the file of the object, which others may read at the same time.
        with file.storage.open(file.name, "rb") as opened:
            purpose = Purpose(picture=f"{wanted.label}:{pk}", who="task")
            options = current().profile(profile or None)
            cutouts.remove(opened, options, purpose=purpose, name=file.name)
    except FileNotFoundError:
        return "gone"
    except BaseException:
        _hold_back(wanted.mark(file.name), AGAIN_S)
        raise
    _hold_back(wanted.mark(file.name), 0)
    cutout_ready.send_robust(
        type(instance), instance=instance, label=wanted.label, pk=pk, field=field, profile=profile
    )
    return "done"


def _enqueue() -> Enqueue:
    """What hands a task to the queue of this site.

    Raises:
        ConfigurationError: There is none.
    """
    own = current().enqueue
    if own is not None:
        return own
    try:
        enqueue: Enqueue = import_module("rembg_plugins.django.task").make_cutout.enqueue
    except RembgError:
        raise
    except Exception as problem:  # whatever the site's backend raises
        message = f"There are no tasks for REMBG['DEFER'], by the setting TASKS: {problem}"
        raise ConfigurationError(message) from problem
    return enqueue


def _enqueue_once(
    wanted: _Wanted, storage: Storage, name: str, *, enqueue: Enqueue, key: str | None
) -> None:
    """Enqueue the task, unless that was done lately; a page does not fail for it."""
    try:
        cache, mark = _cache(), wanted.mark(name)
        if not cache.add(mark, 1, timeout=WANTED_S):
            return
        try:
            is_needed = _is_needed(storage, name, key)
            if is_needed:
                enqueue(*astuple(wanted))
            else:
                cache.set(mark, 1, timeout=AGAIN_S)
        except BaseException:
            cache.delete(mark)
            raise
    except Exception as problem:  # noqa: BLE001 - of the queue, the cache, the storage
        _log.error("The cut-out of %s %s cannot be asked for: %s", wanted.label, wanted.pk, problem)


def _is_needed(storage: Storage, name: str, key: str | None) -> bool:
    """Whether a task has a chance, and something to do."""
    try:
        if key is None:
            with storage.open(name, "rb") as opened:
                key = cutouts.key_for(opened)
        cutouts.failures().check(key)
    except RembgError as error:
        _log.info("No cut-out of %s is asked for: %s", name, error)
        return False
    return not cutouts.store().has(key)


def _hold_back(mark: str, seconds: int) -> None:
    """Ask for no such task for a while; a cache that is out of order changes nothing else."""
    try:
        _cache().set(mark, 1, timeout=seconds)  # 0 is forgotten at once
    except Exception as problem:  # noqa: BLE001 - caches raise what they like
        _log.warning("It cannot be noted that a task ran: %s", problem)


def _cache() -> BaseCache:
    return caches[current().lock_cache]


def _on_commit(call: Any, alias: str) -> None:
    """Call it after the transaction; the connection is left as it was found, open or not."""
    connection = connections[alias]
    was_open = connection.connection is not None
    try:
        transaction.on_commit(call, using=alias)
    finally:
        if not was_open and not connection.in_atomic_block:
            connection.close()
