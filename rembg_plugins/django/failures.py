"""What failed lately: not tried again by each view of a page, and by no other process either."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rembg_plugins.core import errors
from rembg_plugins.core.errors import FieldError, RembgError
from rembg_plugins.core.outcomes import outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from rembg_plugins.django.store import DjangoStore

_EVERYBODY = "everybody"  # of a refused key, say: what one picture met, all others would
_CONCERN_ALL = {"park", "stop"}

_log = logging.getLogger(__name__)


class Failures:
    """Failures by the key of a cut-out, kept beside the cut-outs for as long as outcomes say.

    What went wrong for all pictures (no credits, a refused key, a rate limit) is remembered for
    all of them.

    Args:
        store: Whose storage.
        now: Gives the UNIX time in s.
    """

    def __init__(self, store: DjangoStore, now: Callable[[], float] = time.time) -> None:
        """Nothing is read yet."""
        self._store, self._now = store, now

    def check(self, key: str) -> None:
        """Raise what happened lately to this picture, or to all.

        Raises:
            RembgError: As it was, but nothing was sent.
        """
        for name in (_EVERYBODY, key):
            error = self._read(name)
            if error is not None:
                raise error

    def remember(self, key: str, error: RembgError) -> None:
        """Keep a failure for as long as its class is to be remembered."""
        row = outcome(error)
        if row.remember_s <= 0:
            return
        retry_after = error.response.retry_after if error.response is not None else None
        kept = {
            "class": type(error).__name__,
            "message": str(error),
            "errors": [asdict(one) for one in error.errors],
            "until": self._now() + max(row.remember_s, retry_after or 0),
        }
        name = _EVERYBODY if row.watcher in _CONCERN_ALL else key
        self._store.write(_name_of(name), json.dumps(kept).encode())

    def forget(self, key: str) -> None:
        """Let this picture be tried again at once, and whatever concerned all."""
        for name in (_EVERYBODY, key):
            self._store.storage.delete(_name_of(name))

    def _read(self, name: str) -> RembgError | None:
        content = self._store.read(_name_of(name))
        if content is None:
            return None
        kept: dict[str, Any] = json.loads(content)
        if self._now() >= kept["until"]:
            return None
        cls = getattr(errors, kept["class"], RembgError)
        problems = tuple(FieldError(**one) for one in kept["errors"])
        return cls(kept["message"], errors=problems)


def _name_of(name: str) -> str:
    return f"failures/{name[:2]}/{name}.json"
