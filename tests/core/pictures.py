"""Encoded pictures of every kind, and files that watch how they are read."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image

SIZE = (37, 23)  # px of every sample


def drawn(mode="RGB", size=SIZE):
    """A picture with some detail in it."""
    gradient = Image.linear_gradient("L").resize(size)
    turned = gradient.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if mode == "I;16":
        return gradient.convert("I").point(lambda value: value * 257).convert("I;16")
    if mode == "CMYK":
        return Image.merge("CMYK", (gradient, turned, gradient, Image.new("L", size)))
    return Image.merge("RGBA", (gradient, turned, gradient, turned)).convert(mode)


def encoded(format_, mode="RGB", size=SIZE, **settings):
    """The bytes of such a picture."""
    file = io.BytesIO()
    drawn(mode, size).save(file, format_, **settings)
    return file.getvalue()


def blank(size, format_="PNG"):
    """The bytes of a black picture, quickly made."""
    file = io.BytesIO()
    Image.new("L" if format_ == "WEBP" else "1", size).convert(
        "RGB" if format_ == "WEBP" else "L"
    ).save(file, format_)
    return file.getvalue()


def orientation(value):
    """An EXIF block that says how the picture is to be turned."""
    exif = Image.Exif()
    exif[0x0112] = value
    return exif.tobytes()


def chunk(kind, data=b""):
    """A PNG chunk."""
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def png_start(width, height, bits=8, color_type=2):
    """Signature and header chunk of a PNG of any size."""
    body = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", body)


def png_of(width, height):
    """A PNG that claims any size; its data stop early."""
    return png_start(width, height) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND")


def segment(marker, data):
    """A JPEG segment."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


def jpeg_of(width, height, *, before=b"", channels=3):
    """A JPEG up to its first scan, of any size, with segments before the frame header."""
    bands = b"".join(bytes((band, 0x11, 0)) for band in range(channels))
    frame = struct.pack(">BHHB", 8, height, width, channels) + bands
    return b"\xff\xd8" + before + segment(0xC0, frame) + segment(0xDA, b"\0" * 8) + b"\0\xff\xd9"


def webp_of(width, height, kind=b"VP8X"):
    """A WebP header of any size, of one of the three kinds."""
    if kind == b"VP8X":
        body = b"\0\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    elif kind == b"VP8L":
        body = b"\x2f" + (width - 1 | height - 1 << 14).to_bytes(4, "little") + b"\0" * 7
    else:
        body = b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height)
    body = kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def bmp_of(width, height, *, depth=24, header=40):
    """A BMP header of any size, with nothing behind it."""
    if header == 12:
        body = struct.pack("<IHHHH", header, width, height, 1, depth)
    else:
        body = struct.pack("<IiiHHI", header, width, height, 1, depth, 0).ljust(header, b"\0")
    return b"BM" + struct.pack("<IHHI", 14 + len(body), 0, 0, 14 + len(body)) + body


SAMPLES = {
    "PNG": encoded("PNG"),
    "PNG gray": encoded("PNG", "L"),
    "PNG gray and alpha": encoded("PNG", "LA"),
    "PNG palette": encoded("PNG", "P"),
    "PNG 1 bit": encoded("PNG", "1"),
    "PNG 16 bit": encoded("PNG", "I;16"),
    "PNG RGBA": encoded("PNG", "RGBA"),
    "PNG EXIF": encoded("PNG", exif=orientation(6)),
    "JPEG": encoded("JPEG"),
    "JPEG gray": encoded("JPEG", "L"),
    "JPEG CMYK": encoded("JPEG", "CMYK"),
    "JPEG progressive": encoded("JPEG", progressive=True),
    "JPEG EXIF": encoded("JPEG", exif=orientation(6), icc_profile=b"\0" * 70_000),
    "WEBP": encoded("WEBP"),
    "WEBP lossless": encoded("WEBP", lossless=True),
    "WEBP lossless RGBA": encoded("WEBP", "RGBA", lossless=True),
    "WEBP RGBA": encoded("WEBP", "RGBA"),
    "WEBP EXIF": encoded("WEBP", exif=orientation(6)),
    "BMP": encoded("BMP"),
    "BMP palette": encoded("BMP", "P"),
    "BMP 1 bit": encoded("BMP", "1"),
    "BMP RGBA": encoded("BMP", "RGBA"),
}
"""Pictures of SIZE that the API takes, by a name that begins with the format."""

FOREIGN = {
    "TIFF": encoded("TIFF"),
    "GIF": encoded("GIF", "P"),
    "AVIF": encoded("AVIF"),
    "JPEG2000": encoded("JPEG2000"),
    "ICO": encoded("ICO", "RGBA", (32, 32)),
}
"""Pictures that the API does not take."""


class CountingFile(io.BytesIO):
    """A file that counts what is read of it."""

    def __init__(self, content):
        """Nothing was read yet."""
        super().__init__(content)
        self.bytes_read = 0
        self.reads = 0

    def read(self, size=-1):
        """Read and count."""
        data = super().read(size)
        self.bytes_read += len(data)
        self.reads += 1
        return data


class HollowFile(io.RawIOBase):
    """A file of any length: a beginning, pieces at their offsets, and zeros between them."""

    def __init__(self, length, **pieces):
        """Lay the pieces: ``at_500=b"..."``."""
        self.length = length
        self.pieces = {int(name.removeprefix("at_")): data for name, data in pieces.items()}
        self.bytes_read = 0
        self.position = 0

    def readable(self):
        """It is."""
        return True

    def seekable(self):
        """It is."""
        return True

    def tell(self):
        """Where the next byte comes from."""
        return self.position

    def seek(self, offset, whence=0):
        """Go there."""
        self.position = offset + (0, self.position, self.length)[whence]
        return self.position

    def read(self, size=-1):
        """The bytes, made on the spot."""
        end = self.length if size < 0 else min(self.length, self.position + size)
        data = bytearray(max(0, end - self.position))
        for offset, piece in self.pieces.items():
            for at, byte in enumerate(piece, offset - self.position):
                if 0 <= at < len(data):
                    data[at] = byte
        self.position += len(data)
        self.bytes_read += len(data)
        return bytes(data)
