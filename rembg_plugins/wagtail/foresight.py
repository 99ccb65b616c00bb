"""What several renditions of a picture share is made before Wagtail's threads start."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any

from django.core.exceptions import SuspiciousFileOperation
from django.db import connections, router, transaction
from wagtail.images.models import AbstractImage, Filter, SourceImageIOError

from rembg_plugins.wagtail.errors import as_cutout_error
from rembg_plugins.wagtail.operation import RemoveBackground

_log = logging.getLogger(__name__)


def install() -> None:
    """Let all image models make the matte before they make renditions.

    Where several are missing, Wagtail makes them in a pool of threads, which know neither the
    request nor its transaction: on SQLite a write from there waits for a lock that the waiting
    request holds, and whether an editor's preview asks is only known outside. And where there
    is no matte and none may be made, it is found out before a picture is decoded for nothing.
    Where a rendition cannot be saved, the page is shown all the same.

    Wagtail calls nothing of ours between the request and the threads, hence these wrappers; to
    be removed once it runs the pool in the context of its caller, or has hooks for renditions.
    """
    for name in ("create_rendition", "create_renditions"):
        create = getattr(AbstractImage, name)
        if create.__module__ != __name__:
            setattr(AbstractImage, name, _foreseeing(create))


def _foreseeing(create: Any) -> Any:
    @wraps(create, assigned=("__name__", "__qualname__", "__doc__"))
    def foresee(self: AbstractImage, *filters: Filter, **named: Filter) -> Any:
        every = (*filters, *named.values())
        operations = [one for filter_ in every for one in filter_.operations]
        ours = [one for one in operations if isinstance(one, RemoveBackground)]
        if not ours:
            return create(self, *filters, **named)
        ours[0].make(self)
        try:
            with _savepoint(self):
                return create(self, *filters, **named)
        except SourceImageIOError:
            raise
        except (OSError, SuspiciousFileOperation) as problem:
            # The cut-out is kept; it is its rendition that has no place, name or format.
            _log.exception("The rendition of a cut-out cannot be saved")
            raise as_cutout_error(problem) from problem
        finally:
            ours[0].forget()

    return foresee


def _savepoint(image: AbstractImage) -> AbstractContextManager[None]:
    """To which a transaction that is under way goes back: it can then go on after an error."""
    alias = router.db_for_write(image.get_rendition_model(), instance=image)
    is_within = connections[alias].in_atomic_block
    return transaction.atomic(using=alias) if is_within else nullcontext()
