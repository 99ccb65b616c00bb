"""What is said of a storage that fails: once for each cause, and with what to do."""

from __future__ import annotations

import errno
import logging
import threading
from collections import OrderedDict

_MOST = 100  # causes that are remembered; the oldest is told again, if it comes again
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}

_log = logging.getLogger(__name__)


class Complaints:
    """Those about one storage, by one process; safe between threads.

    Each view of a page meets the same problem: it is a cause by what was tried and by the kind of
    error, whatever the file.

    Args:
        alias: Of the storage in ``STORAGES``.
    """

    def __init__(self, alias: str) -> None:
        """Nothing was told yet."""
        self._alias = alias
        self._told: OrderedDict[tuple[str, str, object], None] = OrderedDict()
        self._lock = threading.Lock()

    def tell(self, tried: str, name: str, problem: Exception) -> None:
        """Log a problem with its remedy, unless one like it was logged before.

        Args:
            tried: What could not be done, as in ``"read"``.
            name: Of the file.
            problem: What the storage raised.
        """
        kind, number = type(problem).__name__, getattr(problem, "errno", None)
        if self._is_new((tried, kind, number)):
            _log.warning(
                "Cannot %s %s in STORAGES[%r]: %s: %s. %s It is logged once.",
                *(tried, name, self._alias, kind, problem, _remedy(number)),
            )

    def _is_new(self, cause: tuple[str, str, object]) -> bool:
        with self._lock:
            if cause in self._told:
                self._told.move_to_end(cause)
                return False
            self._told[cause] = None
            if len(self._told) > _MOST:
                self._told.popitem(last=False)
            return True


def _remedy(number: object) -> str:
    if number in _FULL:
        return "Make room there; until then, cut-outs are not kept, and none is paid for."
    if number in _FORBIDDEN:
        return "Let the user that the site runs as read and write there: its owner and permissions."
    return "Look at BACKEND and OPTIONS of that storage, at its credentials and its network."
