"""Which files are cut-outs that this site has made: they are not cut out, or paid for, again."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from rembg_plugins.core.options import form_fields
from rembg_plugins.django import cutouts

if TYPE_CHECKING:
    from rembg_plugins.core.options import Options
    from rembg_plugins.core.source import Source

FOLDER = "outputs"
"""Where in the store's storage the notes lie; without them, a cut-out is taken for a picture."""


def remember(content: bytes, options: Options) -> None:
    """Note that these bytes are what the options made of some picture."""
    digest = hashlib.sha256(content).hexdigest()
    cutouts.store().write(_name_of(digest, options), _text_of(options))


def is_output(picture: Source, options: Options) -> bool:
    """Whether a picture is, byte for byte, what the same options made before.

    Raises:
        ValidationError: It cannot be read any more.
    """
    return cutouts.store().read(_name_of(picture.digest(), options)) is not None


def _text_of(options: Options) -> bytes:
    return json.dumps(form_fields(options), sort_keys=True).encode()


def _name_of(digest: str, options: Options) -> str:
    key = hashlib.sha256(digest.encode() + _text_of(options)).hexdigest()
    return f"{FOLDER}/{key[:2]}/{key}.json"
