"""Whether anybody makes the cut-outs that editors ask for, beside the editor's own request."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, register
from django.core.checks import Warning as Caution

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.django.settings import current

if TYPE_CHECKING:
    from collections.abc import Iterator

_WITHOUT = {"ImmediateBackend", "DummyBackend"}  # of both libraries of tasks


@register("rembg")
def check_worker(**_: Any) -> list[CheckMessage]:
    """A site where pictures are paid for once they are approved, and no worker makes them."""
    return list(_findings())


def _findings() -> Iterator[CheckMessage]:
    try:
        settings = current()
    except ConfigurationError:  # told by the check of the settings
        return
    # With DEFER, another check tells it; with AUTO, pages make what they show.
    if settings.defer or settings.auto is True or settings.enqueue is not None or has_worker():
        return
    message = (
        "REMBG['AUTO'] is not True, and no worker runs tasks: \"Remove background\" makes what it "
        "can while the editor waits for its answer, and leaves the rest to views of pages."
    )
    hint = "Set TASKS['default']['BACKEND'] to one with a worker, and run the worker."
    yield Caution(message, hint=hint, id="rembg_wagtail.W002")


def has_worker() -> bool:
    """Whether the site's tasks run elsewhere; also where that cannot be told."""
    try:
        backend = import_module("rembg_plugins.django.task").make_cutout.get_backend()
    except Exception:  # noqa: BLE001 - whatever a site's own backend raises; told where it is used
        return True
    return not any(cls.__name__ in _WITHOUT for cls in type(backend).__mro__)
