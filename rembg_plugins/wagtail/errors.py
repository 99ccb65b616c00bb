"""What goes wrong with a cut-out, in the form that Wagtail's tags, fields and views know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import SuspiciousFileOperation
from wagtail.images.models import SourceImageIOError
from willow.image import UnrecognisedImageFormatError

from rembg_plugins.core.errors import CutoutPendingError, ValidationError

if TYPE_CHECKING:
    from typing import Literal

    State = Literal["ready", "pending", "failed"]

# No later view of the page can meet anything else: of the picture; of the name that the spec gives
# its file; of a format that Willow cannot write.
_FINAL = (ValidationError, SuspiciousFileOperation, UnrecognisedImageFormatError)


class CutoutError(SourceImageIOError):
    """There is no cut-out to show now; nothing may be saved as if it were one.

    Wagtail's own tags, API fields and views answer such an error with a broken image, a JSON
    error or a 410, and never with a 500.

    Attributes:
        state: ``"pending"`` where it may come by itself, or once a person approves it;
            ``"failed"`` where the picture cannot be cut out.
    """

    state: State = "failed"


class PendingError(CutoutError):
    """It is not there yet: not made, not approved, or could not be made for the time being."""

    state: State = "pending"


def as_cutout_error(problem: Exception) -> CutoutError:
    """The same problem as Wagtail can answer for it."""
    text = str(problem) or type(problem).__name__
    is_final = isinstance(problem, _FINAL) and not isinstance(problem, CutoutPendingError)
    return CutoutError(text) if is_final else PendingError(text)
