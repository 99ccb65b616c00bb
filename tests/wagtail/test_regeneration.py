from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from django.core.management import call_command
from django_site.photographs import encode, opened, photograph, rendered, upload
from wagtail.images.management.commands.wagtail_update_image_renditions import Command
from wagtail.images.models import Rendition

from rembg_plugins.django import cutouts
from rembg_plugins.wagtail import mattes, regeneration

# Wagtail's command works in a transaction for each rendition, and files go after it.
pytestmark = pytest.mark.django_db(transaction=True)

COMMAND = "wagtail_update_image_renditions"
CUT, PLAIN = "removebg|width-60", "width-60"


@pytest.fixture
def images(counted):
    """Two pictures, each shown cut out and plain."""
    made = [upload(encode(photograph(seed=seed)), f"{seed}.jpg") for seed in (1, 2)]
    for image in made:
        image.get_renditions(CUT, PLAIN)
    assert len(counted.calls) == 2
    return made


def lose_the_store(site, counted):
    shutil.rmtree(cutouts.store().storage.location)


def change_the_engine(site, counted):
    counted.version = "of another make"
    site()


def without_a_worker_for_them(site, counted):
    lose_the_store(site, counted)
    tasks = []
    site(DEFER=True, ENQUEUE=lambda *task: tasks.append(task) or 1 / 0)


def update(command=COMMAND):
    """What the command prints, and where it complains."""
    mattes.memory.clear()
    told, complained = io.StringIO(), io.StringIO()
    call_command(command, stdout=told, stderr=complained)
    return told.getvalue(), complained.getvalue()


# Pitfall: a command that is run after an update of Wagtail would pay for the whole library.
@pytest.mark.parametrize("happens", [lose_the_store, change_the_engine, without_a_worker_for_them])
def test_what_cannot_be_made_at_no_cost_stays_and_pages_show_it(images, site, counted, happens):
    before = {one.pk: opened(one).tobytes() for one in Rendition.objects.filter(filter_spec=CUT)}
    happens(site, counted)
    told, complained = update()
    assert len(counted.calls) == 2
    assert "Successfully processed 2 rendition(s)" in told  # the plain ones
    assert "2 rendition(s) of cut-outs were left as they are" in told
    assert {f"Failed to operate on rendition {pk}" for pk in before} == set(complained.splitlines())
    after = {one.pk: opened(one).tobytes() for one in Rendition.objects.filter(filter_spec=CUT)}
    assert after == before
    for image in images:
        html = rendered("{% cutout photo width-60 %}{% image photo width-60 %}", photo=image)
        assert "removebg.width-60" in html
        assert "data-rembg" not in html
    assert len(counted.calls) == 2


def test_afterwards_a_page_that_wants_another_size_pays_for_it(images, site, counted):
    lose_the_store(site, counted)
    update()
    images[0].get_rendition("removebg|width-61")
    assert len(counted.calls) == 3


def test_what_the_store_has_is_made_anew_and_nothing_is_told_of_it(images, counted):
    old = {one.pk for one in Rendition.objects.all()}
    told, complained = update()
    assert "Successfully processed 4 rendition(s)" in told
    assert ("left as they are" in told, complained) == (False, "")
    assert old.isdisjoint(one.pk for one in Rendition.objects.all())
    assert len(counted.calls) == 2


def test_what_is_purged_is_gone(images, site, counted):
    call_command(COMMAND, "--purge-only", stdout=io.StringIO())
    assert not Rendition.objects.exists()
    assert not list(Path(images[0].file.storage.location).rglob("*.png"))


def test_a_command_that_a_site_made_of_it_costs_nothing_either(images, site, counted):
    class Own(Command):
        """As a site's own command."""

        def handle(self, *args, **options):
            super().handle(*args, **options)

    lose_the_store(site, counted)
    update(Own())
    assert len(counted.calls) == 2


def test_it_is_installed_once():
    handle = Command.handle
    regeneration.install()
    assert Command.handle is handle
