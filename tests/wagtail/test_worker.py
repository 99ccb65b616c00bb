from __future__ import annotations

import pytest
from django.core.checks import run_checks

IMMEDIATE = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}
DUMMY = {"default": {"BACKEND": "django_tasks.backends.dummy.DummyBackend"}}
DATABASE = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}


@pytest.fixture
def found(settings, site):
    def check(tasks, **keys):
        settings.TASKS = tasks
        site(**keys)
        return [one.id for one in run_checks(tags=["rembg"]) if "wagtail" in one.id]

    return check


@pytest.mark.parametrize("auto", [False, lambda _image: True], ids=["none", "own"])
@pytest.mark.parametrize("tasks", [IMMEDIATE, DUMMY], ids=["immediate", "dummy"])
def test_editors_who_approve_pictures_need_a_worker(found, tasks, auto):
    assert found(tasks, AUTO=auto) == ["rembg_wagtail.W002"]


@pytest.mark.parametrize(
    ("tasks", "keys"),
    [
        (IMMEDIATE, {}),
        (IMMEDIATE, {"AUTO": False, "ENQUEUE": lambda *_: None}),
        (IMMEDIATE, {"AUTO": False, "DEFER": True}),  # rembg.W006
        (IMMEDIATE, {"AUTO": False, "BUDGET": 3}),  # rembg.E003
        ({"default": {"BACKEND": "nosuch.Backend"}}, {"AUTO": False}),
        (DATABASE, {"AUTO": False}),
    ],
    ids=["auto", "own queue", "deferred", "unreadable", "nothing", "database"],
)
def test_it_is_told_where_it_matters_alone(found, tasks, keys):
    assert found(tasks, **keys) == []
