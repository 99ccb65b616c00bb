"""What failed lately: not tried again by each view of a page, and by no other process either."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from rembg_plugins.core import errors
from rembg_plugins.core.errors import (
    APIConnectionError,
    APITimeoutError,
    FieldError,
    InternalServerError,
    RembgError,
)
from rembg_plugins.core.outcomes import outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from rembg_plugins.django.store import DjangoStore

_CONCERN_ALL = {"park", "stop"}
_LONGEST_S = 86_400.0  # whatever Retry-After asks for; also the longest of the outcomes

_log = logging.getLogger(__name__)


class Failures:
    """Failures by the key of a cut-out, kept beside the cut-outs for as long as outcomes say.

    What went wrong for all pictures (no credits, a refused key, a rate limit, no way to the API)
    is remembered for all of them, and for whoever uses the same engine and key: another engine,
    or another key, is not kept from trying.

    They spare calls, no more: one that cannot be read or kept is as if there were none.

    Args:
        store: Whose storage.
        engine: Names the engine and the account, as :func:`concern` does.
        now: Gives the UNIX time in s.
    """

    def __init__(
        self, store: DjangoStore, *, engine: str = "", now: Callable[[], float] = time.time
    ) -> None:
        """Nothing is read yet."""
        self._store, self._now = store, now
        self._everybody = f"all-{concern(engine)}"

    def check(self, key: str) -> None:
        """Raise what happened lately to this picture, or to all.

        Raises:
            RembgError: As it was, but nothing was sent.
        """
        for name in (self._everybody, key):
            error = self._read(name)
            if error is not None:
                raise error

    def remember(self, key: str, error: RembgError) -> None:
        """Keep a failure for as long as its class is to be remembered, or the API asks for."""
        row = outcome(error)
        if row.remember_s <= 0:
            return
        asked = error.response.retry_after if error.response is not None else None
        kept = {
            "class": _name_of_class(error),
            "message": str(error),
            "errors": [asdict(one) for one in error.errors],
            "final": error.final,
            "until": self._now() + min(_LONGEST_S, max(row.remember_s, asked or 0)),
        }
        name = self._everybody if _concerns_all(error) else key
        self._store.write(_name_of(name), json.dumps(kept).encode())

    def forget(self, key: str) -> None:
        """Let this picture be tried again at once, and whatever concerned all.

        Raises:
            Exception: Of whatever kind the storage raises.
        """
        for name in (self._everybody, key):
            self._store.storage.delete(_name_of(name))

    def _read(self, name: str) -> RembgError | None:
        content = self._store.read(_name_of(name))
        if content is None:
            return None
        try:
            until, error = _parse(content)
        except (ValueError, TypeError, KeyError, AttributeError) as problem:
            _log.warning("What is remembered in %s is damaged: %r", _name_of(name), problem)
            return None
        # One further away was written by a clock that was wrong.
        return error if self._now() < until <= self._now() + _LONGEST_S else None


def concern(*parts: str) -> str:
    """A short digest of what a failure of all pictures concerns: an engine, an account."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _concerns_all(error: RembgError) -> bool:
    """Whether other pictures would meet it too: an API that hangs would hold a page up for each."""
    is_cut_off = isinstance(error, APIConnectionError) and error.sent == "nothing"
    is_down = isinstance(error, APITimeoutError | InternalServerError)
    return outcome(error).watcher in _CONCERN_ALL or is_cut_off or is_down


def _name_of(name: str) -> str:
    return f"failures/{name[:2]}/{name}.json"


def _name_of_class(error: RembgError) -> str:
    """That of ours which it is: a plugin may have made a class of its own from it."""
    ours = (cls for cls in type(error).__mro__ if vars(errors).get(cls.__name__) is cls)
    return str(next(ours).__name__)


def _parse(content: bytes) -> tuple[float, RembgError]:
    kept = json.loads(content)
    cls = vars(errors)[kept["class"]]
    if not (isinstance(cls, type) and issubclass(cls, RembgError)):
        message = f"no error: {cls!r}"
        raise TypeError(message)
    problems = tuple(FieldError(**one) for one in kept["errors"])
    final = bool(kept.get("final", False))
    return float(kept["until"]), cls(str(kept["message"]), errors=problems, final=final)
