"""An engine for tests: a plain oval for a mask; no model, no network, at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from PIL import Image, ImageDraw

from rembg_plugins.core.hookspecs import hookimpl
from rembg_plugins.engines.masking import cut_out

if TYPE_CHECKING:
    from rembg_plugins.core.engine import OnProgress
    from rembg_plugins.core.plugins import Register
    from rembg_plugins.core.request import Request
    from rembg_plugins.core.result import Result


class OfflineEngine:
    """Cuts the oval out that touches the picture's four sides."""

    name = "offline"
    version = "1"
    native_options = False
    paid = False

    def run(
        self,
        request: Request,
        *,
        on_progress: OnProgress | None = None,
        sink: BinaryIO | None = None,
    ) -> Result:
        """Give the full-size cut-out: RGBA, PNG; inside the oval opaque, outside clear."""
        del on_progress
        return cut_out(request, _oval, engine=self.name, sink=sink)


def _oval(pixels: Image.Image) -> Image.Image:
    mask = Image.new("L", pixels.size, 0)
    ImageDraw.Draw(mask).ellipse((0, 0, mask.width - 1, mask.height - 1), fill=255)
    return mask


@hookimpl
def rembg_register_engines(register: Register) -> None:
    """Offer ``offline``."""
    register(
        "offline", lambda _configuration, _variant: OfflineEngine(), summary="For tests: an oval."
    )
