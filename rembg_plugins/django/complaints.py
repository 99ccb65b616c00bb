"""What is said of a storage that fails: once an hour for each cause, and with what to do."""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_AGAIN_S = 3600  # after which a cause that is still there is told again
_MOST = 100  # causes that are remembered; the oldest is told again, if it comes again
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}

_log = logging.getLogger(__name__)


class Complaints:
    """Those about one storage, by one process; safe between threads.

    Each view of a page meets the same problem: it is a cause by what was tried and by the kind of
    error and its number or code, whatever the file.

    Args:
        alias: Of the storage in ``STORAGES``.
        clock: Gives the time in s.
    """

    def __init__(self, alias: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing was told yet."""
        self._alias, self._clock = alias, clock
        self._told: OrderedDict[tuple[object, ...], float] = OrderedDict()
        self._lock = threading.Lock()

    def tell(self, tried: str, name: str, problem: Exception) -> None:
        """Log a problem with its remedy, unless one like it was logged in the last hour.

        Args:
            tried: What could not be done, as in ``"read"``.
            name: Of the file.
            problem: What the storage raised.
        """
        kind, number = type(problem).__name__, getattr(problem, "errno", None)
        if self._is_new((tried, kind, number, _code_of(problem))):
            _log.warning(
                "Cannot %s %s in STORAGES[%r]: %s: %s. %s It is logged once an hour.",
                *(tried, name, self._alias, kind, problem, _remedy(number)),
            )

    def _is_new(self, cause: tuple[object, ...]) -> bool:
        now = self._clock()
        with self._lock:
            told = self._told.get(cause)
            self._told[cause] = now if told is None or now - told >= _AGAIN_S else told
            self._told.move_to_end(cause)
            if len(self._told) > _MOST:
                self._told.popitem(last=False)
            return self._told[cause] != told


def _code_of(problem: Exception) -> str:
    """As ``SlowDown`` of S3, whose errors are of one class; empty where there is none."""
    response: Any = getattr(problem, "response", None)
    try:
        return str(response["Error"]["Code"])
    except (KeyError, TypeError):  # no error of botocore's
        return ""


def _remedy(number: object) -> str:
    if number in _FULL:
        return "Make room there; until then, cut-outs are not kept, and none is paid for."
    if number in _FORBIDDEN:
        return "Let the user that the site runs as read and write there: its owner and permissions."
    return "Look at BACKEND and OPTIONS of that storage, at its credentials and its network."
