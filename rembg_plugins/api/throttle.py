"""When a request may begin, so that the API has no reason to refuse it with a 429.

The API counts requests in a sliding window, 200 in 10 s a key; nobody says at which moment it
counts one. So a request takes a slot before it begins, and is known to be counted once its answer
has come, or :data:`SETTLE_S` after the last byte of its body has left, whichever is first.

Source of the limit: seen by users of the API in production.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Protocol

from rembg_plugins.api.progress import Meter
from rembg_plugins.core.retry import LONGEST_RETRY_AFTER_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from rembg_plugins.core.engine import OnProgress
    from rembg_plugins.core.errors import APIError

SETTLE_S = 1.0
"""How long after the last byte of a body has left the API may take to count it, in s."""

HOLD_S = 1.0
"""How long nobody sends after a short-term 429 that does not say how long, in s."""

_TOO_MANY_REQUESTS = 429

_log = logging.getLogger(__name__)


class Slot(Protocol):
    """The place of one request among those that the API counts."""

    def counted(self, within_s: float = 0.0) -> None:
        """The API will have counted the request in so many s from now, or earlier.

        Called more than once: when the body has left, and when the answer comes. The earliest
        moment holds.
        """


class Throttle(Protocol):
    """Decides when requests may begin: one for all that share a limit, used by many threads.

    A plugin may give one that is shared by a fleet: ``Client(throttle=...)``. What ``begin()``
    raises comes out as it is, and nothing is sent then.
    """

    def begin(self) -> Slot:
        """Wait until one more request may begin, and take its slot."""

    def hold(self, seconds: float) -> None:
        """Let nobody begin for so many s: the API refused a request with a short-term 429."""

    def delay(self) -> float:
        """How long ``begin()`` would wait now, in s, as far as is known; it does not wait."""


class Unlimited:
    """Lets every request begin at once."""

    def begin(self) -> Slot:
        """Give a slot; there are enough."""
        return self

    def counted(self, within_s: float = 0.0) -> None:
        """Nobody counts."""

    def hold(self, seconds: float) -> None:
        """Nobody waits; the one who was refused does so by itself."""

    def delay(self) -> float:
        """Nothing: 0 s."""
        return 0.0


class UploadMeter(Meter):
    """A meter of the body that tells the request's slot, too, when all of it has left."""

    def __init__(
        self,
        total: int,
        on_progress: OnProgress | None,
        *,
        slot: Slot,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the clock."""
        super().__init__("upload", total, on_progress, clock=clock)
        self._length = total
        self._slot = slot

    def advance(self, loaded: int) -> None:
        """Report so many bytes since the start."""
        if loaded >= self._length:
            settle(self._slot, SETTLE_S)
        super().advance(loaded)


def settle(slot: Slot, within_s: float = 0.0) -> None:
    """Tell a slot when its request is counted; a failure is logged, for the answer may be paid."""
    try:
        slot.counted(within_s)
    except Exception:  # noqa: BLE001 - a stranger's code; the traceback is logged
        _log.exception("The throttle failed after a request was sent")


def heed(throttle: Throttle, error: APIError) -> None:
    """Let all wait who share the throttle, where the API refused a request for a short time.

    Not for a daily or monthly limit, which no waiting helps, nor where the API asks for more than
    :data:`~rembg_plugins.core.retry.LONGEST_RETRY_AFTER_S`.
    """
    if error.response is None or error.final or error.status != _TOO_MANY_REQUESTS:
        return
    asked = error.response.retry_after or HOLD_S
    if asked > LONGEST_RETRY_AFTER_S:
        return
    try:
        throttle.hold(asked)
    except Exception:  # noqa: BLE001 - as above; the refusal is what the caller must see
        _log.exception("The throttle failed after the API had refused a request")
