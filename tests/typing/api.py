"""Public types as a user's checker sees them; read by pyright, not run."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

from PIL import Image

from rembg_plugins import Options, ProgressEvent, Request, Result, Retry, remove, validate
from rembg_plugins.core.errors import FieldError, ValidationError
from rembg_plugins.pillow import RemoveBackground


def show(event: ProgressEvent) -> None:
    assert_type(event.loaded, int)
    assert_type(event.progress, float | None)


result = remove("cat.jpg", format="PNG", on_progress=show, retry=Retry(in_doubt=False))
assert_type(result, Result)
assert_type(result.content, bytes)
assert_type(result.size, tuple[int, int])
assert_type(result.coverage, float | None)
assert_type(result.billed, bool | None)
assert_type(result.image, Image.Image)
assert_type(result.save("cat.png"), Path)
assert_type(result.data_url(), str)
assert_type(validate(b"...", Options(w=3, angle=1.5, bg_color="red")), Request)
assert_type(RemoveBackground(w=3).apply(Image.new("RGB", (1, 1))), Image.Image)
try:
    Options(format="PNG")
except ValidationError as error:
    assert_type(error.errors, tuple[FieldError, ...])
