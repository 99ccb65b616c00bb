"""The recipe of the documentation, word for word, with a real worker and a real broker."""

from __future__ import annotations

import redis as redis_client
from django_site.project import SETTINGS, Project, files_in
from django_site.servers import redis_server
from doc_pages import DOCS

PAGE = DOCS / "how-to" / "django-tasks.md"
_LOOKS, _LOOK_S = 24, 5  # for what takes seconds; nothing ever waits so long if all is well

WITHOUT_TASKS = """
import os
import sys

sys.modules["django_tasks"] = None  # as if it were not installed
CELERY_BROKER_URL = os.environ["TEST_BROKER"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "pictures"
"""
URLS = """
from django.urls import path
from shop.views import show

urlpatterns = [path("<int:pk>/", show)]
"""
APPS = """
import os

import redis
from django.apps import AppConfig


class ShopConfig(AppConfig):
    name = "shop"
    default_auto_field = "django.db.models.AutoField"

    def ready(self):
        from rembg_plugins.django.signals import cutout_ready

        from shop import receivers

        cutout_ready.connect(self.tell)

    def tell(self, sender, label, pk, **kwargs):
        client = redis.Redis.from_url(os.environ["TEST_REDIS_URL"])
        client.rpush("ready", f"{label} {pk}")
        client.close()
"""
ASK = """
from django.core.files.base import ContentFile
from django.db import transaction
from django.test import Client
from core.pictures import encoded
from rembg_plugins.django.deferral import request_cutout
from shop.models import Product

product = Product.objects.create(photo=ContentFile(encoded("JPEG"), "a.jpg"))
for _ in range(10):
    assert Client().get(f"/{product.pk}/").status_code == 200
try:
    with transaction.atomic():
        request_cutout(Product.objects.create(photo="b.jpg"), "photo")
        raise ZeroDivisionError
except ZeroDivisionError:
    pass
"""
AGAIN = """
from shop.tasks import enqueue

for _ in range(2):
    enqueue("shop", "product", "1", "photo", "")
"""
LOOK = """
from core.pictures import encoded
from rembg_plugins.django import cutouts
from rembg_plugins.django.models import Call

print(cutouts.is_ready(encoded("JPEG")), Call.objects.count())
"""


def test_the_recipe_makes_a_cutout_once_on_celery_and_redis(tmp_path):
    recipe = files_in(PAGE)
    with (
        redis_server() as (url, _process),
        redis_client.Redis.from_url(url, socket_timeout=2 * _LOOK_S) as broker,
    ):
        files = {
            "mysite/__init__.py": "from .celery import app\n",
            "mysite/celery.py": recipe["mysite/celery.py"],
            "mysite/settings.py": SETTINGS
            + WITHOUT_TASKS
            + recipe["mysite/settings.py, with Celery"],
            "mysite/urls.py": URLS,
            "shop/apps.py": APPS,
            "shop/receivers.py": recipe["shop/receivers.py"],
            "shop/views.py": recipe["shop/views.py"],
            "shop/tasks.py": recipe["shop/tasks.py"],
        }
        environment = {
            "TEST_BROKER": url.replace("unix://", "redis+socket://"),
            "TEST_REDIS_URL": url,
        }
        project = Project(tmp_path, files, environment=environment)
        project.manage("migrate", "--run-syncdb", "--verbosity", "0")
        project.python(ASK)
        assert broker.llen("pictures") == 1
        worker = ("-m", "celery", "-A", "mysite", "worker", "--pool=solo", "--queues=pictures")
        with project.running(*worker, "--without-gossip", "--without-mingle") as process:
            assert told_by(broker, process) == "shop.product 1"
            assert project.python(LOOK) == "True 1"
            project.python(AGAIN)
            assert [told_by(broker, process), told_by(broker, process)] == [
                "shop.product 1",
                "shop.product 1",
            ]
        assert project.python(LOOK) == "True 1"
        assert broker.llen("pictures") == 0


def told_by(broker, process):
    for _ in range(_LOOKS):
        told = broker.blpop("ready", timeout=_LOOK_S)
        if told is not None:
            return told[1].decode()
        assert process.poll() is None, "The worker has ended."
    raise AssertionError("The worker has told nothing.")
