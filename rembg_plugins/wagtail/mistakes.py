"""What is wrong with a spec that asks for a cut-out, and what to write in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wagtail.images.exceptions import InvalidFilterSpecError
from wagtail.images.models import Filter

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.django.settings import current
from rembg_plugins.wagtail.look import MASK, NAME
from rembg_plugins.wagtail.specs import is_cut_out

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST = 65
"""Characters of a spec that fit into the name of a rendition's file, of which there are 100 at
most: folder, a letter of the picture's name, 8 digits of a key, an extension and, where the name is
taken, 8 characters more."""

_DIRECTIVE = "preserve-svg"  # which Wagtail takes out of a spec; it is no operation
_EXAMPLES = {
    "original": "original",
    "fill": "fill-400x300, or fill-400x300-c50",
    "min": "min-400x300",
    "max": "max-400x300",
    "width": "width-400",
    "height": "height-400",
    "scale": "scale-50",
    "jpegquality": "jpegquality-80",
    "webpquality": "webpquality-80",
    "avifquality": "avifquality-80",
    "format": "format-webp, or format-webp-lossless",
    "bgcolor": "bgcolor-ffffff; names of colors are not known there",
}
"""How the operations of Wagtail are written."""


def in_spec(spec: str) -> Iterator[tuple[str, str]]:
    """What is wrong with each part of a spec, once, and a hint.

    Args:
        spec: As in a template: its parts between bars, braces not expanded.
    """
    try:
        expanded = Filter.expand_spec(spec)
    except ValueError:
        yield (
            f"the braces of {spec} cannot be expanded",
            "Write one pair in an operation, as in width-{200,400}.",
        )
        return
    found: dict[str, str] = {}
    for one in expanded:
        parts = [part for part in one.split("|") if part != _DIRECTIVE]
        found.update(_in_whole("|".join(parts), parts))
        for part in parts:
            found.update(_in_part(part))
    yield from found.items()


def _in_whole(spec: str, parts: list[str]) -> Iterator[tuple[str, str]]:
    ours = [part for part in parts if is_cut_out(part)]
    if len(ours) > 1:
        yield f"{' and '.join(ours)} stand in one spec", "Write one of them."
    if ours and "format-gif" in parts:
        yield "format-gif has no soft edges: the ground is black", "Write format-webp, or none."
    if len(spec) > _LONGEST:
        size = f"{spec} has {len(spec)} characters, of which the name of a file is made"
        hint = "Leave out what is the default, or give the profile a shorter name."
        yield f"{size}: {_LONGEST} always fit", hint


def _in_part(part: str) -> Iterator[tuple[str, str]]:
    name, *arguments = part.split("-")
    if name == NAME and len(arguments) > 1:
        names = ", ".join(f"{NAME}-{one}" for one in (MASK, *_profiles()))
        yield (
            f"{part} has {len(arguments)} arguments, and {NAME} takes one",
            f"Write {NAME}, or one of: {names}.",
        )
        return
    try:
        Filter(spec=part).operations  # noqa: B018 - raises where it is wrong
    except (InvalidFilterSpecError, ValueError) as problem:
        yield f"{part}: {problem}", _hint(name, arguments)


def _hint(name: str, arguments: list[str]) -> str:
    if name != NAME:
        example = _EXAMPLES.get(name)
        known = f"{NAME}, {', '.join(_EXAMPLES)}, and those of your apps"
        return f"Operations: {known}." if example is None else f"Write it as in {example}."
    if set(arguments) & _profiles().keys():
        return (
            "Take w, h, exact_resize and angle out of the profile, and let its format be PNG, WEBP "
            "or JPEG; its size stands in the spec, as in width-400."
        )
    return f"Correct the name, or add it to REMBG['PROFILES']; {NAME}-{MASK} gives the mask."


def _profiles() -> dict[str, object]:
    try:
        return dict(current().profiles)
    except ConfigurationError:  # told by the check of the settings
        return {}
