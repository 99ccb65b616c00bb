"""Wagtail's dynamic serve view, whose answers are kept by nobody as long as there is no cut-out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from django.http import HttpResponse
from wagtail.images.views.serve import ServeView

from rembg_plugins.wagtail.meanwhile import Placeholder
from rembg_plugins.wagtail.specs import is_cut_out

if TYPE_CHECKING:
    from django.http import HttpRequest

_GONE = 410


class CutoutServeView(ServeView):
    """Goes where ``wagtail.images.views.serve.ServeView`` would.

    That one lets every answer be kept for an hour, also one that there is no picture, and the
    original that ``CutoutImageMixin`` shows meanwhile. A placeholder, which has neither a file nor
    an address to go to, it does not know at all.
    """

    def get(
        self,
        request: HttpRequest,
        signature: str,
        image_id: int,
        filter_spec: str,
        filename: str | None = None,
    ) -> HttpResponse:
        """The rendition, or what is shown meanwhile, which is not to be kept."""
        self.is_ready = True
        response: HttpResponse = super().get(request, signature, image_id, filter_spec, filename)
        if is_cut_out(filter_spec) and (not self.is_ready or response.status_code == _GONE):
            response["Cache-Control"] = "no-store"
        return response

    def serve(self, rendition: Any) -> HttpResponse:
        """Its file."""
        self._look_at(rendition)
        if isinstance(rendition, Placeholder):
            return _drawn(rendition)
        response: HttpResponse = super().serve(rendition)
        return response

    def redirect(self, rendition: Any) -> HttpResponse:
        """A redirect to its file; a placeholder has none, and is the answer itself."""
        self._look_at(rendition)
        if isinstance(rendition, Placeholder):
            return _drawn(rendition)
        response: HttpResponse = super().redirect(rendition)
        return response

    def _look_at(self, rendition: Any) -> None:
        self.is_ready = getattr(rendition, "rembg_state", "ready") == "ready"


def _drawn(placeholder: Placeholder) -> HttpResponse:
    """The SVG of its ``data:`` URL, with the headers that Wagtail gives files."""
    response = HttpResponse(unquote(placeholder.url.partition(",")[2]), "image/svg+xml")
    response["Content-Security-Policy"] = "default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    return response
