"""One picture and what to make of it, checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rembg_plugins.core.options import Options

if TYPE_CHECKING:
    from rembg_plugins.core.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A checked request; only :func:`rembg_plugins.core.validation.validate` makes one.

    It holds no credentials: hooks see it.

    Attributes:
        source: The picture.
        options: What to make of it.
        accept_downscaled: Whether an answer that was shrunk to 460 × 460 px is welcome.
    """

    source: Source
    options: Options
    accept_downscaled: bool = False

    def full_size(self) -> Request:
        """The request for the plain cut-out: every option cleared, lossless."""
        return replace(self, options=Options(format="PNG"))
