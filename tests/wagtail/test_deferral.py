from __future__ import annotations

import pytest
from django.urls import reverse
from django_site.photographs import rendered, upload

from rembg_plugins.django import deferral

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


def test_the_bulk_action_makes_them_itself_where_tasks_run_at_once(counted, admin_client):
    image = upload()
    answer = admin_client.post(f"{reverse('wagtail_bulk_action', args=BULK)}?id={image.pk}")
    assert answer.status_code == 302
    assert len(counted.calls) == 1
