"""A processor for django-imagekit that removes the background.

    card = ImageSpecField(
        source="photo", processors=[RemoveBackground(), ResizeToFit(400, 400)], format="PNG"
    )

Let ``IMAGEKIT_DEFAULT_CACHEFILE_BACKEND`` be ``"rembg_plugins.django.imagekit.RetryingBackend"``,
so that a picture that failed once is tried again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagekit.cachefiles.backends import CacheFileState, Simple

from rembg_plugins.core.options import form_fields
from rembg_plugins.django import cutouts
from rembg_plugins.django.settings import current

if TYPE_CHECKING:
    from imagekit.cachefiles import ImageCacheFile
    from PIL import Image

    from rembg_plugins.core.options import Options


class RemoveBackground:
    """Removes the background, by one call a picture for all specs; put it first.

    It pickles as its profile's name and options: a cached file gets another name, and is made
    anew, where the profile was changed, and otherwise never. No key and no engine is in it.

    Args:
        profile: Name in ``REMBG["PROFILES"]`` of what to make of the picture.
    """

    def __init__(self, profile: str | None = None) -> None:
        """Nothing is read yet."""
        self.profile = profile

    def __repr__(self) -> str:
        return f"RemoveBackground({self.profile!r})"

    def __getstate__(self) -> dict[str, object]:
        return {"profile": self.profile, "options": form_fields(self._options)}

    def __setstate__(self, state: dict[str, object]) -> None:
        profile = state["profile"]
        self.profile = None if profile is None else str(profile)

    def process(self, img: Image.Image) -> Image.Image:
        """Give the cut-out of a picture: RGBA; RGB or L where the profile makes it so.

        Raises:
            RembgError: As :func:`rembg_plugins.django.cutouts.remove`.
        """
        return cutouts.remove(img, self._options).image

    @property
    def _options(self) -> Options:
        return current().profile(self.profile)


class RetryingBackend(Simple):
    """The backend of django-imagekit that makes files at once, and again where one failed.

    The one it extends (6.1) notes that a file is being made, and keeps the note for ever where an
    error comes out of a processor: the file would not be made again before the cache is cleared.
    """

    def generate_now(self, file: ImageCacheFile, force: bool = False) -> None:  # noqa: FBT001, FBT002 - its own signature
        """Make a file, unless it is there; after an error, let it be made when next asked for.

        Raises:
            Exception: Whatever the processors raise.
        """
        try:
            super().generate_now(file, force=force)
        except BaseException:
            self.set_state(file, CacheFileState.DOES_NOT_EXIST)
            raise
