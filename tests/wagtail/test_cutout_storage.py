"""Pictures of Wagtail's library that lie in a ``CutoutStorage``."""

from __future__ import annotations

import pytest
from django_site.photographs import opened, upload
from django_tasks import task_backends

pytestmark = pytest.mark.django_db


@pytest.fixture
def image(counted, settings):
    """One that lost its background when it was uploaded."""
    options = {"wraps": "plain", "profile": "product"}
    cutting = {"BACKEND": "rembg_plugins.django.storage.CutoutStorage", "OPTIONS": options}
    plain = settings.STORAGES["default"]
    settings.STORAGES = {**settings.STORAGES, "plain": plain, "default": cutting}
    made = upload()
    assert opened(made).getpixel((1, 1)) == (255, 255, 255)
    return made


# Pitfall: Wagtail has a task delete the file, by what `deconstruct()` of its storage says; a
# storage without that is an error as soon as a picture is deleted, and a key in it is in the queue.
def test_a_picture_can_be_deleted_by_the_task_that_wagtail_makes_of_its_storage(
    image, site, settings, monkeypatch, django_capture_on_commit_callbacks
):
    site(API_KEY=lambda: "a-secret")
    backend, told = task_backends["default"], []
    enqueue = backend.enqueue

    def listen(task, args, kwargs):
        told.append((args, kwargs))
        return enqueue(task, args, kwargs)

    monkeypatch.setattr(backend, "enqueue", listen)
    storage, name = image.file.storage, image.file.name
    with django_capture_on_commit_callbacks(execute=True):
        image.delete()
    assert not storage.exists(name)
    (deconstructed, _), _ = told[-1]
    assert deconstructed[0] == "rembg_plugins.django.storage.CutoutStorage"
    assert deconstructed[2] == {"wraps": "plain", "profile": "product"}
    assert "a-secret" not in str(told)
