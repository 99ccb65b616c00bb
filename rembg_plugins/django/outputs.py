"""Which files are cut-outs that this site has made: they are not cut out, or paid for, again."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from rembg_plugins.core.options import form_fields
from rembg_plugins.django import cutouts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rembg_plugins.core.options import Options
    from rembg_plugins.core.source import Source

FOLDER = "outputs"
"""Where in the store's storage the notes lie; without them, a cut-out is taken for a picture."""


def remember(content: bytes, options: Options) -> None:
    """Note that these bytes are what the options made of some picture."""
    digest = hashlib.sha256(content).hexdigest()
    text = _text_of(options)
    cutouts.store().write(_name_of(digest, text), text)


def is_output(picture: Source, options: Options) -> bool:
    """Whether a picture is, byte for byte, what the same options made before.

    Raises:
        ValidationError: It cannot be read any more.
    """
    name = _name_of(picture.digest(), _text_of(options))
    return cutouts.store().read(name) is not None


def names_of(digests: Iterable[str], text: bytes) -> set[str]:
    """The names of the notes on some files, as far as they hold this text.

    Args:
        digests: The sha256 of each file.
        text: What a note holds: the options.
    """
    return {_name_of(digest, text) for digest in digests}


def _text_of(options: Options) -> bytes:
    return json.dumps(form_fields(options), sort_keys=True).encode()


def _name_of(digest: str, text: bytes) -> str:
    key = hashlib.sha256(digest.encode() + text).hexdigest()
    return f"{FOLDER}/{key[:2]}/{key}.json"
