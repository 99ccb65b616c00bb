"""What is kept of a cut-out, and how it is packed into a file."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageChops

from rembg_plugins.core.errors import ConfigurationError, ValidationError
from rembg_plugins.core.preparation import decode

if TYPE_CHECKING:
    from rembg_plugins.core.preparation import Prepared

TOLERANCE = 2
"""By how much a visible color may differ from the picture's before it is kept, 0 to 255."""

_MASK = "mask.png"
_COLORS = "colors.png"
_DIGEST_LENGTH = 64
_VISIBLE = [0] + [255] * 255
_CHANGED = [0] * (TOLERANCE + 1) + [255] * (255 - TOLERANCE)
_EPOCH = (1980, 1, 1, 0, 0, 0)  # equal cut-outs make equal files


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is kept of a cut-out.

    Attributes:
        mask: Its alpha: L, (w, h) px.
        colors: RGBA, same size, opaque where the engine changed a visible color; None where it
            changed none.
    """

    mask: Image.Image
    colors: Image.Image | None = None


def split(prepared: Prepared, cutout: Image.Image) -> Entry:
    """What has to be kept of a cut-out to give it back from the picture.

    Args:
        prepared: The picture it was cut out of.
        cutout: Any mode, RGBA as a rule; of the picture's size.

    Raises:
        ValueError: The sizes differ.
    """
    if prepared.pixels.size != cutout.size:
        message = f"The picture has {prepared.pixels.size} px, its cut-out {cutout.size}."
        raise ValueError(message)
    rgba = cutout if cutout.mode == "RGBA" else cutout.convert("RGBA")
    alpha, colors = rgba.getchannel("A"), rgba.convert("RGB")
    alpha.info.clear()  # a profile, a transparent color: the picture's own, and not kept twice
    bands = ImageChops.difference(colors, prepared.pixels).split()
    furthest = ImageChops.lighter(ImageChops.lighter(bands[0], bands[1]), bands[2])
    changed = ImageChops.darker(furthest.point(_CHANGED), alpha.point(_VISIBLE))
    if changed.getbbox() is None:
        return Entry(mask=alpha)
    kept = Image.new("RGB", cutout.size)
    kept.paste(colors, mask=changed.convert("1", dither=Image.Dither.NONE))
    kept.putalpha(changed)
    return Entry(mask=alpha, colors=kept)


def join(prepared: Prepared, entry: Entry) -> Image.Image:
    """The cut-out: RGBA, black where nothing is seen, with the picture's profile.

    Its alpha is exactly that of the cut-out that was split, and so are the visible colors that
    were kept; the others are the picture's, and differ by :data:`TOLERANCE` at most.

    Raises:
        ConfigurationError: The sizes differ: a library reads the same file in another way than when
            it was cut out.
    """
    if prepared.pixels.size != entry.mask.size:
        message = (
            f"The picture is read with {prepared.pixels.size} px, and its cut-out in the store has "
            f"{entry.mask.size} px: what decodes it was changed. Have it cut out anew, with "
            "fresh=True or `manage.py rembg_refresh`."
        )
        raise ConfigurationError(message)
    cutout = Image.new("RGB", entry.mask.size)
    cutout.paste(prepared.pixels, mask=entry.mask.point(_VISIBLE, "1"))
    if entry.colors is not None:
        cutout.paste(entry.colors.convert("RGB"), mask=entry.colors.getchannel("A"))
    cutout.putalpha(entry.mask)
    if prepared.profile is not None:
        cutout.info["icc_profile"] = prepared.profile
    return cutout


def pack(key: str, entry: Entry) -> bytes:
    """An entry as a file: a plain zip of PNGs, whose comment is a checksum of all the rest.

    The key goes into the checksum, so that an entry under a wrong name is noticed as well.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.comment = bytes(_DIGEST_LENGTH)
        archive.writestr(zipfile.ZipInfo(_MASK, _EPOCH), _encode(entry.mask))
        if entry.colors is not None:
            archive.writestr(zipfile.ZipInfo(_COLORS, _EPOCH), _encode(entry.colors))
    content = file.getvalue()[:-_DIGEST_LENGTH]
    return content + _checksum(key, content)


def unpack(key: str, packed: bytes) -> Entry | None:
    """The entry in a file's bytes; None where a single bit of them is wrong, or the key is."""
    content, checksum = packed[:-_DIGEST_LENGTH], packed[-_DIGEST_LENGTH:]
    if checksum != _checksum(key, content):
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            images = {name: _decode(archive.read(name)) for name in archive.namelist()}
    except (zipfile.BadZipFile, ValidationError):  # no entry of ours, whatever its checksum
        return None
    mask = images.get(_MASK)
    return None if mask is None else Entry(mask=mask, colors=images.get(_COLORS))


def _encode(image: Image.Image) -> bytes:
    # Masks are smooth: run lengths of the differences are half the time of the default, and no
    # larger (12 megapixels: 112 ms and 496 kB against 256 ms and 512 kB).
    strategy = zlib.Z_RLE if image.mode == "L" else zlib.Z_DEFAULT_STRATEGY
    file = io.BytesIO()
    image.save(file, "PNG", compress_type=strategy)
    return file.getvalue()


def _decode(content: bytes) -> Image.Image:
    return decode(io.BytesIO(content), "PNG")


def _checksum(key: str, content: bytes) -> bytes:
    return hashlib.sha256(key.encode() + b"\0" + content).hexdigest().encode()
