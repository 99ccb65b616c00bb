"""A process of a site that shows its pictures by the hosted API: one task a line of JSON.

``{"make": 20}`` makes the database and pictures; ``{"specs": [...]}`` makes these renditions of
all of them. It is started with ``DEMO_DATA``, ``REMBG_API_URL`` and ``REMBG_API_KEY``.
"""

from __future__ import annotations

import json
import sys

import wagtail_site
from django.conf import settings
from wagtail.images import get_image_model

_SIZE = (320, 240)


def main() -> None:
    """Work until there are no more tasks."""
    settings.REMBG = {"ENGINE": "api", "LOCK_WAIT": 120}
    print(json.dumps({}), flush=True)
    for line in sys.stdin:
        task = json.loads(line)
        answer = _make(task["make"]) if "make" in task else _view(task["specs"])
        print(json.dumps(answer), flush=True)


def _make(count: int) -> dict[str, int]:
    wagtail_site.make_database()
    for number in range(count):
        wagtail_site.add(wagtail_site.photo(number, _SIZE), f"{number}.jpg")
    return {"made": count}


def _view(specs: list[str]) -> dict[str, int]:
    renditions = 0
    for image in get_image_model().objects.order_by("pk"):
        renditions += len(image.get_renditions(*specs))
    return {"renditions": renditions}


if __name__ == "__main__":
    main()
