"""The one place that asks for a cut-out to be made in a task."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def request(image: Any) -> None:
    """Have the cut-out of a picture made by a worker, once the transaction is committed."""
    import_module("rembg_plugins.django.deferral").request_cutout(image, "file")
