"""``{% cutout %}``, ``{% cutout_srcset %}`` and ``{% cutout_picture %}``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.template import Library, Node, TemplateSyntaxError
from django.template.base import Token
from wagtail.images.models import Picture, ResponsiveImage
from wagtail.images.templatetags.wagtailimages_tags import image as parse_stock

from rembg_plugins.wagtail.meanwhile import KINDS
from rembg_plugins.wagtail.showing import draw, draw_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.template.base import FilterExpression, Parser
    from django.template.context import Context

register = Library()

_OPTION = "meanwhile="


class CutoutNode(Node):
    """A tag of Wagtail's whose renditions are cut-outs.

    Args:
        stock: The node that Wagtail made of the tag: it knows picture, spec and attributes.
        draw: Gives what is shown.
        kind: What is shown meanwhile; None for what the image model shows, else the original.
    """

    child_nodelists = ()

    def __init__(
        self, stock: Any, *, draw: Callable[..., Any], kind: FilterExpression | None
    ) -> None:
        """Nothing is looked up yet."""
        self.stock, self.draw, self.kind = stock, draw, kind

    def render(self, context: Context) -> str:
        """The HTML, or nothing where the cut-out goes into a variable."""
        image = self.stock.validate_image(context)
        if not image:
            return ""
        kind = None if self.kind is None else self.kind.resolve(context)
        if self.kind is not None and kind not in KINDS:
            message = f"{_OPTION}... must be one of {', '.join(KINDS)}, got: {kind!r}"
            raise TemplateSyntaxError(message)
        shown = self.draw(
            image,
            self.stock.filter_specs,
            {name: value.resolve(context) for name, value in self.stock.attrs.items()},
            request=context.get("request"),
            kind=kind,
        )
        if self.stock.output_var_name:
            context[self.stock.output_var_name] = shown
            return ""
        made: str = shown.__html__()
        return made


def _parser_of(stock_name: str, draw: Callable[..., Any]) -> Callable[..., CutoutNode]:
    def parse(parser: Parser, token: Token) -> CutoutNode:
        words = token.split_contents()[1:]
        own = [word for word in words if word.startswith(_OPTION)]
        rest = [word for word in words if not word.startswith(_OPTION)]
        kind = parser.compile_filter(own[-1].removeprefix(_OPTION)) if own else None
        contents = " ".join([stock_name, *rest])
        stock = parse_stock(parser, Token(token.token_type, contents, token.position, token.lineno))
        return CutoutNode(stock, draw=draw, kind=kind)

    return parse


register.tag("cutout", _parser_of("image", draw))
register.tag("cutout_srcset", _parser_of("srcset_image", draw_all(ResponsiveImage)))
register.tag("cutout_picture", _parser_of("picture", draw_all(Picture)))
