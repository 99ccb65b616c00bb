"""A progress bar on standard error, if that is a terminal: rich's where installed, else our own."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

import click

from rembg_plugins.cli.wording import count

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_CELLS = 24  # characters of a full bar


class Bar(Protocol):
    """Shows how far a run has come; used by one thread."""

    def draw(self, share: float, text: str) -> None:
        """Show a share, 0 to 1, and a text."""

    def clear(self) -> None:
        """Take it off the terminal, so that a line can be written; ``draw`` brings it back."""


class Progress:
    """How far a run has come: whole pictures, and shares of those under way.

    Args:
        total: How many pictures there are.
        bar: Shows it; None shows nothing.
    """

    def __init__(self, total: int, bar: Bar | None) -> None:
        """Begin at nothing."""
        self._total = total
        self._bar = bar
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.clear()

    @property
    def is_shown(self) -> bool:
        """Whether anybody sees it."""
        return self._bar is not None

    def advance(self) -> None:
        """Count one more picture."""
        self._done += 1

    def clear(self) -> None:
        """Make room for a line of text."""
        if self._bar is not None:
            self._bar.clear()

    def draw(self, shares: float = 0.0) -> None:
        """Show where the run is.

        Args:
            shares: The sum of the shares of all pictures under way, 0 to 1 each.
        """
        if self._bar is not None and self._total:
            share = min(1.0, (self._done + shares) / self._total)
            self._bar.draw(share, f"{self._done} of {count(self._total, 'picture')}")


def open_bar() -> Bar | None:
    """A bar for this terminal; None where standard error is none, or cannot move its cursor."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return None
    return RichBar() if find_spec("rich") is not None else PlainBar()


class PlainBar:
    """A bar of our own: a carriage return and characters that every terminal has."""

    def __init__(self) -> None:
        """Nothing is on the terminal yet."""
        self._length = 0

    def draw(self, share: float, text: str) -> None:
        """Show a share, 0 to 1, and a text."""
        full = round(share * _CELLS)
        line = f"[{'#' * full}{'.' * (_CELLS - full)}] {share:4.0%}  {text}"
        width = shutil.get_terminal_size().columns - 1  # the last column would wrap
        line = line[: max(width, 0)]
        _write(f"\r{line.ljust(self._length)}")
        self._length = len(line)

    def clear(self) -> None:
        """Take it off the terminal."""
        if self._length:
            _write(f"\r{' ' * self._length}\r")
            self._length = 0


class RichBar:
    """The bar of the library rich; drawn by our own hand, so that it needs no thread."""

    def __init__(self) -> None:
        """Nothing is on the terminal yet."""
        from rich import progress  # noqa: PLC0415 - only where a terminal is there to see it
        from rich.console import Console  # noqa: PLC0415 - likewise

        self._bar: Any = progress.Progress(
            progress.BarColumn(),
            progress.TaskProgressColumn(),
            progress.TextColumn("{task.description}"),
            progress.TimeRemainingColumn(),
            console=Console(file=sys.stderr),
            transient=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task("", total=1.0)
        self._is_drawn = False

    def draw(self, share: float, text: str) -> None:
        """Show a share, 0 to 1, and a text."""
        if not self._is_drawn:
            self._bar.start()
            self._is_drawn = True
        self._bar.update(self._task, completed=share, description=text, refresh=True)

    def clear(self) -> None:
        """Take it off the terminal."""
        if self._is_drawn:
            self._bar.stop()
            self._is_drawn = False


def _write(text: str) -> None:
    click.echo(text, nl=False, err=True)
