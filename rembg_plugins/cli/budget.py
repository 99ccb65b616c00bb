"""The credits of a run: counted call by call, and bounded."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, BinaryIO

from rembg_plugins.core.errors import RembgError

if TYPE_CHECKING:
    from rembg_plugins.core.engine import Engine, OnProgress
    from rembg_plugins.core.request import Request
    from rembg_plugins.core.result import Result


class NotStarted(Exception):  # noqa: N818 - no failure: a call that was not made
    """A call was not made: the run is ending, or the call could pass the bound."""


class Budget:
    """Counts the calls of a run and lets none begin that could pass the bound; thread-safe.

    Args:
        limit: The most that may be spent, in credits; None for any number.

    Attributes:
        spent: Credits that were spent for certain.
        in_doubt: Calls of which nobody can know; counted against the limit.
        running: Calls that are under way; counted against the limit.
        exhausted: Whether a call was refused because of the limit.
        halted: Whether no call may begin any more.
    """

    def __init__(self, limit: int | None = None) -> None:
        """Begin with nothing spent."""
        self.limit = limit
        self.spent = 0
        self.in_doubt = 0
        self.running = 0
        self.exhausted = False
        self.halted = False
        self._changed = threading.Condition()

    def begin(self) -> None:
        """Take the room for one call; waits for calls under way, which may turn out free.

        Raises:
            NotStarted: There is no room, or the run is ending.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.halted or self._is_spent() or self._has_room())
            if self.halted:
                raise NotStarted
            if self._is_spent():
                self.exhausted = True
                raise NotStarted
            self.running += 1

    def end(self, *, billed: bool | None) -> None:
        """Put down what a call cost: 1, 0, or None where nobody knows."""
        with self._changed:
            self.running -= 1
            self.spent += billed is True
            self.in_doubt += billed is None
            self._changed.notify_all()

    def halt(self) -> None:
        """Let no call begin from here on, and end every pause."""
        with self._changed:
            self.halted = True
            self._changed.notify_all()

    def pause(self, seconds: float) -> None:
        """Wait, in s, but no longer than until the run is ending."""
        with self._changed:
            self._changed.wait_for(lambda: self.halted, seconds)

    def _is_spent(self) -> bool:
        return self.limit is not None and self.spent + self.in_doubt >= self.limit

    def _has_room(self) -> bool:
        taken = self.spent + self.in_doubt + self.running
        return self.limit is None or taken < self.limit


class Meter:
    """An engine for one picture that takes each of its calls from a budget.

    Args:
        engine: Who does the work.
        budget: Of the run.

    Attributes:
        spent: Credits that this picture cost for certain.
        in_doubt: Its calls of which nobody can know.
        running: Whether a call is under way.
        error: Why its last call failed.
        is_paid: Whether the engine's pictures cost money.
    """

    def __init__(self, engine: Engine, budget: Budget) -> None:
        """Stand in for the engine: the store's keys are made of its name and version."""
        self.name = engine.name
        self.version = engine.version
        self.native_options = engine.native_options
        self.anonymous = getattr(engine, "anonymous", False)
        self.spent = 0
        self.in_doubt = 0
        self.running = False
        self.error: RembgError | None = None
        self._engine = engine
        self._budget = budget
        self.is_paid = is_paid(engine)

    def run(
        self,
        request: Request,
        *,
        on_progress: OnProgress | None = None,
        sink: BinaryIO | None = None,
    ) -> Result:
        """Make one call of the engine, if the budget has room for it.

        Raises:
            NotStarted: It has none.
            RembgError: As the engine raises it.
        """
        self._wait_for_turn()
        self._budget.begin()
        billed: bool | None = None if self.is_paid else False  # until the call's end is known
        self.running = True
        try:
            result = self._engine.run(request, on_progress=on_progress, sink=sink)
            billed = result.billed
        except RembgError as error:
            billed = error.billed
            self.error = error
            raise
        else:
            return result
        finally:
            self.running = False
            self.spent += billed is True
            self.in_doubt += billed is None
            self._budget.end(billed=billed)

    def _wait_for_turn(self) -> None:
        """Wait for the API's rate here: within the engine, the end of a run is not heard of."""
        delay = getattr(self._engine, "delay", None)
        while delay is not None and not self._budget.halted and (seconds := delay()) > 0:
            self._budget.pause(seconds)


def is_paid(engine: Engine) -> bool:
    """Whether an engine's pictures cost money."""
    return bool(getattr(engine, "paid", False))
