"""What is shown as long as there is no cut-out, and how it is marked."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from django.apps import apps
from django.core.exceptions import SuspiciousFileOperation
from django.forms.utils import flatatt
from django.utils.html import format_html
from wagtail.images.models import Filter
from wagtail.images.shortcuts import get_rendition_or_not_found, get_renditions_or_not_found

from rembg_plugins.wagtail.specs import is_cut_out, without_cutout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.utils.safestring import SafeString

    from rembg_plugins.wagtail.errors import CutoutError, State

Kind = Literal["original", "placeholder"]
KINDS: tuple[Kind, ...] = ("original", "placeholder")

MARK = "data-rembg"
"""The attribute of the ``<img>`` that says ``pending`` or ``failed``."""

_log = logging.getLogger(__name__)

_CANNOT_BE_SAVED = (OSError, SuspiciousFileOperation)
_PLACEHOLDER = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}">'
    '<rect width="100%" height="100%" fill="#8883"/></svg>'
)

_nothing: ContextVar[bool] = ContextVar("rembg_nothing_meanwhile", default=False)


@contextmanager
def nothing_meanwhile() -> Iterator[None]:
    """In the block, who asks for a cut-out gets it, or the error: nothing else will do."""
    token = _nothing.set(True)
    try:
        yield
    finally:
        _nothing.reset(token)


class Meanwhile:
    """A rendition in the place of a cut-out: all that it is, with a mark in its ``<img>``.

    Attributes:
        rembg_state: ``"pending"`` or ``"failed"``.
    """

    def __init__(self, rendition: Any, state: State) -> None:
        """Show a rendition."""
        self._rendition = rendition
        self.rembg_state = state

    def __getattr__(self, name: str) -> Any:
        if name == "_rendition":  # not there yet, as in a copy that is being made
            raise AttributeError(name)
        return getattr(self._rendition, name)

    @property
    def attrs_dict(self) -> dict[str, Any]:
        """The attributes for an ``<img>``."""
        return {**self._rendition.attrs_dict, MARK: self.rembg_state}

    @property
    def attrs(self) -> str:
        """The same as HTML."""
        return flatatt(self.attrs_dict)

    def img_tag(self, extra_attributes: dict[str, Any] | None = None) -> SafeString:
        """The ``<img>``."""
        always = getattr(apps.get_app_config("wagtailimages"), "default_attrs", {})
        attributes = {**self.attrs_dict, **always, **(extra_attributes or {})}
        return format_html("<img{}>", flatatt(attributes))

    def __html__(self) -> SafeString:
        return self.img_tag()

    def __str__(self) -> str:
        return self.img_tag()


class Placeholder(Meanwhile):
    """A grey area of the cut-out's size; nothing is decoded or saved for it."""

    @property
    def url(self) -> str:
        """The picture itself, as a ``data:`` URL."""
        drawn = _PLACEHOLDER.format(self._rendition.width, self._rendition.height)
        return f"data:image/svg+xml,{quote(drawn)}"

    full_url = url

    @property
    def attrs_dict(self) -> dict[str, Any]:
        """The attributes for an ``<img>``."""
        shown = self._rendition
        own = {"src": self.url, "width": shown.width, "height": shown.height, "alt": shown.alt}
        return {**own, MARK: self.rembg_state}


def meanwhile(image: Any, spec: str, problem: CutoutError, *, kind: Kind) -> Meanwhile:
    """What is shown in the place of one cut-out.

    Raises:
        CutoutError: Nothing may be shown in its place.
    """
    if _nothing.get():
        raise problem
    if kind == "original":
        try:
            shown = get_rendition_or_not_found(image, without_cutout(spec))
        except _CANNOT_BE_SAVED:
            _log.exception("The original cannot be shown in the place of its cut-out")
        else:
            return Meanwhile(shown, problem.state)
    return _placeholder(image, spec, problem)


def all_meanwhile(
    image: Any, specs: Sequence[str], problem: CutoutError, *, kind: Kind
) -> dict[str, Any]:
    """The same for several, under the specs that were asked for; plain ones stay what they are.

    Wagtail's ``Picture`` tells formats apart by these keys.

    Raises:
        CutoutError: Nothing may be shown in their place.
    """
    if _nothing.get():
        raise problem
    waiting = {spec for spec in specs if is_cut_out(spec)}
    drawn = waiting if kind == "placeholder" else set()  # nothing is decoded or saved for these
    plain = {spec: without_cutout(spec) for spec in specs if spec not in drawn}
    try:
        found = get_renditions_or_not_found(image, list(dict.fromkeys(plain.values())))
    except _CANNOT_BE_SAVED:
        _log.exception("The original cannot be shown in the place of its cut-outs")
        drawn = set(specs)

    def shown(spec: str) -> Any:
        if spec in drawn:
            return _placeholder(image, spec, problem)
        rendition = found[_key(image, plain[spec])]
        return Meanwhile(rendition, problem.state) if spec in waiting else rendition

    return {spec: shown(spec) for spec in specs}


def _key(image: Any, spec: str) -> str:
    key: str = image.clean_filter_for_svg(Filter(spec=spec)).spec
    return key


def _placeholder(image: Any, spec: str, problem: CutoutError) -> Placeholder:
    size = Filter(spec=without_cutout(spec)).get_transform(image).size
    width, height = (round(side) for side in size)
    model = image.get_rendition_model()
    return Placeholder(
        model(image=image, filter_spec=spec, width=width, height=height), problem.state
    )
