"""``cutout()``, ``cutout_srcset()`` and ``cutout_picture()`` for Jinja."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.template import TemplateSyntaxError
from jinja2 import pass_context
from jinja2.ext import Extension
from wagtail.images.models import Filter, Picture, ResponsiveImage

from rembg_plugins.wagtail.meanwhile import KINDS
from rembg_plugins.wagtail.showing import draw, draw_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Environment
    from jinja2.runtime import Context


class CutoutsExtension(Extension):
    """Add ``"rembg_plugins.wagtail.jinja2tags.cutouts"`` to the ``extensions`` of Jinja."""

    def __init__(self, environment: Environment) -> None:
        """Offer the functions to templates."""
        super().__init__(environment)
        environment.globals.update(
            cutout=_function(draw, several=False),
            cutout_srcset=_function(draw_all(ResponsiveImage), several=True),
            cutout_picture=_function(draw_all(Picture), several=True),
        )


cutouts = CutoutsExtension  # the name is nicer to write into settings


def _function(draw: Callable[..., Any], *, several: bool) -> Callable[..., Any]:
    pattern = Filter.pipe_expanding_spec_pattern if several else Filter.pipe_spec_pattern

    @pass_context
    def cutout(
        context: Context, image: Any, spec: str, meanwhile: str | None = None, **attributes: Any
    ) -> Any:
        if not image:
            return ""
        if not pattern.match(spec):
            message = f"A spec has letters, digits, dots, hyphens, underscores, pipes, got: {spec}"
            raise TemplateSyntaxError(message)
        if meanwhile is not None and meanwhile not in KINDS:
            message = f"meanwhile must be one of {', '.join(KINDS)}, got: {meanwhile!r}"
            raise TemplateSyntaxError(message)
        request = context.get("request")
        return draw(image, spec.split("|"), attributes, request=request, kind=meanwhile)

    return cutout
