"""The image operation ``removebg``."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.conf import settings
from wagtail.images.exceptions import InvalidFilterSpecError
from wagtail.images.image_operations import FilterOperation, TransformOperation
from wagtail.images.models import SourceImageIOError
from willow.plugins.pillow import PillowImage

from rembg_plugins.core.errors import ConfigurationError, CutoutPendingError, RembgError
from rembg_plugins.core.options import Options
from rembg_plugins.core.postprocess import postprocess
from rembg_plugins.core.result import Result
from rembg_plugins.wagtail import spending
from rembg_plugins.wagtail.composition import compose
from rembg_plugins.wagtail.errors import as_cutout_error
from rembg_plugins.wagtail.geometry import Track
from rembg_plugins.wagtail.look import format_of, options_of
from rembg_plugins.wagtail.mattes import matte_of, source_of

if TYPE_CHECKING:
    from PIL import Image

    from rembg_plugins.core.entry import Entry
    from rembg_plugins.core.source import Source

_WITH_ALPHA = ("png", "webp", "avif")

_log = logging.getLogger(__name__)


class RemoveBackground(TransformOperation, FilterOperation):
    """The cut-out of a picture, wherever it stands in the spec, with any other operations.

    Wagtail first runs all transforms of a spec, crops and resizes once, and then runs its
    filters. This is both: as a transform it follows the geometry, as a filter it applies it to
    the matte of the full-size picture, of which there is one for all renditions.
    """

    vary_fields = ("file",)  # a picture that code replaced has another name: another rendition

    def __init__(self, method: str, *args: str) -> None:
        """Read the argument: ``mask``, a profile's name, or nothing.

        It runs each time that a page shows a rendition which is there already, so it does only
        what is needed then. Wagtail would look up the signature of ``construct``, too: that took
        longer than all the rest of this.

        Raises:
            InvalidFilterSpecError: It is something else.
        """
        self.method, self.args = method, args
        try:
            self.construct(*args)
        except (TypeError, ValueError) as problem:
            raise InvalidFilterSpecError(str(problem)) from problem

    def construct(self, look: str | None = None) -> None:
        """Read the argument.

        Raises:
            ValueError: There is no such look of a cut-out.
        """
        self._unreadable: ConfigurationError | None = None
        try:
            self.options = options_of(look)
        except ConfigurationError as problem:  # no error of the spec: the page is shown without it
            self.options, self._unreadable = Options(), problem
        self._thread = threading.get_ident()
        # By the thread, since threads may share a filter; one thread makes one rendition at once.
        self._tracks: dict[int, Track] = {}
        self._made: dict[int, tuple[Any, Source, Entry]] = {}

    def run(self, first: Any, second: Any, env: dict[str, Any] | None = None) -> Any:
        """As a transform (``transform, image``), or as a filter (``willow, image, env``).

        Raises:
            CutoutError: There is no cut-out; no rendition is then saved.
        """
        if second.is_svg():
            return first
        if env is None:
            track = self._tracks[threading.get_ident()] = Track()
            return track.begin(first)
        cut = self._cut_out(first.get_pillow_image(), second)
        env.setdefault("output-format", self._output_format(env["original-format"]))
        return PillowImage(cut)

    def forget(self) -> None:
        """Drop what :meth:`make` has kept in this thread, if no rendition took it."""
        self._made.pop(threading.get_ident(), None)

    def make(self, image: Any) -> None:
        """See to it that there is a matte, for a rendition that is made next.

        Raises:
            CutoutError: There is none.
        """
        if not image.is_svg():
            made = self._guarded(lambda: self._matte(image, may_spend=spending.is_allowed_here()))
            self._made[threading.get_ident()] = (image, *made)

    def _cut_out(self, rendition: Image.Image, image: Any) -> Image.Image:
        placement = self._tracks.pop(threading.get_ident()).placement()

        def cut_out() -> Image.Image:
            # Threads of a pool know nothing of the request that they work for, so they do not
            # spend: make() has done so, in the request's own thread.
            is_here = self._thread == threading.get_ident()
            source, entry = self._take_made(image) or self._matte(
                image, may_spend=is_here and spending.is_allowed_here()
            )
            return _finished(compose(rendition, source, entry, placement), self.options)

        cut: Image.Image = self._guarded(cut_out)
        return cut

    def _matte(self, image: Any, *, may_spend: bool) -> tuple[Source, Entry]:
        if self._unreadable is not None:
            raise self._unreadable
        source = source_of(image)
        return source, matte_of(image, source, may_spend=may_spend)

    def _take_made(self, image: Any) -> tuple[Source, Entry] | None:
        """What :meth:`make` has found for the same picture, in the same thread; once."""
        made = self._made.pop(threading.get_ident(), None)
        return None if made is None or made[0] is not image else made[1:]

    def _guarded(self, step: Any) -> Any:
        try:
            return step()
        except SourceImageIOError:
            raise
        except RembgError as problem:
            is_pending = isinstance(problem, CutoutPendingError)
            _log.log(logging.INFO if is_pending else logging.WARNING, "No cut-out: %s", problem)
            raise as_cutout_error(problem) from problem
        except Exception as problem:  # whatever it is, a page is not to fail for it
            _log.exception("No cut-out")
            raise as_cutout_error(problem) from problem

    def _output_format(self, original: str) -> str:
        conversions = getattr(settings, "WAGTAILIMAGES_FORMAT_CONVERSIONS", {})
        converted: str = conversions.get(original, original)
        return format_of(self.options) or (converted if converted in _WITH_ALPHA else "png")


def _finished(cut: Image.Image, options: Options) -> Image.Image:
    """What the options make of a cut-out, its format aside, which is Wagtail's business."""
    made = Result.from_image(
        cut, format="PNG", engine="", sent="nothing", billed=False, coverage=None
    )
    finished = postprocess(made, replace(options, format="PNG")).image
    finished.info = dict(cut.info) if finished.mode != "L" else {}
    return finished
