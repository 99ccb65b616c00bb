"""Ctrl-C and SIGTERM: the end of a command, or a wish that a running batch hears of."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING, Any

from rembg_plugins.core.outcomes import EXIT_INTERRUPTED, EXIT_TERMINATED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WORKER = "rembg-plugins worker"
"""The name of threads that may be left running at the end."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """SIGTERM came, where Ctrl-C would raise KeyboardInterrupt."""


class LeftRunning(KeyboardInterrupt):
    """A call was left to itself, since the run had to end."""


def exit_code_of(error: BaseException | None) -> int:
    """The exit code after an interruption: 143 after SIGTERM, otherwise 130."""
    return EXIT_TERMINATED if isinstance(error, Terminated) else EXIT_INTERRUPTED


def exit_code_of_signal(number: int) -> int:
    """The exit code after a signal: 143 or 130."""
    return EXIT_TERMINATED if number == signal.SIGTERM else EXIT_INTERRUPTED


@contextlib.contextmanager
def raising_on_sigterm() -> Iterator[None]:
    """Let SIGTERM raise :class:`Terminated`, so that whatever has begun is cleaned up."""
    with _handling(_raise_terminated, (signal.SIGTERM,)):
        yield


@contextlib.contextmanager
def raising_on_signals() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM raise, within what else tells of them."""
    with (
        _handling(_raise_terminated, (signal.SIGTERM,)),
        _handling(signal.default_int_handler, (signal.SIGINT,)),
    ):
        yield


@contextlib.contextmanager
def telling_of_signals(tell: Callable[[int], object]) -> Iterator[None]:
    """Call ``tell`` with the number of each Ctrl-C or SIGTERM, in place of raising anything.

    Args:
        tell: Must be safe inside a signal handler, as ``queue.SimpleQueue.put`` is.
    """
    with _handling(lambda number, _: tell(number), _SIGNALS):
        yield


def _raise_terminated(number: int, frame: object) -> None:
    del number, frame
    raise Terminated


@contextlib.contextmanager
def _handling(handler: Callable[[int, Any], object], numbers: tuple[int, ...]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # where nobody may handle any
        yield
        return
    # A signal that is ignored, as Ctrl-C is behind nohup, stays so.
    numbers = tuple(number for number in numbers if signal.getsignal(number) != signal.SIG_IGN)
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
