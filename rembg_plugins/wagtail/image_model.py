"""For image models of a site's own: stock tags that show the original meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rembg_plugins.wagtail.errors import CutoutError
from rembg_plugins.wagtail.meanwhile import all_meanwhile, meanwhile

if TYPE_CHECKING:
    from rembg_plugins.wagtail.meanwhile import Kind


class CutoutImageMixin:
    """Goes before ``AbstractImage``: ``class Photo(CutoutImageMixin, AbstractImage)``.

    It adds no field, so a model that gets it needs no migration. Where there is no cut-out yet,
    its renditions are those of the original, under no ``removebg`` spec, with ``rembg_state``
    ``"pending"`` or ``"failed"`` and a ``data-rembg`` attribute in their ``<img>``.

    Attributes:
        cutout_meanwhile: ``"original"``, or ``"placeholder"`` for a grey area, which has no file:
            of the dynamic serve views, only ``CutoutServeView`` can answer with one.
    """

    cutout_meanwhile: ClassVar[Kind] = "original"

    def get_rendition(self, filter: Any) -> Any:
        """As Wagtail's, or what is shown meanwhile."""
        try:
            return super().get_rendition(filter)  # type: ignore[misc]  # of the image model
        except CutoutError as problem:
            return meanwhile(self, _spec(filter), problem, kind=self.cutout_meanwhile)

    def get_renditions(self, *filters: Any) -> dict[str, Any]:
        """As Wagtail's, or what is shown meanwhile."""
        try:
            found: dict[str, Any] = super().get_renditions(*filters)  # type: ignore[misc]  # likewise
        except CutoutError as problem:
            specs = [_spec(one) for one in filters]
            return {**all_meanwhile(self, specs, problem, kind=self.cutout_meanwhile)}
        return found


def _spec(filter: Any) -> str:
    spec: str = filter if isinstance(filter, str) else filter.spec
    return spec
