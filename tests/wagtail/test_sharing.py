from __future__ import annotations

import threading

import pytest
from django.core.cache import caches
from django.core.management import call_command
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django_site.photographs import (
    encode,
    opened,
    photograph,
    rendered,
    unlike_inside,
    upload,
)
from PIL import Image
from wagtail.images import get_image_model
from wagtail.images.models import AbstractImage, Filter

from rembg_plugins.core.entry import Entry
from rembg_plugins.wagtail import mattes
from rembg_plugins.wagtail.approvals import is_approved
from rembg_plugins.wagtail.errors import PendingError
from rembg_plugins.wagtail.mattes import Memory

pytestmark = pytest.mark.django_db

SIX = "removebg format-{avif,webp,png} width-{60,90}"


# Pitfall: a plain filter gets the picture resized already: six paid calls, of six small pictures.
def test_six_renditions_of_a_picture_tag_are_one_call(counted):
    image = upload()
    html = rendered(f"{{% picture photo {SIX} %}}", photo=image)
    assert html.count("<source") == 2
    assert image.renditions.count() == 6
    assert len(counted.calls) == 1


def test_fourteen_renditions_and_an_equal_upload_are_one_call(counted):
    image = upload()
    for width in range(10, 150, 10):
        image.get_rendition(f"removebg|width-{width}")
    upload(name="again.jpg").get_rendition("removebg|width-90")
    assert len(counted.calls) == 1


def test_a_focal_point_that_is_moved_gives_another_crop_at_no_cost(counted):
    image = upload(encode(photograph(), "PNG"), "photo.png")
    place = {"focal_point_width": 20, "focal_point_height": 20}
    found = []
    for x in (40, 260):
        for name, value in {**place, "focal_point_x": x, "focal_point_y": 100}.items():
            setattr(image, name, value)
        image.save()
        cut = opened(image.get_rendition("removebg|fill-60x90-c60"))
        assert unlike_inside(cut, opened(image.get_rendition("fill-60x90-c60"))) == 0
        found.append(cut.tobytes())
    assert found[0] != found[1]
    assert len(counted.calls) == 1


# Pitfall: a command that makes all renditions anew would pay for all of them anew.
def test_renditions_that_are_updated_cost_nothing(counted, capsys):
    images = [upload(encode(photograph(seed=seed))) for seed in range(3)]
    for image in images:
        rendered(f"{{% picture photo {SIX} %}}", photo=image)
    mattes.memory.clear()
    call_command("wagtail_update_image_renditions")
    assert "Successfully processed 18" in capsys.readouterr().out
    assert len(counted.calls) == 3


@pytest.mark.parametrize("first", ["removebg|width-90", "width-90|removebg"])
def test_a_rendition_that_is_there_takes_the_queries_of_a_plain_one(counted, first):
    made, plain = upload(), upload(name="other.jpg")
    made.get_rendition(first)
    plain.get_rendition("width-90")
    counts = []
    for image, spec in ((made, first), (plain, "width-90")):
        caches["default"].clear()
        again = get_image_model().objects.get(pk=image.pk)
        with CaptureQueriesContext(connection) as queries:
            again.get_rendition(spec)
        counts.append(len(queries))
    assert counts == [1, 1]


def test_prefetched_cut_outs_take_no_query_each(counted):
    images = [upload(encode(photograph(seed=seed))) for seed in range(3)]
    for image in images:
        image.get_rendition("removebg|fill-50x50")
    caches["default"].clear()
    found = get_image_model().objects.prefetch_renditions("removebg|fill-50x50")
    with CaptureQueriesContext(connection) as queries:
        for image in found:
            rendered("{% image photo removebg fill-50x50 %}", photo=image)
    assert len(queries) == 2
    assert len(counted.calls) == 3


# Pitfall: Wagtail's threads share the handle of `image.file`; reads over it were cut short.
def test_the_shared_handle_of_the_picture_is_not_touched(counted):
    image = upload()
    with image.file.open("rb") as shared:
        shared.seek(5)
        mattes.source_of(image)
        assert shared.tell() == 5
        assert not shared.closed


