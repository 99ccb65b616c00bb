from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest
from core.pictures import encoded
from django.core.cache import caches
from django.db import transaction
from django_site.shop.models import Product

from rembg_plugins.core.errors import (
    APIConnectionError,
    ConfigurationError,
    PaymentRequiredError,
    SpendingError,
)
from rembg_plugins.django import cutouts, deferral
from rembg_plugins.django.models import Call
from rembg_plugins.django.signals import cutout_ready

pytestmark = pytest.mark.django_db

PHOTO = encoded("JPEG")
OTHER = encoded("JPEG", size=(20, 10))


@pytest.fixture
def queue(site, counted):
    """What was handed to the queue; nothing runs by itself."""
    enqueued = []
    site(DEFER=True, ENQUEUE=lambda *arguments: enqueued.append(arguments))
    return enqueued


@pytest.fixture
def product(product_of):
    return product_of(PHOTO)


@pytest.fixture
def product_of(site):
    from django.core.files.base import ContentFile

    return lambda photo: Product.objects.create(name="A", photo=ContentFile(photo, "photo.jpg"))


@pytest.fixture
def committed(django_capture_on_commit_callbacks):
    """Asks for a cut-out, and commits."""

    def ask(*args, **kwargs):
        with django_capture_on_commit_callbacks(execute=True):
            deferral.request_cutout(*args, **kwargs)

    return ask


@pytest.fixture
def ready():
    """What is told by the signal."""
    told = []

    def note(sender, **kwargs):
        told.append((sender, kwargs))

    cutout_ready.connect(note)
    yield told
    cutout_ready.disconnect(note)


def test_a_hundred_views_enqueue_one_task_of_text(queue, product, committed):
    for _ in range(100):
        committed(product, "photo", profile="product")
    assert queue == [("shop", "product", str(product.pk), "photo", "product")]
    assert json.loads(json.dumps(queue)) == [list(queue[0])]


def test_a_task_pays_once_however_often_it_runs(queue, counted, product, committed, ready):
    committed(product, "photo")
    for _ in range(3):
        assert deferral.make(*queue[0]) == "done"
    assert len(counted.calls) == 1
    assert cutouts.is_ready(PHOTO)
    call = Call.objects.get()
    assert (call.picture, call.who) == (f"shop.product:{product.pk}", "task")
    sender, told = ready[0]
    assert (len(ready), sender, told["instance"]) == (3, Product, product)
    named = {name: told[name] for name in ("label", "pk", "field", "profile")}
    expected = {"label": "shop.product", "pk": str(product.pk), "field": "photo", "profile": ""}
    assert named == expected


def test_what_is_there_is_not_asked_for(queue, product, committed):
    cutouts.remove(PHOTO)
    committed(product, "photo")
    assert queue == []


def test_a_picture_in_the_place_of_another_is_asked_for_at_once(queue, product, committed):
    from django.core.files.base import ContentFile

    committed(product, "photo")
    product.photo.save("other.jpg", ContentFile(OTHER))
    committed(product, "photo")
    assert len(queue) == 2


