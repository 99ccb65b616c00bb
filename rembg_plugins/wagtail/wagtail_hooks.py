"""Where Wagtail finds the parts of this app."""

from __future__ import annotations

from wagtail.hooks import register

from rembg_plugins.wagtail.look import NAME
from rembg_plugins.wagtail.operation import RemoveBackground


def _operations() -> list[tuple[str, type[RemoveBackground]]]:
    return [(NAME, RemoveBackground)]


register("register_image_operations", _operations)
