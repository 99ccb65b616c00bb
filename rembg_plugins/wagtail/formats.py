"""Formats of pictures in rich text that show the original meanwhile."""

from __future__ import annotations

from typing import Any

from django.utils.html import escape
from wagtail.images.formats import Format
from wagtail.images.models import SourceImageIOError

from rembg_plugins.wagtail.showing import show


class CutoutFormat(Format):
    """A format for ``register_image_format``, as in ``image_formats.py`` of an app.

    Its spec may leave ``removebg`` out. In the editor it shows what there is, and spends nothing.
    """

    def image_to_html(
        self, image: Any, alt_text: str, extra_attributes: dict[str, Any] | None = None
    ) -> str:
        """The ``<img>``."""
        attributes = {**(extra_attributes or {}), "alt": escape(alt_text)}
        if self.classname:
            attributes["class"] = escape(self.classname)
        try:
            made: str = show(image, self.filter_spec).img_tag(attributes)
        except SourceImageIOError:  # the picture's own file is gone: as Wagtail shows that
            made = super().image_to_html(image, alt_text, attributes)
        return made
