"""The pictures that are measured with; the same bytes every time, made by a process of its own.

Photos come from ``docs/images``: enlarged, with grain, since a smooth enlargement would
compress far better than what a camera makes.
"""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

_IMAGES = Path(__file__).parent.parent / "docs" / "images"
_SEED = 20
_GRAIN = 6.0  # standard deviation, in levels of 0..255
_USUAL = 300_000  # bytes
_LARGE = 50_000_000  # bytes
_ANSWER = 200_000  # bytes
FORMATS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp", "BMP": "bmp"}


def make(folder: Path, topic: str) -> None:
    """Make one topic's pictures, in a child so that the caller's memory stays small."""
    subprocess.run([sys.executable, __file__, str(folder), topic], check=True)


def _photo(name: str, size: tuple[int, int]) -> Image.Image:
    import numpy as np  # noqa: PLC0415 - in the child only
    from PIL import Image, ImageOps  # noqa: PLC0415 - as above

    with Image.open(_IMAGES / name) as original:
        enlarged = ImageOps.fit(original.convert("RGB"), size, Image.Resampling.BICUBIC)
    pixels = np.asarray(enlarged, dtype=np.float32)
    noise = np.random.default_rng(_SEED).standard_normal(pixels.shape, dtype=np.float32)
    return Image.fromarray((pixels + noise * _GRAIN).clip(0, 255).astype(np.uint8))


def _noise(size: tuple[int, int]) -> Image.Image:
    import numpy as np  # noqa: PLC0415 - as above
    from PIL import Image  # noqa: PLC0415 - as above

    values = np.random.default_rng(_SEED).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(values)


def _local(folder: Path) -> None:
    for name in ("chelsea.png", "coffee.png", "rocket.jpg"):
        stem = name.split(".")[0]
        _photo(name, (4000, 3000)).save(folder / f"{stem}-12mp.jpg", quality=90)
        _photo(name, (640, 480)).save(folder / f"{stem}-vga.jpg", quality=90)


def _uploads(folder: Path) -> None:
    photo = _photo("coffee.png", (1280, 960))
    for quality in range(95, 10, -1):
        photo.save(folder / "small.jpg", quality=quality)
        if (folder / "small.jpg").stat().st_size <= _USUAL:
            break
    _answer(folder / "small-answer.png", photo.size)
    size = (4000, _LARGE // 12000)
    _noise(size).save(folder / "large.bmp")
    _answer(folder / "large-answer.png", size)


def _answer(path: Path, size: tuple[int, int]) -> None:
    """A valid PNG of a size in pixels, filled up to a length that answers have."""
    from PIL import Image  # noqa: PLC0415 - as above

    Image.new("RGBA", size).save(path, compress_level=9)
    data = path.read_bytes()
    path.write_bytes(_pad_png(data, _ANSWER))


def _validate(folder: Path) -> None:
    for format_, extension in FORMATS.items():
        _noise((18, 18)).save(folder / f"small.{extension}", format_, lossless=True)
    _noise((4080, 4080)).save(folder / "large.bmp")
    _noise((4080, 4080)).save(folder / "large.png", compress_level=0)
    _noise((3950, 3950)).save(folder / "large.jpg", quality=98, subsampling=0)
    _noise((2800, 2800)).save(folder / "large.webp", lossless=True, quality=0, method=0)
    _fill(folder)


def _fill(folder: Path) -> None:
    """Bring the large files to full length, each in the way that its format provides for."""
    png = folder / "large.png"
    png.write_bytes(_pad_png(png.read_bytes(), _LARGE))
    webp = folder / "large.webp"
    data = webp.read_bytes()
    data += struct.pack("<4sI", b"PADD", _LARGE - len(data) - 8) + bytes(_LARGE - len(data) - 8)
    webp.write_bytes(b"RIFF" + struct.pack("<I", len(data) - 8) + data[8:])
    for name in ("large.jpg", "large.bmp"):
        with (folder / name).open("ab") as file:
            file.truncate(_LARGE)
    small = (folder / "small.jpg").read_bytes()
    segment = b"\xff\xe5\xff\xff" + bytes(0xFFFD)
    late = small[:2] + segment * (_LARGE // len(segment)) + small[2:]
    (folder / "late.jpg").write_bytes(late)


def _pad_png(data: bytes, length: int) -> bytes:
    """The PNG with an ancillary chunk before its pixels that brings it to a length."""
    body = b"paDd" + bytes(max(0, length - len(data) - 12))
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:33] + chunk + data[33:]


if __name__ == "__main__":
    {"local": _local, "uploads": _uploads, "validate": _validate}[sys.argv[2]](Path(sys.argv[1]))
