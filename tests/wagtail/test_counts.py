"""What of the benchmarks is a count: no clock decides these."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.cache import caches
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_site.photographs import encode, photograph, rendered, upload
from wagtail.images import get_image_model
from wagtail.images.models import Filter

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "wagtail_views.py"
PICTURES, PROCESSES = 20, 4
SIX = [f"removebg|format-{kind}|width-{width}" for kind in ("webp", "png") for width in (8, 16, 24)]


@pytest.mark.django_db
def test_a_page_of_fifty_cut_outs_takes_the_queries_of_a_plain_one(counted):
    for seed in range(50):
        upload(encode(photograph(size=(40, 30), seed=seed)))
    counts = []
    for spec in ("removebg|fill-20x20", "fill-20x20"):
        tag = f"{{% image photo {spec.replace('|', ' ')} %}}"
        page = f"{{% for photo in photos %}}{tag}{{% endfor %}}"
        rendered(page, photos=get_image_model().objects.all())
        caches["default"].clear()
        found = get_image_model().objects.prefetch_renditions(spec)
        with CaptureQueriesContext(connection) as queries:
            assert rendered(page, photos=found).count("<img") == 50
        counts.append(len(queries))
    assert counts == [2, 2]


# Pitfall: the picture is decoded first, and only then is it found out that there is no cut-out.
@pytest.mark.django_db
def test_a_first_view_of_a_pending_cut_out_makes_the_plain_renditions_and_no_other(
    worker, monkeypatch
):
    made, run = [], Filter.run

    def note(self, *args, **kwargs):
        made.append(self.spec)
        return run(self, *args, **kwargs)

    monkeypatch.setattr(Filter, "run", note)
    page = "{% cutout photo width-20 %}{% cutout_picture photo width-{16,24} %}"
    assert rendered(page, photo=upload()).count('data-rembg="pending"') == 2
    assert sorted(made) == ["width-16", "width-20", "width-24"]


class Site:
    """A process of a site on SQLite, which does one task a line."""

    def __init__(self, stack, env):
        command = [sys.executable, str(PROGRAM)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = stack.enter_context(subprocess.Popen(command, env=env, **pipes))
        self.heard()

    def heard(self):
        line = self.process.stdout.readline()
        assert line, "it ended; see its messages"
        return json.loads(line)

    def ask(self, **task):
        print(json.dumps(task), file=self.process.stdin, flush=True)
        return self.heard()


# Pitfall: what is looked for and then made, is made by each process: four calls, and one row.
def test_four_processes_that_show_twenty_pictures_in_six_sizes_pay_for_twenty(
    rembg_sandbox, tmp_path
):
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    env |= {"DEMO_DATA": str(tmp_path / "site"), **rembg_sandbox.environment}
    with contextlib.ExitStack() as stack:
        sites = [Site(stack, env)]
        sites[0].ask(make=PICTURES)
        sites += [Site(stack, env) for _ in range(PROCESSES - 1)]
        with ThreadPoolExecutor(PROCESSES) as pool:
            answers = list(pool.map(lambda site: site.ask(specs=SIX), sites))
    assert answers == [{"renditions": PICTURES * len(SIX)}] * PROCESSES
    assert len(rembg_sandbox.calls) == PICTURES
    assert sum(rembg_sandbox.billed.values()) == PICTURES
