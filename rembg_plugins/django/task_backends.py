"""Whether there is something that runs the tasks of ``DEFER``, as far as settings tell."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from django.conf import settings

from rembg_plugins.django import findings
from rembg_plugins.django.declared import declared, imported, is_a
from rembg_plugins.django.settings import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.checks import CheckMessage

_LIBRARIES = ("django.tasks", "django_tasks")  # the former is there from Django 6.0 on
_IMMEDIATE = {f"{lib}.backends.immediate.ImmediateBackend" for lib in _LIBRARIES}
_DUMMY = {f"{lib}.backends.dummy.DummyBackend" for lib in _LIBRARIES}


def check_tasks() -> Iterator[CheckMessage]:
    """What speaks against handing tasks to ``TASKS["default"]``; no backend is made."""
    library = next((one for one in _LIBRARIES if find_spec(one) is not None), None)
    if library is None:
        yield findings.NO_TASKS.told(f"{NAME}['DEFER'] is on, and there are no tasks.")
        return
    if getattr(settings, "TASKS", None) is None:
        # Both libraries run tasks at once where there is no such setting.
        yield _immediate(f"{library}.backends.immediate.ImmediateBackend")
        return
    known = declared("TASKS")
    if "default" not in known:
        there = ", ".join(sorted(known)) or "none"
        message = f"{NAME}['DEFER'] is on, and 'default' is not in TASKS; there: {there}."
        yield findings.BAD_TASKS.told(message)
        return
    backend = known["default"].get("BACKEND")
    cls = imported(backend)
    if cls is None:
        why = f"there is no {backend!r}, or it cannot be imported" if backend else "no BACKEND"
        message = f"{NAME}['DEFER'] is on, and TASKS['default'] cannot be made: {why}."
        yield findings.BAD_TASKS.told(message)
    elif is_a(cls, _IMMEDIATE):
        yield _immediate(str(backend))
    elif is_a(cls, _DUMMY):
        message = f"{NAME}['DEFER'] is on, and {backend} never runs a task."
        yield findings.IMMEDIATE_TASKS.told(message)


def _immediate(backend: str) -> CheckMessage:
    message = f"{NAME}['DEFER'] is on, and {backend} makes the page wait for each cut-out."
    return findings.IMMEDIATE_TASKS.told(message)
