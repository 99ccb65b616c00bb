"""The one place that asks for a cut-out to be made in a task."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def request(image: Any, key: str | None = None) -> None:
    """Have the cut-out of a picture made by a worker, once the transaction is committed.

    Args:
        image: The picture.
        key: That of its cut-out, where it is known: the picture is then not read for it.
    """
    import_module("rembg_plugins.django.deferral").request_cutout(image, "file", key=key)
