"""The task on real backends: the immediate one, and the database's with its own worker."""

from __future__ import annotations

import pytest
from core.pictures import encoded
from django.core.files.base import ContentFile
from django_site.project import SETTINGS, Project, files_in
from django_site.shop.models import Product
from doc_pages import DOCS

from rembg_plugins.core.errors import PaymentRequiredError
from rembg_plugins.django import cutouts, deferral

PHOTO = encoded("JPEG")

ASK = """
import json
from django.core.files.base import ContentFile
from django.db import connection, transaction
from shop.models import Product
from django_tasks_db.models import DBTaskResult
from core.pictures import encoded
from rembg_plugins.django.deferral import request_cutout

with transaction.atomic():
    product = Product.objects.create(name="A", photo=ContentFile(encoded("JPEG"), "a.jpg"))
    for _ in range(100):
        request_cutout(product, "photo")
    assert DBTaskResult.objects.count() == 0
assert DBTaskResult.objects.count() == 1
try:
    with transaction.atomic():
        other = Product.objects.create(name="B", photo=ContentFile(encoded("PNG"), "b.png"))
        request_cutout(other, "photo")
        raise ZeroDivisionError
except ZeroDivisionError:
    pass
found = DBTaskResult.objects.get()
print(json.dumps(found.args_kwargs))
connection.close()
request_cutout(product, "photo")  # as in a thread of a pool, which closes nothing
assert connection.connection is None
"""
AGAIN = """
from rembg_plugins.django.task import make_cutout

make_cutout.enqueue("shop", "product", "1", "photo", "")
make_cutout.enqueue("shop", "product", "999", "photo", "")
make_cutout.enqueue("shop", "nothing", "1", "photo", "")
"""
LOOK = """
from core.pictures import encoded
from django_tasks_db.models import DBTaskResult
from rembg_plugins.django import cutouts
from rembg_plugins.django.models import Call

assert cutouts.is_ready(encoded("JPEG"))
assert not cutouts.is_ready(encoded("PNG"))
results = DBTaskResult.objects.order_by("enqueued_at")
print([one.return_value for one in results], [one.status for one in results], Call.objects.count())
"""


@pytest.mark.django_db
def test_the_immediate_backend_makes_it_within_the_page(
    counted, site, django_capture_on_commit_callbacks
):
    site(DEFER=True)
    product = Product.objects.create(name="A", photo=ContentFile(PHOTO, "photo.jpg"))
    with django_capture_on_commit_callbacks(execute=True):
        deferral.request_cutout(product, "photo")
        assert counted.calls == []
    assert cutouts.is_ready(PHOTO)
    assert len(counted.calls) == 1


@pytest.mark.django_db
def test_the_immediate_backend_keeps_a_failure_to_itself(
    counted, site, django_capture_on_commit_callbacks
):
    site(DEFER=True)
    counted.script["each"] = PaymentRequiredError("no credits", sent="all")
    product = Product.objects.create(name="A", photo=ContentFile(PHOTO, "photo.jpg"))
    for _ in range(3):
        with django_capture_on_commit_callbacks(execute=True):
            deferral.request_cutout(product, "photo")
    assert len(counted.calls) == 1


def test_a_worker_of_the_database_makes_it_once(tmp_path):
    page = files_in(DOCS / "how-to" / "django-tasks.md")
    settings = SETTINGS + page["mysite/settings.py"]
    project = Project(tmp_path, {"mysite/settings.py": settings})
    project.manage("migrate", "--run-syncdb", "--verbosity", "0")
    told = '{"args": ["shop", "product", "1", "photo", ""], "kwargs": {}}'
    assert project.python(ASK) == told
    batch = ("db_worker", "--batch", "--no-startup-delay", "--interval", "0")
    project.manage(*batch)
    assert project.python(LOOK) == "['done'] ['SUCCESSFUL'] 1"
    project.python(AGAIN)
    project.manage(*batch)
    shown = project.python(LOOK.replace("[one.return_value for one in results], ", ""))
    assert shown == "['SUCCESSFUL', 'SUCCESSFUL', 'SUCCESSFUL', 'FAILED'] 1"
