"""Wagtail's dynamic serve view, whose answers are kept by nobody as long as there is no cut-out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wagtail.images.views.serve import ServeView

from rembg_plugins.wagtail.specs import is_cut_out

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

_GONE = 410


class CutoutServeView(ServeView):
    """Goes where ``wagtail.images.views.serve.ServeView`` would.

    That one lets every answer be kept for an hour, also one that there is no picture, and the
    original that ``CutoutImageMixin`` shows meanwhile.
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
        response: HttpResponse = super().serve(rendition)
        return response

    def redirect(self, rendition: Any) -> HttpResponse:
        """A redirect to its file."""
        self._look_at(rendition)
        response: HttpResponse = super().redirect(rendition)
        return response

    def _look_at(self, rendition: Any) -> None:
        self.is_ready = getattr(rendition, "rembg_state", "ready") == "ready"
