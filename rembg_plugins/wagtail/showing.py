"""Cut-outs for templates: what there is, or what is shown meanwhile."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from wagtail.images.models import Filter, SourceImageIOError
from wagtail.images.shortcuts import get_rendition_or_not_found, get_renditions_or_not_found

from rembg_plugins.wagtail import spending
from rembg_plugins.wagtail.errors import CutoutError
from rembg_plugins.wagtail.meanwhile import KINDS, all_meanwhile, meanwhile, nothing_meanwhile
from rembg_plugins.wagtail.specs import with_cutout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.http import HttpRequest

    from rembg_plugins.wagtail.meanwhile import Kind


def show(
    image: Any, spec: str, *, request: HttpRequest | None = None, kind: Kind | None = None
) -> Any:
    """The cut-out of a picture as a rendition, or what is shown meanwhile.

    What comes back has ``rembg_state``: ``"ready"``, ``"pending"`` or ``"failed"``.

    Args:
        image: Of a Wagtail image model.
        spec: As in ``width-400``; ``removebg`` is understood, ``removebg-PROFILE`` can be given.
        request: What the page answers; for a preview, nothing is spent.
        kind: What is shown meanwhile, the original or a placeholder; None for what the image model
            shows by itself (``cutout_meanwhile``), else the original.

    Raises:
        SourceImageIOError: The picture's own file cannot be read.
        InvalidFilterSpecError: The spec is wrong.
    """
    wanted = with_cutout(spec)
    try:
        with _rules_of(request), nothing_meanwhile():
            return _ready(image.get_rendition(wanted))
    except CutoutError as problem:
        return meanwhile(image, wanted, problem, kind=_kind(image, kind))


def show_all(
    image: Any,
    specs: Sequence[str],
    *,
    request: HttpRequest | None = None,
    kind: Kind | None = None,
) -> dict[str, Any]:
    """The same for several specs, by one call at most: the renditions by their specs."""
    wanted = [with_cutout(spec) for spec in specs]
    try:
        with _rules_of(request), nothing_meanwhile():
            found = image.get_renditions(*(Filter(spec=spec) for spec in wanted))
    except CutoutError as problem:
        return {**all_meanwhile(image, wanted, problem, kind=_kind(image, kind))}
    return {spec: _ready(rendition) for spec, rendition in found.items()}


class Drawn:
    """A rendition with attributes for its ``<img>``; all that the rendition is, as well."""

    def __init__(self, rendition: Any, attributes: dict[str, Any]) -> None:
        """Nothing is rendered yet."""
        self._rendition, self._attributes = rendition, attributes

    def __getattr__(self, name: str) -> Any:
        if name == "_rendition":  # not there yet, as in a copy that is being made
            raise AttributeError(name)
        return getattr(self._rendition, name)

    def __html__(self) -> str:
        tag: str = self._rendition.img_tag(self._attributes)
        return tag

    def __str__(self) -> str:
        return self.__html__()


def draw(image: Any, specs: Sequence[str], attributes: dict[str, Any], **how: Any) -> Any:
    """What a tag shows of a picture: with ``__html__()``, and all that a rendition has.

    Raises:
        InvalidFilterSpecError: The spec is wrong.
    """
    spec = "|".join(specs)
    try:
        return Drawn(show(image, spec, **how), attributes)
    except SourceImageIOError:
        return Drawn(get_rendition_or_not_found(image, spec), attributes)


def draw_all(responsive: Any) -> Callable[..., Any]:
    """The same for a set of renditions.

    Args:
        responsive: ``ResponsiveImage`` or ``Picture``.
    """

    def draw(image: Any, specs: Sequence[str], attributes: dict[str, Any], **how: Any) -> Any:
        expanded = Filter.expand_spec(specs)
        try:
            found = show_all(image, expanded, **how)
        except SourceImageIOError:
            found = get_renditions_or_not_found(image, expanded)
        drawn = responsive(found, attributes)
        drawn.rembg_state = getattr(drawn.renditions[0], "rembg_state", "failed")
        return drawn

    return draw


def _rules_of(request: HttpRequest | None) -> Any:
    return spending.forbidden() if getattr(request, "is_preview", False) else nullcontext()


def _kind(image: Any, kind: Kind | None) -> Kind:
    if kind is not None:
        return kind
    own: Kind = getattr(image, "cutout_meanwhile", KINDS[0])
    return own


def _ready(rendition: Any) -> Any:
    if not hasattr(rendition, "rembg_state"):  # of an image model that shows originals itself
        rendition.rembg_state = "ready"
    return rendition
