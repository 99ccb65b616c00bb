from __future__ import annotations

import pytest
from django.urls import reverse
from django_site.photographs import encode, photograph, rendered, upload

from rembg_plugins.django import deferral
from rembg_plugins.wagtail.bulk_action import RemoveBackgroundAction

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = (
    "{% cutout photo width-60 %}{% image photo removebg width-60 %}"
    "{% cutout_picture photo width-{40,50} %}"
)
BULK = ("wagtailimages", "image", "rembg_remove_background")


@pytest.fixture
def asked(site, counted):
    """What was handed to the site's queue, with deferral on."""
    tasks = []
    site(DEFER=True, ENQUEUE=lambda *task: tasks.append(task))
    return tasks


def test_however_often_a_page_is_viewed_one_task_makes_the_cut_out_of_all_its_tags(asked, counted):
    image = upload()
    for _ in range(3):
        page = rendered(PAGE, photo=image)
    assert 'data-rembg="pending"' in page
    assert asked == [("wagtailimages", "image", str(image.pk), "file", "")]
    assert counted.calls == []
    assert deferral.make(*asked[0]) == "done"
    page = rendered(PAGE, photo=image)
    assert "pending" not in page
    assert "removebg" in page
    assert len(counted.calls) == 1


def test_the_bulk_action_asks_for_tasks(asked, admin_client):
    image = upload()
    admin_client.post(f"{reverse('wagtail_bulk_action', args=BULK)}?id={image.pk}")
    assert [task[2] for task in asked] == [str(image.pk)]


def remove_backgrounds(client, images):
    """What the editor is told."""
    chosen = "&".join(f"id={image.pk}" for image in images)
    address = f"{reverse('wagtail_bulk_action', args=BULK)}?{chosen}"
    answer = client.post(f"{address}&next={reverse('wagtailimages:index')}", follow=True)
    assert answer.redirect_chain[-1][1] == 302
    return [str(message).strip() for message in answer.context["messages"]]


class Clock:
    time = 0.0

    def __call__(self):
        return self.time


@pytest.fixture
def clock(monkeypatch):
    """That of the bulk action."""
    made = Clock()
    monkeypatch.setattr(RemoveBackgroundAction, "clock", made)
    return made


def test_the_bulk_action_makes_them_itself_where_tasks_run_at_once(counted, admin_client):
    told = remove_backgrounds(admin_client, [upload()])
    assert told == ["The background of 1 image is being removed."]
    assert len(counted.calls) == 1


# Pitfall: minutes of calls in one request, which the web server ends after 30 s.
@pytest.mark.parametrize("auto", [True, False, lambda _image: False], ids=["all", "none", "own"])
def test_the_bulk_action_leaves_to_the_pages_what_takes_it_too_long(
    counted, site, admin_client, client, clock, auto
):
    def slow(_request):
        clock.time += 4

    site(AUTO=auto)
    counted.script["each"] = slow
    images = [upload(encode(photograph(seed=seed)), f"{seed}.jpg") for seed in range(1, 6)]
    told = remove_backgrounds(admin_client, images)
    assert len(counted.calls) == 3  # of 4 s each, until 10 s have passed
    assert told[0] == "The backgrounds of 3 images are being removed."
    assert told[1].startswith("2 more images are approved: ")
    assert "removebg" in rendered("{% cutout photo width-40 %}", photo=images[4])
    assert len(counted.calls) == 4
    told = remove_backgrounds(admin_client, images)
    assert told == ["The backgrounds of 5 images are being removed."]
    assert len(counted.calls) == 5


def test_a_queue_that_is_slow_keeps_no_editor_waiting_either(
    asked, site, admin_client, clock, counted
):
    def enqueue(*task):
        clock.time += 6
        asked.append(task)

    site(ENQUEUE=enqueue)
    images = [upload(encode(photograph(seed=seed)), f"{seed}.jpg") for seed in range(1, 4)]
    assert remove_backgrounds(admin_client, images)[1].startswith("1 more image is approved: ")
    assert len(asked) == 2
    assert counted.calls == []
