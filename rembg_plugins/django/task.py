"""The task that makes a cut-out, for Django's own tasks, or ``django_tasks`` before Django 6.

It is imported where a task is asked for, and by workers: on a site without either of the two,
nothing else of this app needs it. It is not called ``tasks``, since Celery imports the modules of
that name, and a site that uses Celery may have neither.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.conf import settings

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.django import deferral

if TYPE_CHECKING:
    from collections.abc import Callable

_ALIAS = _QUEUE = "default"  # what both libraries call them where a site says nothing


def _decorator() -> Callable[..., Any]:
    """That which makes a task of a function.

    Raises:
        ConfigurationError: There is neither library.
    """
    for name in ("django.tasks", "django_tasks"):
        try:
            found: Callable[..., Any] = import_module(name).task
        except ModuleNotFoundError:
            continue
        return found
    message = (
        "REMBG['DEFER'] needs tasks: Django 6, or `pip install django-tasks`; or REMBG['ENQUEUE'], "
        "a function that hands them to a queue of your own."
    )
    raise ConfigurationError(message)


def _queue_name() -> str:
    """The queue ``default``; the first that there is, where a site has queues of other names.

    A backend refuses a queue that is not its own when the function below is decorated.
    """
    tasks = getattr(settings, "TASKS", None) or {}
    queues: list[str] = list(tasks.get(_ALIAS, {}).get("QUEUES", ()))
    return queues[0] if queues and _QUEUE not in queues else _QUEUE


@_decorator()(queue_name=_queue_name())  # type: ignore[untyped-decorator]  # of either library
def make_cutout(app_label: str, model: str, pk: str, field: str, profile: str) -> str:
    """See :func:`rembg_plugins.django.deferral.make`."""
    return deferral.make(app_label, model, pk, field, profile)
