"""What several renditions of a picture share is made before Wagtail's threads start."""

from __future__ import annotations

from functools import wraps
from typing import Any

from wagtail.images.models import AbstractImage, Filter

from rembg_plugins.wagtail.operation import RemoveBackground


def install() -> None:
    """Let ``create_renditions`` of all image models make the matte first.

    Where several renditions are missing, Wagtail makes them in a pool of threads, which know
    neither the request nor its transaction. On SQLite a write from there waits for a lock that
    the waiting request holds, and whether an editor's preview asks is only known outside.
    Wagtail calls nothing of ours between the request and the threads, hence this wrapper; to be
    removed once it runs the pool in the context of its caller, or has hooks for renditions.
    """
    if AbstractImage.create_renditions.__module__ != __name__:
        AbstractImage.create_renditions = _foreseeing(AbstractImage.create_renditions)


def _foreseeing(create_renditions: Any) -> Any:
    @wraps(create_renditions, assigned=("__name__", "__qualname__", "__doc__"))
    def create(self: AbstractImage, *filters: Filter) -> Any:
        if len(filters) > 1:  # of one alone, nothing is made in a thread
            ours = (one for filter_ in filters for one in filter_.operations)
            first = next((one for one in ours if isinstance(one, RemoveBackground)), None)
            if first is not None:
                first.make(self)
        return create_renditions(self, *filters)

    return create
