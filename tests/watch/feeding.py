"""Pictures to feed, seeded, and files that are none."""

from __future__ import annotations

import io
import random

from PIL import Image

SIZE = (48, 32)  # px


def photo(seed, *, size=SIZE, format_="JPEG", grain=False):
    """A picture that looks like no other one: smooth, or noise, which takes much more room."""
    dice = random.Random(seed)
    side = size if grain else (6, 6)
    coarse = Image.frombytes("RGB", side, dice.randbytes(3 * side[0] * side[1]))
    encoded = io.BytesIO()
    coarse.resize(size, Image.Resampling.BICUBIC).save(encoded, format_)
    return encoded.getvalue()


def hostile(seed):
    """Files that must cost nothing, by name: no pictures, and pictures that are not whole."""
    jpeg, png = photo(seed, grain=True), photo(seed, format_="PNG", grain=True)
    return {
        "text.jpg": b"This is no picture, whatever its name says.\n" * 9,
        "page.png": b"<!doctype html><title>Not found</title>" + b" " * 999,
        "archive.webp": b"PK\x03\x04" + b"zip" * 99,
        "picture.gif": photo(seed, format_="GIF"),
        "picture.tif": photo(seed, format_="TIFF"),
        "renamed.jpg": photo(seed, format_="TIFF"),
    }, {
        "huge.png": png[:16] + (200_000).to_bytes(4, "big") * 2 + png[24:],
        "short.jpg": jpeg[: len(jpeg) // 2],
        "short.png": png[:-12],
        "short.webp": photo(seed, format_="WEBP", grain=True)[:-99],
        "short.bmp": photo(seed, format_="BMP")[:-99],
        "zeros.jpg": jpeg[: len(jpeg) // 2] + bytes(len(jpeg)),
        "nothing.jpg": b"",
    }


def in_pieces(path, content, *, pieces=10, preallocated=False):
    """Write a file bit by bit: gives after each piece, while the file is open."""
    step = -(-len(content) // pieces)
    with path.open("wb", buffering=0) as file:
        if preallocated:
            file.truncate(len(content))
        for start in range(0, len(content), step):
            file.write(content[start : start + step])
            yield start
