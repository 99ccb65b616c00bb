"""Renditions that Wagtail makes in its pool of threads, at the same time."""

from __future__ import annotations

import threading

import pytest
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage
from django_site.photographs import encode, opened, photograph, unlike_inside, upload

pytestmark = pytest.mark.django_db

THREADS = 3  # that Wagtail has at most
PATIENCE_S = 60  # for what takes no time; nothing ever waits so long if all is well


class SlowFile(File):
    """In threads of a pool, a part is read, then all others have to have read theirs."""

    together = threading.Barrier(THREADS)

    def read(self, size=-1):
        if size >= 0 or threading.current_thread() is threading.main_thread():
            return self.file.read(size)
        part = self.file.read(1000)
        self.together.wait(PATIENCE_S)
        return part + self.file.read()


class SlowStorage(FileSystemStorage):
    """Gives such files."""

    def _open(self, name, mode="rb"):
        return SlowFile(super()._open(name, mode).file)


# Pitfall: threads that shared the handle of `image.file` got 86016 of 247336 bytes each, or one
# that was closed already.
def test_from_a_slow_storage_every_thread_reads_the_whole_picture(counted, settings):
    slow = {"BACKEND": f"{__name__}.SlowStorage"}
    settings.STORAGES = {**settings.STORAGES, "default": slow}
    image = upload(encode(photograph(), "PNG"), "photo.png")
    specs = [f"removebg|width-{width}" for width in (90, 91, 92)]
    found = image.get_renditions(*specs)
    assert SlowFile.together.n_waiting == 0
    for spec in specs:
        plain = opened(image.get_rendition(spec.removeprefix("removebg|")))
        assert unlike_inside(opened(found[spec]), plain) == 0
    assert len(counted.calls) == 1
