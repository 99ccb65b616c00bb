#!/usr/bin/env python3
"""Make `chelsea-before-after.png`: left the photograph, right its cut-out over a checkerboard.

Run it from anywhere; it needs the embedded engine (`pip install 'rembg-plugins[local]'`).
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from rembg_plugins import remove

HERE = Path(__file__).parent
PHOTOGRAPH = HERE / "chelsea.png"
PICTURE = HERE / "chelsea-before-after.png"
GAP = 12  # px, transparent
SQUARE = 12  # px, the side of one square of the checkerboard
LIGHT, DARK = (255, 255, 255), (204, 204, 204)


def checkerboard(size: tuple[int, int]) -> Image.Image:
    """Light and dark squares, the sign for "transparent": RGB, ``size`` px."""
    columns, rows = (side // SQUARE + 1 for side in size)
    small = Image.new("RGB", (columns, rows), LIGHT)
    for column in range(columns):
        for row in range(column % 2, rows, 2):
            small.putpixel((column, row), DARK)
    large = small.resize((columns * SQUARE, rows * SQUARE), Image.Resampling.NEAREST)
    return large.crop((0, 0, *size))


def make() -> Image.Image:
    """The picture: RGBA, twice as wide as the photograph and the gap."""
    photograph = Image.open(PHOTOGRAPH).convert("RGB")
    cutout = remove(PHOTOGRAPH, engine="local", format="PNG").image
    ground = checkerboard(photograph.size)
    ground.paste(cutout, mask=cutout)
    width, height = photograph.size
    picture = Image.new("RGBA", (2 * width + GAP, height))
    picture.paste(photograph, (0, 0))
    picture.paste(ground, (width + GAP, 0))
    return picture


if __name__ == "__main__":
    make().save(PICTURE, optimize=True)