# Pitfall: in Wagtail's threads a write waits for the request's lock, and reads see another state.
def test_the_call_is_made_and_written_down_in_the_thread_that_asks(counted):
    threads = []
    counted.script["each"] = lambda _request: threads.append(threading.current_thread())
    specs = [f"removebg|width-{width}" for width in (40, 50, 60)]
    image = upload()
    assert list(image.get_renditions(*specs)) == specs
    assert threads == [threading.current_thread()]


# Pitfall: where all were prefetched, operations are first made in the threads of the pool.
def test_prefetched_renditions_that_are_missing_are_one_call_too(counted):
    upload()
    image = get_image_model().objects.prefetch_renditions("removebg|width-40").get()
    image.get_renditions("removebg|width-40", "removebg|width-50", "width-50")
    assert len(counted.calls) == 1


# Pitfall: no end of a request closes the connections that such threads open.
@pytest.mark.django_db(transaction=True)
def test_a_thread_that_looks_for_an_approval_closes_the_connection_it_opened():
    image, closed = upload(), []

    def run():
        mine = connections["default"]
        close = mine.close
        mine.close = lambda: (closed.append(mine), close())
        is_approved(image)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    assert len(closed) == 1
    connections["default"].ensure_connection()
    is_approved(image)
    assert connections["default"].connection is not None


# Pitfall: a thread of a pool does not know whether it works for a preview.
@pytest.mark.django_db(transaction=True)
def test_without_foresight_the_threads_of_several_renditions_pay_for_nothing(counted, monkeypatch):
    monkeypatch.setattr(
        AbstractImage, "create_renditions", AbstractImage.create_renditions.__wrapped__
    )
    image, specs = upload(), [f"removebg|width-{width}" for width in (40, 50, 60)]
    with pytest.raises(PendingError):
        image.get_renditions(*specs)
    assert counted.calls == []
    image.get_rendition(specs[0])
    assert len(image.get_renditions(*specs)) == 3
    assert len(counted.calls) == 1


def test_a_filter_may_be_shared_by_pictures_and_threads(counted):
    shared = Filter(spec="removebg|width-60")
    images = [
        upload(encode(photograph(seed=seed, size=size)))
        for seed, size in ((1, (300, 200)), (2, (200, 300)))
    ]
    for image in images:
        image.get_rendition("removebg|width-30")
    sizes = {}

    def run(image):
        try:
            for _ in range(3):
                with Image.open(image.generate_rendition_file(shared)) as made:
                    sizes.setdefault(image.pk, set()).add(made.size)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(image,)) for image in images]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert sizes == {images[0].pk: {(60, 40)}, images[1].pk: {(60, 90)}}


def test_the_matte_is_decoded_once_for_many_renditions(counted, monkeypatch):
    image = upload()
    image.get_rendition("removebg|width-60")
    monkeypatch.setattr("rembg_plugins.django.store.unpack", None)  # would raise
    assert opened(image.get_rendition("removebg|width-61")).size[0] == 61


class Clock:
    time = 0.0

    def __call__(self):
        return self.time


def entry(pixels):
    return Entry(mask=Image.new("L", (pixels, 1)))


def test_the_memory_of_mattes_is_bounded_in_bytes_and_keeps_those_in_use():
    memory = Memory(max_bytes=100, now=Clock())
    for key in ("a", "b"):
        memory.put(key, entry(50))
    assert memory.get("a") is not None
    memory.put("c", entry(50))
    assert [memory.get(key) is not None for key in "abc"] == [True, False, True]
    memory.put("d", entry(101))
    assert [memory.get(key) is not None for key in "abcd"] == [False] * 4


def test_a_matte_that_another_process_made_anew_is_seen_soon():
    clock = Clock()
    memory = Memory(seconds=30, now=clock)
    memory.put("a", entry(5))
    clock.time = 29.9
    assert memory.get("a") is not None
    clock.time = 30
    assert memory.get("a") is None
