"""What became of a picture, and of the credit."""

from __future__ import annotations

import base64
import io
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rembg_plugins.core import messages
from rembg_plugins.core.atomic import write_atomically
from rembg_plugins.core.errors import NotAnImageError, ValidationError
from rembg_plugins.core.header import EXTENSIONS, SUFFIXES, read_header
from rembg_plugins.core.memory import decoding

if TYPE_CHECKING:
    import os

    from PIL import Image

    from rembg_plugins.core.errors import FieldError, Sent

Shown = Literal["cut-out", "mask", "picture"]
"""What the pixels are: with alpha where something was removed, a mask, or neither."""

_EMPTY_BELOW, _FULL_ABOVE = 0.001, 0.999  # coverage
_EMPTY = "Nothing was found to keep: the mask is empty."
_FULL = "Nothing was removed: the mask is full."
_ALPHA_MODES = ("RGBA", "LA", "PA")


class Result:
    """A cut-out, encoded, and what is known of its making; made by the two class methods.

    It pickles, as its bytes and facts.

    Attributes:
        format: ``PNG``, ``JPEG``, ``WEBP`` or ``BMP``; of an answer that cannot be used, what its
            signature proves, or an empty string.
        size: Width and height in px; (0, 0) where unknown.
        engine: The name of the engine that made it.
        sent: How much of the request's body left this machine.
        billed: Whether a credit was spent: True, False, or None where nobody can know.
        notes: Sentences on what a user should know of this result.
    """

    def __init__(
        self,
        *,
        content: bytes | None = None,
        image: Image.Image | None = None,
        format: str,
        size: tuple[int, int],
        engine: str,
        sent: Sent,
        billed: bool | None,
        coverage: float | None,
        notes: tuple[str, ...],
    ) -> None:
        """Keep the bytes or the picture; the other is made on first use."""
        self.format = format
        self.size = size
        self.engine = engine
        self.sent: Sent = sent
        self.billed = billed
        self.notes = notes
        self._content = content
        self._image = image
        self._mode = None if image is None else image.mode
        self._coverage = coverage
        self._shown: Shown = "picture"
        self._lock = threading.RLock()

    @classmethod
    def from_bytes(
        cls,
        content: bytes,
        *,
        engine: str,
        sent: Sent,
        billed: bool | None,
        coverage: float | None = None,
        notes: tuple[str, ...] = (),
    ) -> Result:
        """A result of encoded bytes, which are kept as they are; format and size are read of them.

        Nothing is decoded, and nothing is refused: an answer that is no picture has no format.
        """
        header = read_header(io.BytesIO(content))
        return cls(
            content=content,
            format=header.format if header else "",
            size=header.size if header else (0, 0),
            engine=engine,
            sent=sent,
            billed=billed,
            coverage=coverage,
            notes=notes,
        )

    @classmethod
    def from_image(
        cls,
        image: Image.Image,
        *,
        format: str,
        engine: str,
        sent: Sent,
        billed: bool | None,
        coverage: float | None,
        notes: tuple[str, ...] = (),
    ) -> Result:
        """A result of a picture, RGBA, RGB or L, that is encoded on first use, once.

        Args:
            image: Must not be changed afterwards.
            format: What to encode it as.
            engine: The name of the engine that made it.
            sent: How much of the request's body left this machine.
            billed: Whether a credit was spent.
            coverage: Share of the pixels that are opaque, 0 to 1, or None where unknown.
            notes: Sentences for the user.
        """
        return cls(
            image=image,
            format=format,
            size=image.size,
            engine=engine,
            sent=sent,
            billed=billed,
            coverage=coverage,
            notes=notes,
        )

    def __repr__(self) -> str:
        width, height = self.size
        return (
            f"<Result {self.format or 'of unknown format'} {width} x {height} px, "
            f"engine {self.engine!r}, sent {self.sent!r}, billed {self.billed}>"
        )

    def __getstate__(self) -> dict[str, Any]:
        state = {**vars(self), "_content": self.content, "_image": None}
        del state["_lock"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.RLock()

    @property
    def content(self) -> bytes:
        """The encoded picture: exactly the engine's bytes where nothing was made of them here."""
        with self._lock:
            if self._content is None:
                from rembg_plugins.core.encoding import encode  # noqa: PLC0415 - Pillow, lazily

                assert self._image is not None  # noqa: S101 - for the type checker
                self._content = encode(self._image, self.format)
            return self._content

    @property
    def is_encoded(self) -> bool:
        """Whether the bytes are there: received, or made already of a picture."""
        return self._content is not None

    @property
    def image(self) -> Image.Image:
        """The decoded picture; the same object each time, so copy it before you change it.

        Raises:
            NotAnImageError: The bytes cannot be decoded.
        """
        with self._lock:
            if self._image is None:
                with decoding(self.size):
                    self._image = self._decode()
            return self._image

    @property
    def mode(self) -> str:
        """The picture's mode as Pillow names it: RGBA, RGB or L, seldom another.

        Raises:
            NotAnImageError: The bytes cannot be decoded.
        """
        return self._mode or self.image.mode

    @property
    def coverage(self) -> float | None:
        """Share of the pixels that are opaque (alpha above 127), 0 to 1.

        None where nobody knows: there is no alpha (left), or the bytes cannot be decoded.
        """
        with self._lock:
            if self._coverage is None:
                self._coverage = self._count()
            return self._coverage

    @property
    def warnings(self) -> tuple[str, ...]:
        """The notes, and a sentence where the mask is empty or full: a cut-out that failed."""
        coverage = self.coverage
        if coverage is not None and coverage < _EMPTY_BELOW:
            return (*self.notes, _EMPTY)
        if coverage is not None and coverage > _FULL_ABOVE:
            return (*self.notes, _FULL)
        return self.notes

    @property
    def extension(self) -> str:
        """The usual file extension, with its dot: ``.png``."""
        return EXTENSIONS.get(self.format, ".bin")

    @property
    def media_type(self) -> str:
        """The true media type: ``image/png``."""
        known = self.format in messages.ALLOWED_FORMATS
        return f"image/{self.format.lower()}" if known else "application/octet-stream"

    def with_note(self, note: str) -> Result:
        """This result with one more sentence for the user; bytes and picture are shared."""
        return self._with(notes=(*self.notes, note))

    def showing(self, shown: Shown) -> Result:
        """This result, with what its pixels are: without that, ``coverage`` cannot always tell."""
        return self._with(_shown=shown)

    def data_url(self) -> str:
        """The bytes as ``data:image/png;base64,...``."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.content).decode('ascii')}"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the bytes to a file, whole or not at all.

        See :func:`rembg_plugins.core.atomic.write_atomically` on links and permissions.

        Args:
            path: Where to; an extension of another known format is refused.

        Returns:
            The path that was given.

        Raises:
            ValidationError: The name is one for another format; nothing was written.
            OSError: It could not be written; nothing is left of the attempt.
        """
        path = Path(path)
        expected = SUFFIXES.get(path.suffix.lower())
        if expected is not None and expected != self.format:
            raise ValidationError(errors=(self._mismatch(path, expected),))
        write_atomically(path, self.content)
        return path

    def _with(self, **changes: object) -> Result:
        other = Result.__new__(Result)
        with self._lock:
            vars(other).update(vars(self), **changes, _lock=threading.RLock())
        return other

    def _mismatch(self, path: Path, expected: str) -> FieldError:
        possible = expected in messages.ALLOWED_FORMATS
        message = messages.SUFFIX_MISMATCH if possible else messages.SUFFIX_FOREIGN
        return message.on(
            None,
            value=path.name,
            expected=expected,
            format=self.format or "of an unknown format",
            suggestion=path.with_suffix(self.extension).name,
        )

    def _decode(self) -> Image.Image:
        from rembg_plugins.core.preparation import decode  # noqa: PLC0415 - Pillow, lazily

        try:
            image = decode(io.BytesIO(self.content), self.format)
        except ValidationError as problem:
            message = f"The answer cannot be decoded: {problem}"
            raise NotAnImageError(
                message, sent=self.sent, billed=self.billed, result=self
            ) from problem
        # WebP has no grey pictures: a mask comes back as what it was before it was encoded.
        return image if self._mode in {None, image.mode} else image.convert(self._mode)

    def _count(self) -> float | None:
        from rembg_plugins.core.cutout import coverage_of  # noqa: PLC0415 - Pillow, lazily

        if self.format == "JPEG":  # which has no alpha: nothing to decode it for
            return None
        try:
            image = self.image
        except (NotAnImageError, MemoryError):
            return None
        if self._shown == "mask":
            return coverage_of(image.convert("L"))
        if image.mode in _ALPHA_MODES:
            return coverage_of(image.getchannel("A"))
        # An encoder drops alpha that is opaque everywhere: nothing was removed.
        return 1.0 if self._shown == "cut-out" else None
