"""Which part of a picture a rendition shows, and in which size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wagtail.images.image_operations import ImageTransform

Box = tuple[int, int, int, int]
Size = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A rendition's geometry.

    Attributes:
        box: Left, upper, right and lower edge of the part that is shown, in px of the picture;
            it may lie beyond the picture's own edges, by rounding.
        size: What that part is resized to, in px.
    """

    box: Box
    size: Size

    def within(self, full: Size) -> Box:
        """The part that is shown, of a picture of a size in px."""
        left, top, right, bottom = self.box
        return max(0, left), max(0, top), min(right, full[0]), min(bottom, full[1])


class Track:
    """The last transform that was made of a first one; of one thread."""

    def __init__(self) -> None:
        """Nothing is followed yet."""
        self.last: ImageTransform | None = None

    def begin(self, transform: ImageTransform) -> ImageTransform:
        """The same transform, whose successors are followed."""
        return _Followed.after(transform, self)

    def placement(self) -> Placement:
        """Where the last transform has led; equal to what Wagtail crops and resizes by."""
        assert self.last is not None  # noqa: S101 - for the type checker: begin() was called
        return Placement(box=tuple(self.last.get_rect().round()), size=self.last.size)


class _Followed(ImageTransform):
    """A transform that tells a track of its successors: each of them begins as its clone."""

    track: Track

    @classmethod
    def after(cls, transform: ImageTransform, track: Track) -> _Followed:
        """A copy of a transform, which is the track's last from now on."""
        copy = cls(transform.size, transform.image_is_svg)
        copy.scale, copy.offset = transform.scale, transform.offset
        copy.track, track.last = track, copy
        return copy

    def clone(self) -> Any:
        return self.after(self, self.track)
