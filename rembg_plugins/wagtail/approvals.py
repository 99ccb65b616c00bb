"""Which pictures a person approved for background removal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connections, router
from django.utils import timezone

from rembg_plugins.django import tables
from rembg_plugins.wagtail.models import Approval

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import Model


def is_approved(image: Model) -> bool:
    """Whether a person approved it, as it is now: one that was replaced is another picture.

    It may be asked in a thread of a pool, which no end of a request tidies up: a connection that
    was not open is closed again.
    """
    connection = connections[router.db_for_read(Approval)]
    was_open = connection.connection is not None
    try:
        with tables.if_there(Approval):
            return Approval.objects.filter(
                model=label_of(image), object_pk=str(image.pk), file=_file_of(image)
            ).exists()
        return False
    finally:
        if not was_open and not connection.in_atomic_block:
            connection.close()


def approve(images: Iterable[Model], *, who: str) -> None:
    """Note that a person approved pictures; those that were approved already stay so.

    All go through them in the same order, so that no two wait for each other.
    """
    for image in sorted(images, key=lambda one: str(one.pk)):
        decided = {"file": _file_of(image), "who": who[:255]}
        kept, is_new = Approval.objects.get_or_create(
            model=label_of(image), object_pk=str(image.pk), defaults=decided
        )
        if not is_new and kept.file != decided["file"]:  # of another picture by now
            Approval.objects.filter(pk=kept.pk).update(**decided, given=timezone.now())


def withdraw(image: Model) -> bool:
    """Forget that a picture was approved; whether it was, as it is now or as it was before."""
    found = Approval.objects.filter(model=label_of(image), object_pk=str(image.pk))
    count, _ = found.delete()
    return count > 0


def label_of(image: Model) -> str:
    """The name of a picture's model, as in ``wagtailimages.image``."""
    return image._meta.label_lower  # noqa: SLF001 - Django's public way to a model's name


def _file_of(image: Any) -> str:
    return str(image.file.name)[:255]
