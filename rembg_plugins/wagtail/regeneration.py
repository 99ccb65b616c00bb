"""Wagtail's command that makes all renditions anew: it costs nothing, and loses no cut-out."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.db.models.signals import pre_delete
from wagtail.images import get_image_model
from wagtail.images.management.commands.wagtail_update_image_renditions import Command

from rembg_plugins.wagtail import spending
from rembg_plugins.wagtail.errors import PendingError
from rembg_plugins.wagtail.meanwhile import nothing_meanwhile
from rembg_plugins.wagtail.operation import RemoveBackground

if TYPE_CHECKING:
    from collections.abc import Iterator

_kept: ContextVar[list[int] | None] = ContextVar("rembg_kept_renditions", default=None)


def install() -> None:
    """Let ``wagtail_update_image_renditions`` spend nothing, in whatever way it is called.

    A command of the same name in this app would only be found where the app stands before
    Wagtail's own in ``INSTALLED_APPS``, and not by commands derived from Wagtail's; hence this
    wrapper.
    """
    if Command.handle.__module__ != __name__:
        Command.handle = _without_spending(Command.handle)


def _without_spending(handle: Any) -> Any:
    @wraps(handle, assigned=("__name__", "__qualname__", "__doc__"))
    def update(self: Command, *args: Any, **options: Any) -> Any:
        if options.get("purge_only"):
            return handle(self, *args, **options)
        with spending.forbidden(), nothing_meanwhile(), _keeping() as kept:
            done = handle(self, *args, **options)
        if kept:
            self.stdout.write(self.style.WARNING(_told(len(kept))))
        return done

    return update


@contextmanager
def _keeping() -> Iterator[list[int]]:
    """Keep each rendition that could not be made anew at no cost; their numbers."""
    kept: list[int] = []
    token = _kept.set(kept)
    model = get_image_model().get_rendition_model()
    pre_delete.connect(_keep, sender=model, dispatch_uid=__name__)
    try:
        yield kept
    finally:
        pre_delete.disconnect(sender=model, dispatch_uid=__name__)
        _kept.reset(token)


def _keep(*, instance: Any, **_: Any) -> None:
    """Refuse to delete a rendition that cannot be made anew.

    The command deletes first. An error brings the row back, as its transaction is rolled back,
    but the command can then name it no more, and where files are deleted at once, the file is gone.
    """
    kept = _kept.get()
    if kept is None:  # another thread deletes it
        return
    ours = [one for one in instance.filter.operations if isinstance(one, RemoveBackground)]
    try:
        for one in ours[:1]:
            one.make(instance.image)
    except PendingError:
        kept.append(instance.pk)
        raise


def _told(count: int) -> str:
    return (
        f"{count} rendition(s) of cut-outs were left as they are: the store has no cut-out of "
        "their pictures by the engine in use, and this command pays for none."
    )
