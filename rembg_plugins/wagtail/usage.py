"""Where a site's templates and rich text ask for cut-outs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from django.utils.text import smart_split
from wagtail.images import get_image_model
from wagtail.images.formats import get_image_formats

from rembg_plugins.django.template_files import templates_with
from rembg_plugins.wagtail.formats import CutoutFormat
from rembg_plugins.wagtail.image_model import CutoutImageMixin
from rembg_plugins.wagtail.specs import is_cut_out, with_cutout

if TYPE_CHECKING:
    from collections.abc import Iterator

_INSTEAD = {
    "image": "cutout",
    "srcset_image": "cutout_srcset",
    "picture": "cutout_picture",
}
_NAMES = "|".join((*_INSTEAD, *_INSTEAD.values()))
_DJANGO = re.compile(rf"{{%-?\s*({_NAMES})\s+(\S+)\s+(.*?)%}}", re.DOTALL)
_JINJA = re.compile(rf"\b({_NAMES})\(\s*([^,()]+),\s*[\"']([^\"']+)[\"']")
# Each with its own comments: those of Jinja span lines, and Django knows none that do, so that CSS
# as in `#nav{#…` begins none there.
_BLOCK = r"{%[-+]?\s*(comment|verbatim|raw)\b.*?end\1\b.*?%}"
_NOT_DJANGO = re.compile(rf"{{#[^\n]*?#}}|{_BLOCK}", re.DOTALL)
_NOT_JINJA = re.compile(rf"{{#.*?#}}|{_BLOCK}", re.DOTALL)
_SPEC = re.compile(r"^[A-Za-z0-9_\-.{},]+$")  # as Wagtail's tags know words of a spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """A place that asks for a cut-out.

    Attributes:
        where: File and line, or the name of a format.
        tag: What asks, as in ``{% image %}``.
        spec: The whole spec; braces are not expanded.
        instead: What could show something meanwhile; None where this does already.
    """

    where: str
    tag: str
    spec: str
    instead: str | None


def in_templates() -> Iterator[Usage]:
    """In the templates of all engines; names that are only known at run time are not found."""
    for path, content in templates_with("removebg", "cutout"):
        yield from usages_in(content, str(path))


def usages_in(content: str, name: str) -> Iterator[Usage]:
    """In the text of one template."""
    for pattern, unseen, style in (
        (_DJANGO, _NOT_DJANGO, "{{% {} %}}"),
        (_JINJA, _NOT_JINJA, "{}()"),
    ):
        text = unseen.sub(lambda found: "\n" * found.group().count("\n"), content)
        for found in pattern.finditer(text):
            spec = _spec(found.group(3)) if pattern is _DJANGO else found.group(3)
            line = text.count("\n", 0, found.start()) + 1
            usage = _usage(found.group(1), spec, f"{name}:{line}", style)
            if usage is not None:
                yield usage


def in_formats() -> Iterator[Usage]:
    """In the formats of rich text."""
    for one in get_image_formats():
        if is_cut_out(one.filter_spec):
            waits = isinstance(one, CutoutFormat) or _shows_originals()
            yield Usage(
                where=f"Image format {one.name!r}",
                tag="it",
                spec=one.filter_spec,
                instead=None if waits else "rembg_plugins.wagtail.formats.CutoutFormat",
            )


def _usage(tag: str, spec: str, where: str, style: str) -> Usage | None:
    instead = _INSTEAD.get(tag)
    if instead is not None and not is_cut_out(spec):
        return None  # a plain rendition
    if instead is None:
        spec = with_cutout(spec)
    waits = instead is None or _shows_originals()
    shown = None if waits else style.format(instead)
    return Usage(where=where, tag=style.format(tag), spec=spec, instead=shown)


def _spec(words: str) -> str:
    """The spec in the words of a tag: without attributes, and the variable that gets it."""
    split = smart_split(words)  # as Django does: quoted text, as in sizes="…", is one word
    own = takewhile(lambda word: word != "as", split)
    return "|".join(word for word in own if "=" not in word and _SPEC.match(word))


def _shows_originals() -> bool:
    return issubclass(get_image_model(), CutoutImageMixin)
