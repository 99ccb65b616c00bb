"""The mattes of pictures: from this process's memory, from the store, or by one paid call."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from django.core.signals import setting_changed
from wagtail.images.models import SourceImageIOError

from rembg_plugins.core.entry import Entry
from rembg_plugins.core.errors import CutoutPendingError
from rembg_plugins.core.memory import decoding
from rembg_plugins.core.preparation import prepare
from rembg_plugins.core.resampling import resize
from rembg_plugins.core.store import key_of
from rembg_plugins.core.validation import validate
from rembg_plugins.django import cutouts, deferral
from rembg_plugins.django.purpose import Purpose
from rembg_plugins.django.settings import NAME as SETTING
from rembg_plugins.django.settings import current
from rembg_plugins.wagtail import approvals, spending

if TYPE_CHECKING:
    from collections.abc import Callable

    from rembg_plugins.core.result import Result
    from rembg_plugins.core.source import Source

_ONLY_HERE = "not in the store: "

_log = logging.getLogger(__name__)


def source_of(image: Any) -> Source:
    """A picture's bytes as they are now, ready to be sent.

    They are read over a handle of their own: the one of ``image.file`` is shared by the threads
    of ``get_renditions``. They are never known by ``file_hash``, which code that replaces a
    picture leaves as it was.

    Raises:
        SourceImageIOError: The file cannot be read.
        ValidationError: It is no picture that can be cut out.
    """
    try:
        with image.file.storage.open(image.file.name, "rb") as file:
            content = file.read()
    except OSError as problem:
        raise SourceImageIOError(str(problem)) from problem
    return validate(content, name=image.file.name, transcode=True).source


def matte_of(image: Any, source: Source, *, may_spend: bool) -> Entry:
    """What is kept of a picture's cut-out; made now where that is allowed.

    Args:
        image: Of a Wagtail image model.
        source: Its bytes, by :func:`source_of`.
        may_spend: Whether whoever asks may spend at all; the site's own rules come on top.

    Raises:
        CutoutPendingError: It is not in the store, and may not be made now.
        RembgError: It could not be made.
        Exception: Whatever the site's own function in ``AUTO`` raises.
    """
    key = key_of(source, cutouts.adapter().engine)
    recent = _remembered(key)
    if recent is not None:
        return recent
    with decoding(source.size):
        entry = cutouts.store().get(key)
    if entry is None:
        return _made(image, source, key, may_spend=may_spend)
    memory.put(key, entry)
    return entry


def purpose_of(image: Any, who: str = "") -> Purpose:
    """What the ledger says of a call for a picture."""
    return Purpose(picture=f"{approvals.label_of(image)}:{image.pk}", who=who)


def _made(image: Any, source: Source, key: str, *, may_spend: bool) -> Entry:
    if not may_spend:
        message = "There is no cut-out of this picture yet, and this is no place to pay for one."
        raise CutoutPendingError(message)
    if not spending.is_allowed_for(image):
        message = "This picture is not approved: nothing is paid for it."
        raise CutoutPendingError(message)
    if current().defer:
        deferral.request_cutout(image, "file", key=key)
        message = "The cut-out of this picture is being made."
        raise CutoutPendingError(message)
    result = cutouts.remove(source, purpose=purpose_of(image))
    with decoding(source.size):
        entry = cutouts.store().get(key)
        if entry is None:
            key, entry = _ONLY_HERE + key, _not_kept(source, result)
    memory.put(key, entry)
    return entry


def _remembered(key: str) -> Entry | None:
    """What was used a moment ago, unless a person had it forgotten since, in any process."""
    entry = memory.get(key)
    if entry is not None and cutouts.store().has(key):
        return entry
    return memory.get(_ONLY_HERE + key)


def _not_kept(source: Source, result: Result) -> Entry:
    """The matte of a cut-out that the store could not take; it was paid for all the same.

    A smaller answer's is enlarged: the colors come from the picture itself.
    """
    size = prepare(source).pixels.size
    image = result.image
    if (image.width > image.height) != (size[0] > size[1]) and image.width != image.height:
        message = f"The cut-out of {image.size} px does not fit the picture of {size} px."
        raise CutoutPendingError(message)
    _log.warning("A cut-out is not in the store: it is used for this rendition alone")
    return Entry(mask=resize(image.convert("RGBA").getchannel("A"), size))


class Memory:
    """Mattes that were used a moment ago, decoded; safe between threads.

    The six renditions of a picture tag then decode the matte once, and another process that
    makes it anew is noticed soon.

    Args:
        max_bytes: How much of them; those that were not used for the longest time go first.
        seconds: How long each is kept, in s.
        now: Gives the time in s.
    """

    def __init__(
        self,
        max_bytes: int = 48 * 2**20,
        seconds: float = 30.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with none."""
        self._max_bytes, self._seconds, self._now = max_bytes, seconds, now
        self._entries: OrderedDict[str, tuple[float, Entry]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> Entry | None:
        """The matte of a key, or None; it is then the most recently used."""
        with self._lock:
            until, entry = self._entries.get(key, (0.0, None))
            if entry is None or self._now() >= until:
                self._entries.pop(key, None)
                return None
            self._entries.move_to_end(key)
            return entry

    def put(self, key: str, entry: Entry) -> None:
        """Keep a matte, unless it is larger than all of them may be."""
        with self._lock:
            self._entries[key] = (self._now() + self._seconds, entry)
            self._entries.move_to_end(key)
            while sum(_bytes_of(kept) for _, kept in self._entries.values()) > self._max_bytes:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._entries.clear()


def _bytes_of(entry: Entry) -> int:
    pixels: int = entry.mask.width * entry.mask.height
    return pixels * (1 if entry.colors is None else 5)


memory = Memory()
"""That of this process."""


def _forget(*, setting: str, **_: object) -> None:
    if setting in {SETTING, "STORAGES"}:
        memory.clear()


setting_changed.connect(_forget, dispatch_uid="rembg_plugins.wagtail.mattes")
