"""The smallest ICC profiles that color management takes, for gray and for inks."""

from __future__ import annotations

import itertools
import struct
from functools import cache

from PIL import ImageCms

_D50 = struct.pack(">3i", 63190, 65536, 54061)  # in 1/65536


@cache  # a new one has the time of its making in it
def srgb_profile():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def gray_profile(gamma=1.0):
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))
    return _profile(b"GRAY", b"XYZ ", {b"kTRC": curve})


def ink_profile():
    """CMYK in which cyan, whatever its amount, is printed as yellow would be; 2 grid points."""
    nodes = []
    for cyan, magenta, _, black in itertools.product((0, 1), repeat=4):
        lightness = 255 - 80 * magenta - 255 * black
        nodes += [
            max(0, lightness),
            128 + 90 * magenta * (1 - black),
            128 + 90 * cyan * (1 - black),
        ]
    ramp = bytes(range(256))
    table = (
        struct.pack(">4s4xBBBx", b"mft1", 4, 3, 2)
        + struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
        + ramp * 4
        + bytes(nodes)
        + ramp * 3
    )
    return _profile(b"CMYK", b"Lab ", {b"A2B0": table})


def _profile(space, connection, tags):
    tags = {b"wtpt": b"XYZ " + bytes(4) + _D50, b"cprt": b"text" + bytes(4) + b"none\0"} | tags
    tags[b"desc"] = b"desc" + bytes(4) + struct.pack(">I5s", 5, b"test\0") + bytes(78)
    directory, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, tag in tags.items():
        directory += struct.pack(">4sII", name, start + len(data), len(tag))
        data += tag + bytes(-len(tag) % 4)
    kind = b"prtr" if space == b"CMYK" else b"mntr"
    size = 128 + len(directory) + len(data)
    header = struct.pack(">I4xI4s4s4s12x4s", size, 0x02400000, kind, space, connection, b"acsp")
    header = header.ljust(68, b"\0") + _D50
    return header.ljust(128, b"\0") + directory + data