def test_what_is_rolled_back_is_not_asked_for_and_holds_up_nothing(
    queue, product, committed, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        deferral.request_cutout(product, "photo")
        transaction.set_rollback(True)
    assert queue == []
    committed(product, "photo")
    assert len(queue) == 1


def test_what_failed_is_not_asked_for_again_before_its_time(queue, counted, product, committed):
    counted.script[1] = APIConnectionError("cut off", sent="all", billed=None)
    committed(product, "photo")
    with pytest.raises(APIConnectionError):
        deferral.make(*queue[0])
    committed(product, "photo")
    assert len(queue) == 1
    caches["default"].clear()  # as if the cache had no room: the failure is known all the same
    committed(product, "photo")
    assert len(queue) == 1
    cutouts.failures().forget(cutouts.key_for(PHOTO))
    caches["default"].clear()
    committed(product, "photo")
    assert deferral.make(*queue[1]) == "done"
    assert len(counted.calls) == 2


def test_an_empty_account_is_not_asked_by_each_picture(queue, counted, product_of, committed):
    counted.script["each"] = PaymentRequiredError("no credits", sent="all")
    first, second = product_of(PHOTO), product_of(OTHER)
    committed(first, "photo")
    with pytest.raises(PaymentRequiredError):
        deferral.make(*queue[0])
    committed(second, "photo")
    assert (len(queue), len(counted.calls)) == (1, 1)


def test_a_budget_that_is_used_up_does_not_fill_the_queue(queue, site, product, committed):
    site(BUDGET={"hour": 0})
    committed(product, "photo")
    with pytest.raises(SpendingError):
        deferral.make(*queue[0])
    for _ in range(20):
        committed(product, "photo")
    assert len(queue) == 1


def test_an_object_or_file_that_is_gone_is_passed_over(queue, product, committed, ready):
    committed(product, "photo")
    product.photo.storage.delete(product.photo.name)
    assert deferral.make(*queue[0]) == "gone"
    product.photo = ""
    product.save()
    assert deferral.make(*queue[0]) == "gone"
    committed(product, "photo")
    product.delete()
    assert deferral.make(*queue[0]) == "gone"
    assert (len(queue), ready) == (1, [])


def test_a_file_that_is_no_picture_is_not_asked_for(queue, product_of, committed):
    committed(product_of(b"hello"), "photo")
    assert queue == []


def test_where_the_key_is_known_the_file_is_not_read(queue, product, committed):
    key = cutouts.key_for(PHOTO)
    product.photo.storage.delete(product.photo.name)
    committed(product, "photo", key=key)
    assert len(queue) == 1


def test_a_queue_that_is_down_fails_no_page_and_is_tried_again(
    site, counted, product, committed, caplog
):
    def refuse(*_):
        raise ConnectionRefusedError("no broker")

    site(DEFER=True, ENQUEUE=refuse)
    committed(product, "photo")
    assert "no broker" in caplog.text
    enqueued = []
    site(ENQUEUE=lambda *arguments: enqueued.append(arguments))
    committed(product, "photo")
    assert len(enqueued) == 1


def test_a_cache_that_is_down_fails_neither_a_page_nor_a_task(
    queue, settings, product, committed, caplog
):
    settings.CACHES = {"default": {"BACKEND": "django_site.test_nowhere.Cache"}}
    committed(product, "photo")
    assert "cannot be asked for" in caplog.text
    deferral._hold_back("a mark", 1)
    assert "cannot be noted" in caplog.text


def test_a_listener_that_fails_fails_no_task(queue, product, committed):
    def fail(**_):
        raise ZeroDivisionError

    cutout_ready.connect(fail)
    try:
        assert deferral.make("shop", "product", str(product.pk), "photo") == "done"
    finally:
        cutout_ready.disconnect(fail)


def test_mistakes_of_the_caller_are_told_at_once(queue, product):
    with pytest.raises(ValueError, match="must be saved"):
        deferral.request_cutout(Product(name="A"), "photo")
    with pytest.raises(ConfigurationError, match="There is no profile 'none'"):
        deferral.request_cutout(product, "photo", profile="none")


@pytest.fixture
def fresh_task(monkeypatch):
    """Has the module with the task be imported anew, and forgotten afterwards."""
    from rembg_plugins import django as package

    monkeypatch.delitem(sys.modules, "rembg_plugins.django.task", raising=False)
    monkeypatch.delattr(package, "task", raising=False)
    yield
    sys.modules.pop("rembg_plugins.django.task", None)
    vars(package).pop("task", None)


def test_without_any_tasks_that_is_said(site, counted, product, monkeypatch, fresh_task):
    for name in ("django.tasks", "django_tasks"):
        monkeypatch.setitem(sys.modules, name, None)
    site(DEFER=True)
    with pytest.raises(ConfigurationError, match="pip install django-tasks"):
        deferral.request_cutout(product, "photo")
    enqueued = []
    site(ENQUEUE=lambda *arguments: enqueued.append(arguments))
    deferral.request_cutout(product, "photo")  # a queue of the site's own needs neither


# Pitfall: the setting TASKS is shared by both; a site on Django 6 has workers for Django's own.
def test_tasks_of_django_itself_come_before_those_of_the_package(site, monkeypatch, fresh_task):
    own = SimpleNamespace(task=lambda **_: lambda function: f"Django's {function.__name__}")
    monkeypatch.setitem(sys.modules, "django.tasks", own)
    from rembg_plugins.django.task import make_cutout

    assert make_cutout == "Django's make_cutout"


@pytest.mark.parametrize(
    ("queues", "expected"),
    [(None, "default"), ([], "default"), (["low", "default"], "default"), (["low"], "low")],
)
def test_a_site_whose_queues_have_other_names_has_the_task_in_its_first(
    settings, site, product, fresh_task, queues, expected
):
    tasks = settings.TASKS["default"]
    settings.TASKS = {"default": tasks if queues is None else {**tasks, "QUEUES": queues}}
    from rembg_plugins.django.task import make_cutout

    assert make_cutout.queue_name == expected


def test_tasks_that_cannot_be_made_are_told_with_the_reason(settings, site, product, fresh_task):
    settings.TASKS = {"default": {"BACKEND": "nowhere.Backend"}}
    with pytest.raises(ConfigurationError, match="by the setting TASKS"):
        deferral.request_cutout(product, "photo")


def test_a_setting_that_is_no_function_is_refused(site):
    site(ENQUEUE="shop.nowhere.enqueue")
    with pytest.raises(ConfigurationError, match="ENQUEUE"):
        deferral.request_cutout(SimpleNamespace(pk=1, photo="a.jpg"), "photo")
    site(ENQUEUE=7)
    with pytest.raises(ConfigurationError, match="ENQUEUE"):
        deferral.request_cutout(SimpleNamespace(pk=1, photo="a.jpg"), "photo")
