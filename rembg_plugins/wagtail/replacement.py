"""Cut-outs that are of a picture no more: it was replaced, or is gone, or a person forgot them."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete, post_save
from wagtail.images import get_image_model
from wagtail.images.exceptions import InvalidFilterSpecError
from wagtail.images.models import AbstractImage

from rembg_plugins.django import tables
from rembg_plugins.django.signals import cutout_forgotten
from rembg_plugins.wagtail import approvals
from rembg_plugins.wagtail.look import NAME
from rembg_plugins.wagtail.models import Approval
from rembg_plugins.wagtail.specs import is_cut_out


def watch_pictures() -> None:
    """Look at each picture that is saved or deleted, or whose cut-out is forgotten."""
    model = get_image_model()
    uid = "rembg_plugins.wagtail.replacement"
    post_save.connect(_forget_stale, sender=model, dispatch_uid=f"{uid}.saved")
    post_delete.connect(_forget_approval, sender=model, dispatch_uid=f"{uid}.deleted")
    cutout_forgotten.connect(_forget_renditions, dispatch_uid=f"{uid}.forgotten")


def _forget_stale(
    *,
    instance: Any,
    created: bool,
    raw: bool = False,
    update_fields: frozenset[str] | None = None,
    **_: Any,
) -> None:
    """Delete the cut-outs that were made of other bytes than the picture has now.

    A new name alone would give other renditions, but a storage may overwrite: then the file is
    newer than the rendition. It is deleted in case of doubt, and made again at no cost.
    """
    if created or raw or (update_fields is not None and "file" not in update_fields):
        return
    for rendition in instance.renditions.filter(filter_spec__contains=NAME):
        if _has_another_name(instance, rendition) or _is_older(rendition, instance):
            rendition.delete()


def _forget_renditions(*, instance: object, **_: Any) -> None:
    """A page that found them would never ask for the cut-out that is to be made anew."""
    if isinstance(instance, AbstractImage):
        for rendition in instance.renditions.all():
            if is_cut_out(rendition.filter_spec):
                rendition.delete()


def _forget_approval(*, instance: Any, **_: Any) -> None:
    """A number may be given again, to a picture that nobody approved."""
    with tables.if_there(Approval):
        approvals.withdraw(instance)


def _has_another_name(image: Any, rendition: Any) -> bool:
    try:
        return bool(rendition.focal_point_key != rendition.filter.get_cache_key(image))
    except InvalidFilterSpecError:  # of a profile that is no more
        return True


def _is_older(rendition: Any, image: Any) -> bool:
    try:
        made, replaced = (
            one.file.storage.get_modified_time(one.file.name) for one in (rendition, image)
        )
    except Exception:  # noqa: BLE001 - a storage that does not tell, or has no such file
        return True
    return bool(made <= replaced)
