"""A Pillow filter that removes the background.

    from rembg_plugins.pillow import RemoveBackground

    cutout = image.filter(RemoveBackground(bg_color="white"))
    cutout = RemoveBackground(bg_color="white").apply(image)

``image.filter()`` hands a filter nothing but pixels and copies ``info`` afterwards: use it in a
chain of pixel operations. ``apply()`` is the full path: it sees the profile, the orientation and
the ``transparency`` of the picture, and gives a picture whose ``info`` is true.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageFilter

from rembg_plugins.core.assembly import remove
from rembg_plugins.core.options import Options, checked, merge_raw

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL._imaging import ImagingCore

    from rembg_plugins.core.result import Result

_KEPT = ("dpi",)


class RemoveBackground(ImageFilter.MultibandFilter):
    """Removes the background: any mode, (w, h) px -> RGBA, same size unless an option changes it.

    With ``mask`` the result is L; with a format that holds no alpha, or with an opaque
    ``bg_color``, RGB. Alpha that is already there is multiplied in. One engine call a picture.
    Instances pickle, hold no key, and may be used by several threads at once.

    Args:
        options: What to make of the picture; or single options as keywords, as in ``w=400``.
        engine: The engine's name; by default the hosted API where a key is configured, else the
            embedded engine.
        store: Where cut-outs are kept, as ``"file:FOLDER"``; ``REMBG_STORE`` by default.
        **changes: Single options; they win over ``options``.

    Raises:
        ValidationError: An option breaks a rule.
    """

    name = "RemoveBackground"

    def __init__(
        self,
        options: Options | Mapping[str, object] | None = None,
        *,
        engine: str | None = None,
        store: str | None = None,
        **changes: object,
    ) -> None:
        """Check the options; the engine is made on first use."""
        raw = merge_raw(options, changes)
        self.options = checked({**raw, "format": raw.get("format") or "PNG"})
        self.engine = engine
        self.store = store

    def __repr__(self) -> str:
        return f"RemoveBackground({self.options!r}, engine={self.engine!r}, store={self.store!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemoveBackground) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.options, self.engine, self.store))

    def filter(self, image: ImagingCore) -> ImagingCore:
        """Give the pixels of the cut-out; called by ``Image.filter()``.

        The orientation tag is not seen here, so the pixels stay as they lie, and the tag true.

        Raises:
            RembgError: As :func:`rembg_plugins.remove`.
        """
        # Pillow has no public way from its core image to an Image.
        pixels = Image.Image()._new(image)  # noqa: SLF001
        if pixels.mode == "P":  # transparency lies in the palette here, not in `info`
            pixels = pixels.convert("RGBA")
        cutout = self._remove(pixels).image
        cutout.load()
        return cutout.im

    def apply(self, image: Image.Image) -> Image.Image:
        """Give the cut-out of a picture, with all that its ``info`` says taken into account.

        The orientation is applied and its tag dropped, the colour profile kept where the mode
        allows, ``transparency`` of the source multiplied in and dropped, ``dpi`` kept.

        Raises:
            RembgError: As :func:`rembg_plugins.remove`.
            TypeError: It is given something else.
        """
        if not isinstance(image, Image.Image):
            message = f"apply() takes a PIL image, got: {type(image).__name__}; see remove()"
            raise TypeError(message)
        cutout = self._remove(image).image
        cutout.info.update({key: image.info[key] for key in _KEPT if key in image.info})
        return cutout

    def _remove(self, image: Image.Image) -> Result:
        return remove(image, self.options, engine=self.engine, store=self.store)
