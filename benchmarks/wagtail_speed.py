"""What cut-outs cost on a Wagtail page, against the same page with plain renditions.

The site is the demo's, on SQLite, in this process. Times are processor time, all threads, so that
other load weighs little. Paid calls are counted by the sandbox, in a process of its own.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import children
import measure
import pictures
import watching

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_THERE = 90  # pictures on a page whose renditions are there
_NEW = 20  # pictures on a page that was never viewed
_NEW_SIZE = (1600, 1200)
_QUERIED = 50
_BOUGHT, _PROCESSES = 20, 4
_SIX = [
    f"removebg|format-{kind}|width-{width}" for kind in ("webp", "png") for width in (80, 160, 240)
]


def main() -> None:
    """Measure, print, and say by the exit code whether all was reached."""
    options = measure.parser(__doc__, runs=31)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.environ["DEMO_DATA"] = str(Path(name) / "site")
        pictures.make(Path(name), "local")
        import wagtail_site as site  # noqa: PLC0415 - starts Django in that folder

        site.make_database()
        rows = [
            *_there(site, arguments.runs),
            *_new_size(site, Path(name) / "coffee-12mp.jpg", arguments.runs),
            _queries(site),
            _deferred(site, arguments.runs),
            _calls(Path(name) / "bought"),
        ]
    measure.finish(rows, as_json=arguments.json)


def _there(site: Any, runs: int) -> list[measure.Row]:
    """A page whose renditions are there: in the cache that Wagtail looks into, or not."""
    photos = [site.add(site.photo(number, (64, 48)), f"{number}.jpg") for number in range(_THERE)]
    tags = ("removebg width-400", "width-400", "width-400 format-png")
    templates = [site.page(f"{{% image photo {tag} %}}") for tag in tags]

    def from_cache(template: Any) -> float:
        return _timed(lambda: template.render({"photos": photos}))

    def from_database(template: Any) -> float:
        site.forget()
        return from_cache(template)

    rows = []
    for where, turn in (("cache", from_cache), ("database", from_database)):
        for template in templates:  # so that all are there, and the cache has them
            from_cache(template)
        turns = [partial(turn, template) for template in templates]
        ours, plain, stock = measure.interleave(runs, *turns)
        what = f"`{{% image … removebg width-400 %}}`, rendition already there, by {where}"
        wagtail = "the same, `format-png` of Wagtail's own in the place of `removebg`"
        for name, times, at_most in ((what, ours, 1.05), (wagtail, stock, None)):
            row = measure.Row(
                what=name,
                against="without either",
                figures=measure.ratios(times, plain),
                at_most=at_most,
                absolute=_both(times, plain, _THERE),
            )
            rows.append(row)
    return rows


def _new_size(site: Any, path: Path, runs: int) -> list[measure.Row]:
    """A rendition of 400 px of a picture of 12 MP whose cut-out is in the store."""
    image = site.add(path.read_bytes(), "large.jpg")
    image.get_rendition("removebg|width-320")

    def make(spec: str, *, forget: bool = True) -> float:
        if forget:
            site.forget(renditions=[image])
        else:
            image.renditions.all().delete()
        return _timed(lambda: image.get_rendition(spec))

    ours, theirs, again = measure.interleave(
        runs,
        lambda: make("removebg|width-400"),
        lambda: make("width-400|format-png"),
        lambda: make("removebg|width-400", forget=make("removebg|width-401") < 0),
    )
    against = "a plain one, as PNG"
    return [
        measure.Row(
            what="new 400 px size of a 12 MP picture already cut",
            against=against,
            figures=measure.ratios(ours, theirs),
            at_most=2,
            absolute=_both(ours, theirs, 1),
        ),
        measure.Row(
            what="the same, a moment after another size",
            against=against,
            figures=measure.ratios(again, theirs),
            absolute=_both(again, theirs, 1),
        ),
    ]


def _queries(site: Any) -> measure.Row:
    """Queries of a page whose pictures come with their renditions."""
    from django.db import connection  # noqa: PLC0415 - needs the settings
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415 - likewise
    from wagtail.images import get_image_model  # noqa: PLC0415 - likewise

    def count(spec: str) -> int:
        template = site.page(f"{{% image photo {spec.replace('|', ' ')} %}}")
        template.render({"photos": get_image_model().objects.order_by("pk")[:_QUERIED]})
        site.forget()
        found = get_image_model().objects.order_by("pk").prefetch_renditions(spec)
        with CaptureQueriesContext(connection) as queries:
            template.render({"photos": found[:_QUERIED]})
        return len(queries)

    ours, theirs = count("removebg|width-50"), count("width-50")
    return measure.Row(
        what=f"queries of a page of {_QUERIED} cut-outs, prefetched",
        against="the same plain",
        figures=measure.ratios([ours], [theirs]),
        at_most=1,
        absolute=f"{ours} : {theirs}",
    )


def _deferred(site: Any, runs: int) -> measure.Row:
    """The first view of pictures that are new, whose cut-outs a worker is to make."""
    from django.test.utils import override_settings  # noqa: PLC0415 - needs the settings

    photos = [site.add(site.photo(number, _NEW_SIZE), f"n{number}.jpg") for number in range(_NEW)]
    cut, plain = site.page("{% cutout photo width-400 %}"), site.page("{% image photo width-400 %}")

    def view(template: Any) -> float:
        site.forget(renditions=photos)
        return _timed(lambda: template.render({"photos": photos}))

    with override_settings(REMBG={"ENGINE": "local", "DEFER": True}):
        assert cut.render({"photos": photos}).count('"pending"') == _NEW  # noqa: S101 - or else nothing is deferred
        ours, theirs = measure.interleave(runs, lambda: view(cut), lambda: view(plain))
    return measure.Row(
        what=f"first view of {_NEW} new pictures of 2 MP, deferred",
        against="plain renditions",
        figures=measure.ratios(ours, theirs),
        at_most=1.15,
        absolute=_both(ours, theirs, 1),
    )


def _calls(folder: Path) -> measure.Row:
    """What several processes pay for that begin to show the same pictures at once."""
    with watching.sandbox() as sandbox, ExitStack() as stack:
        env = children.environment(
            DEMO_DATA=str(folder),
            REMBG_API_URL=f"{sandbox.url}/rmbg",
            REMBG_API_KEY=watching.KEY,
            PYTHONPATH=os.environ.get("PYTHONPATH", ""),
        )
        command = [sys.executable, str(children.HERE / "wagtail_views.py")]
        workers = [children.Worker(command, env=env, cwd=folder.parent)]
        workers[0].ask(make=_BOUGHT)
        workers += [
            children.Worker(command, env=env, cwd=folder.parent) for _ in range(_PROCESSES - 1)
        ]
        for worker in workers:
            stack.enter_context(closing(worker))
        with ThreadPoolExecutor(_PROCESSES) as pool:
            answers = list(pool.map(lambda worker: worker.ask(specs=_SIX), workers))
        billed, calls = sum(sandbox.bills.values()), len(sandbox.calls)
    shown = [answer["renditions"] for answer in answers]
    assert shown == [_BOUGHT * len(_SIX)] * _PROCESSES  # noqa: S101 - else it was no success
    return measure.Row(
        what=f"paid calls: {_BOUGHT} pictures × {len(_SIX)} sizes × {_PROCESSES} processes at once",
        against="pictures",
        figures=measure.ratios([max(billed, calls)], [_BOUGHT]),
        at_most=1,
        absolute=f"{billed} : {_BOUGHT}",
    )


def _timed(step: Callable[[], object]) -> float:
    began = time.process_time()
    step()
    return time.process_time() - began


def _both(ours: Sequence[float], theirs: Sequence[float], each: int) -> str:
    return " : ".join(measure.middle(one, "ms", scale=1e3 / each) for one in (ours, theirs))


if __name__ == "__main__":
    main()
