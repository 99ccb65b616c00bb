"""What is wrong or doubtful in a spec of a cut-out, and what to write in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wagtail.images import get_image_model
from wagtail.images.exceptions import InvalidFilterSpecError
from wagtail.images.models import Filter

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.django.settings import current
from rembg_plugins.wagtail.look import MASK, NAME, options_of
from rembg_plugins.wagtail.specs import is_cut_out

if TYPE_CHECKING:
    from collections.abc import Iterator

_AROUND, _LEAST = 35, 14
"""Characters in the name of a rendition's file beside those of its spec.

At most: folder, a letter of the picture's name, 8 digits of a key, an extension and, where the
name is taken, 8 characters more. At least: the key and an extension, with their dots.
"""

_DIRECTIVE = "preserve-svg"  # which Wagtail takes out of a spec; it is no operation
_SHORTEN = "Leave out what is the default, or give the profile a shorter name."
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
    """What is wrong with each part of a spec, once, and a hint: no picture can be shown for it.

    Args:
        spec: As in a template: its parts between bars, braces not expanded.
    """
    try:
        expanded = list(_expanded(spec))
    except ValueError:
        yield (
            f"the braces of {spec} cannot be expanded",
            "Write one pair in an operation, as in width-{200,400}.",
        )
        return
    found: dict[str, str] = {}
    for parts in expanded:
        found.update(_in_whole(parts))
        for part in parts:
            found.update(_in_part(part))
    yield from found.items()


def advice_on(spec: str) -> Iterator[tuple[str, str]]:
    """What is doubtful in a spec, once, and a hint: a picture may be shown for it.

    Args:
        spec: As for :func:`in_spec`.
    """
    try:
        expanded = list(_expanded(spec))
    except ValueError:  # told as a mistake
        return
    found: dict[str, str] = {}
    for parts in expanded:
        if "format-gif" in parts and _is_transparent(parts):
            what = "format-gif has no transparency: the ground is black, or the old background"
            found[what] = f"Write format-webp, or lay a ground after {NAME}, as in bgcolor-ffffff."
        if _left_for(parts, _AROUND) < 0 <= _left_for(parts, _LEAST):
            found[f"{_size_of(parts)}; it may be too long to be saved"] = _SHORTEN
    yield from found.items()


def _expanded(spec: str) -> Iterator[list[str]]:
    """The parts of each spec that the braces stand for."""
    for one in Filter.expand_spec(spec):
        yield [part for part in one.split("|") if part != _DIRECTIVE]


def _in_whole(parts: list[str]) -> Iterator[tuple[str, str]]:
    ours = [part for part in parts if is_cut_out(part)]
    if len(ours) > 1:
        yield f"{' and '.join(ours)} stand in one spec", "Write one of them."
    if _left_for(parts, _LEAST) < 0:
        yield f"{_size_of(parts)}; it is too long to be saved", _SHORTEN


def _size_of(parts: list[str]) -> str:
    spec = "|".join(parts)
    return f"{spec} has {len(spec)} characters, of which the name of a file is made"


def _left_for(parts: list[str], others: int) -> int:
    """Characters that the name of a rendition's file has left, beside the spec and others."""
    most: int = get_image_model().get_rendition_model()._meta.get_field("file").max_length  # noqa: SLF001 - documented by Django as public
    return most - others - len("|".join(parts))


def _is_transparent(parts: list[str]) -> bool:
    """Whether nothing lays a ground; a color before the cut-out is cut away with the rest."""
    at = next((number for number, part in enumerate(parts) if is_cut_out(part)), len(parts))
    if at == len(parts) or any(part.startswith("bgcolor-") for part in parts[at:]):
        return False
    try:
        options = options_of(parts[at].partition("-")[2] or None)
    except (ConfigurationError, ValueError):  # told as a mistake, or by the check of the settings
        return False
    return not options.mask and options.bg_color is None


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
