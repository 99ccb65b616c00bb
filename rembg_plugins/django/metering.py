"""An engine whose calls are written down, within the budget, and whose failures are remembered."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING, BinaryIO

from django.db import Error as DatabaseError

from rembg_plugins.core.errors import CutoutPendingError, RembgError, SpendingError
from rembg_plugins.core.store import key_of
from rembg_plugins.core.validation import check_result
from rembg_plugins.django import ledger
from rembg_plugins.django.frames import without_frames
from rembg_plugins.django.locks import held_key
from rembg_plugins.django.models import Call
from rembg_plugins.django.purpose import purpose
from rembg_plugins.django.settings import current
from rembg_plugins.django.tables import REMEDY

if TYPE_CHECKING:
    from rembg_plugins.core.engine import Engine, OnProgress
    from rembg_plugins.core.request import Request
    from rembg_plugins.core.result import Result
    from rembg_plugins.django.failures import Failures
    from rembg_plugins.django.store import DjangoStore

_TO_CONNECT_S = 60.0  # 10 s for each address of the API, and what TLS and a proxy ask for

_log = logging.getLogger(__name__)


class MeteredEngine:
    """Another engine, with the site's rules around each of its calls.

    Args:
        engine: What cuts out.
        store: Where the cut-out will be kept: nothing is paid for that could not be.
        failures: What failed lately, and is not tried again yet.
    """

    native_options = False

    def __init__(self, engine: Engine, *, store: DjangoStore, failures: Failures) -> None:
        """Nothing is called yet."""
        self.engine = engine
        self.name, self.version = engine.name, engine.version
        self.paid = bool(getattr(engine, "paid", False))
        self.anonymous = bool(getattr(engine, "anonymous", False))
        self._store, self._failures = store, failures

    def run(
        self,
        request: Request,
        *,
        on_progress: OnProgress | None = None,
        sink: BinaryIO | None = None,
    ) -> Result:
        """Give the cut-out of one picture; called with the lock of its key held.

        Raises:
            SpendingError: A rule of the site forbids the call; nothing was sent.
            CutoutPendingError: Another process may be at it; nothing was sent.
            RembgError: As the engine, or as it did lately.
        """
        key = held_key() or key_of(request.source, self)
        self._failures.check(key)
        if self.paid:
            self._check_turn()
            self._store.check(key)
        number, began = self._begin(key), time.monotonic()
        error: BaseException | None = None
        billed: bool | None = None
        try:
            result = self.engine.run(request, on_progress=on_progress, sink=sink)
            billed = result.billed
            check_result(request, result, accept_downscaled=self.anonymous)
        except RembgError as problem:
            error, billed = problem, problem.billed
            self._failures.remember(key, problem)
            raise without_frames(problem) from None
        except BaseException as problem:  # a bug, or the process is being stopped
            error, billed = problem, None if self.paid else False
            raise
        finally:
            self._end(number, error, billed=billed, seconds=time.monotonic() - began)
        return result

    def _check_turn(self) -> None:
        """Refuse a call that would wait for its turn longer than for its answer."""
        delay = getattr(self.engine, "delay", None)
        wait = 0.0 if delay is None else delay()
        if wait > current().timeout:
            message = (
                f"The rate limit lets the next picture be sent in {wait:.0f} s. Nothing was sent."
            )
            raise CutoutPendingError(message)

    def _begin(self, key: str) -> int | None:
        settings = current()
        try:
            return ledger.begin(
                key=key,
                engine=f"{self.name} {self.version}",
                is_paid=self.paid,
                purpose=purpose(),
                budget=settings.budget,
                longest=_longest(settings.timeout),
            )
        except DatabaseError as problem:
            if self.paid:
                message = (
                    f"The ledger cannot be written, so nothing was sent: {problem}. If its tables "
                    f"were never made: {REMEDY}"
                )
                raise SpendingError(message) from problem
            _log.warning("A call of %s is not in the ledger: %s", self.name, problem)
            return None

    def _end(
        self,
        number: int | None,
        error: BaseException | None,
        *,
        billed: bool | None,
        seconds: float,
    ) -> None:
        if number is None:
            return
        text = "" if error is None else f"{type(error).__name__}: {error}"
        outcome = _outcome(error, billed=billed)
        try:
            ledger.end(number, outcome=outcome, error=text, billed=billed, seconds=seconds)
        except Exception:  # noqa: BLE001 - whatever it is, the cut-out must reach the store
            # The row stays as it was begun, and counts as paid.
            _log.exception("What became of call %d is not in the ledger", number)


def _longest(timeout: float) -> timedelta:
    """How long a call takes at most, from its row in the ledger on.

    Its turn, the picture, a last block of it, and the answer may take the time-out each.
    """
    return timedelta(seconds=4 * timeout + _TO_CONNECT_S)


def _outcome(error: BaseException | None, *, billed: bool | None) -> Call.Outcome:
    if error is None:
        return Call.Outcome.DONE
    return Call.Outcome.IN_DOUBT if billed is None else Call.Outcome.FAILED
