"""How the watcher's news are written: lines for people, or one JSON object a line.

The objects of ``--json``; fields may be added, none is renamed or taken away. Each has ``type``
and ``time`` (UNIX s). Paths that are no UTF-8 have surrogates, as ``os.fsdecode`` gives them.

- ``{"type": "picture", ...}``, one for each thing that became of a picture:
  ``source`` (below INBOX), ``output`` (below OUTBOX, or null), ``status`` (``published``;
  ``failed``; ``parked``: a person has to decide; ``again``: it will be tried again),
  ``sha256`` (hex, or null), ``credits`` (billed for certain), ``in_doubt`` (calls of which
  nobody knows), ``same_as`` (whose cut-out it shares, or null), ``width``, ``height`` (px),
  ``format``, ``coverage`` (0 to 1), ``elapsed_s`` (or null), ``warnings``, ``reason``, ``code``
  and ``note`` (the file that says more; or null), ``error`` (null, or ``class``, ``message``,
  ``errors``, ``exit_code``).
- ``{"type": "gate", ...}``, one for each change:
  ``kind`` (``open``, ``paused``, ``closed``), ``reason``, ``remedy``, ``until`` (UNIX s; or
  null), ``width`` (calls at once), ``exit_code`` (of a run that would end here, or null).
- ``{"type": "note", ...}``:
  ``text``, ``facts`` (an object).
- ``{"type": "summary", ...}``, the last one:
  ``published``, ``failed``, ``parked``, ``left`` (pictures), ``credits``, ``in_doubt``,
  ``stopped`` (why the run ended with work left, or null), ``exit_code``.
"""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from rembg_plugins.cli.logs import log_traceback
from rembg_plugins.cli.report import error_facts
from rembg_plugins.cli.wording import count, printable, sentences

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rembg_plugins.cli.progress import Bar
    from rembg_plugins.watch.news import GateState, PictureNews
    from rembg_plugins.watch.report import Summary

_RESOLVE = "`rembg-plugins ledger resolve` decides what becomes of it."


class Lines:
    """The standard streams, a line at a time, from any thread.

    A stream that is broken is written to no more: pictures go on without it.

    Args:
        bar: A progress bar, which makes room for each line.

    Attributes:
        lost: Why lines to standard output are lost, as by a full disk; None while none are, or
            where nobody reads them any more.
    """

    def __init__(self, bar: Bar | None = None) -> None:
        """Both streams are thought to be whole."""
        self.lost: OSError | None = None
        self._lock = threading.Lock()
        self._broken: set[bool] = set()
        self._bar = bar
        self._shown: tuple[float, str] | None = None

    def write(self, line: str, *, err: bool = False) -> None:
        """Write a line to standard output, or to standard error."""
        with self._lock:
            self._move_bar(None)
            if err not in self._broken:
                try:
                    click.echo(line, err=err)
                except (BrokenPipeError, ValueError):
                    self._broken.add(err)
                except OSError as problem:
                    self._broken.add(err)
                    self.lost = self.lost if err else problem
            self._move_bar(self._shown)

    def show(self, share: float, text: str) -> None:
        """Have the bar show a share, 0 to 1, and a text, below all lines."""
        with self._lock:
            self._shown = share, text
            self._move_bar(self._shown)

    def close(self) -> None:
        """Take the bar away for good."""
        with self._lock:
            self._move_bar(None)
            self._bar = None

    def _move_bar(self, shown: tuple[float, str] | None) -> None:
        """Draw the bar; None clears it."""
        if self._bar is None:
            return
        try:
            if shown is None:
                self._bar.clear()
            else:
                self._bar.draw(*shown)
        except (OSError, ValueError):
            self._bar = None


class HumanReport:
    """Lines for people; failures, warnings and a gate that is not open go to standard error.

    Args:
        lines: Where they go.
    """

    def __init__(self, lines: Lines | None = None) -> None:
        """Nothing is told yet."""
        self._lines = lines or Lines()

    def picture(self, news: PictureNews) -> None:
        """Tell what became of one picture, in a line."""
        source = shown_path(news.source)
        if news.status == "published":
            self._lines.write(f"{source} -> {_output(news)}")
        else:
            self._tell_of_trouble(source, news)
        for warning in news.warnings:
            self._lines.write(f"{source}: warning: {printable(warning)}", err=True)

    def gate(self, state: GateState) -> None:
        """Tell that the gate has changed."""
        if state.kind == "open":
            self._lines.write(f"Pictures are sent, {count(state.width, 'call')} at once.")
            return
        until = "" if state.until is None else f" until {shown_time(state.until)}"
        how = f"paused{until}" if state.kind == "paused" else "stopped"
        reason = printable(state.reason or "for a reason that nobody gave.")
        self._lines.write(f"Sending is {how}: {reason}", err=True)
        if state.remedy:
            self._lines.write(f"  {printable(state.remedy)}", err=True)

    def note(self, text: str, **facts: object) -> None:
        """Tell something else."""
        source = facts.get("source")
        about = f"{shown_path(source)}: " if isinstance(source, bytes) and source else ""
        self._lines.write(f"{about}{printable(text)}", err=True)

    def summary(self, summary: Summary) -> None:
        """Tell what became of all."""
        if summary.stopped:
            self._lines.write(f"Stopped: {printable(summary.stopped)}", err=True)
        parts = [f"{summary.published} published", f"{summary.failed} failed"]
        parts += [f"{summary.parked} parked"] if summary.parked else []
        parts += [f"{summary.left} left"] if summary.left else []
        doubt = f", {summary.in_doubt} in doubt" if summary.in_doubt else ""
        cost = count(summary.credits, "credit") if summary.credits else "no credits"
        self._lines.write(f"{', '.join(parts)}; {cost} spent{doubt}")

    def _tell_of_trouble(self, source: str, news: PictureNews) -> None:
        if news.error is not None:
            log_traceback(news.error)
        status = "will be tried again" if news.status == "again" else news.status
        for line in _sentences(news):
            self._lines.write(f"{source}: {status}: {line}", err=True)
        if news.status == "parked":
            self._lines.write(f"  {_RESOLVE}", err=True)
        if news.note is not None:
            self._lines.write(f"  {printable(news.note)} says more.", err=True)


class JsonReport:
    """One JSON object a line on standard output.

    Args:
        lines: Where they go.
        now: Gives the UNIX time in s.
    """

    def __init__(self, lines: Lines | None = None, *, now: Callable[[], float] = time.time) -> None:
        """Nothing is told yet."""
        self._lines = lines or Lines()
        self._now = now

    def picture(self, news: PictureNews) -> None:
        """Tell what became of one picture, in an object."""
        if news.error is not None:
            log_traceback(news.error)
        width, height = news.size_px or (None, None)
        self._write(
            "picture",
            {
                "source": os.fsdecode(news.source),
                "output": _decoded(news.output),
                "status": news.status,
                "sha256": None if news.sha256 is None else news.sha256.hex(),
                "credits": news.credits,
                "in_doubt": news.in_doubt,
                "same_as": _decoded(news.same_as),
                "width": width,
                "height": height,
                "format": news.format,
                "coverage": news.coverage,
                "elapsed_s": news.elapsed_s,
                "warnings": list(news.warnings),
                "reason": news.reason if news.error is None else " ".join(_sentences(news)),
                "code": news.code,
                "note": news.note,
                "error": None if news.error is None else error_facts(news.error),
            },
        )

    def gate(self, state: GateState) -> None:
        """Tell that the gate has changed, in an object."""
        names = ("kind", "reason", "remedy", "until", "width", "exit_code")
        self._write("gate", {name: getattr(state, name) for name in names})

    def note(self, text: str, **facts: object) -> None:
        """Tell something else, in an object."""
        self._write("note", {"text": text, "facts": facts})

    def summary(self, summary: Summary) -> None:
        """Tell what became of all, in an object."""
        self._write("summary", asdict(summary))

    def _write(self, kind: str, facts: Mapping[str, object]) -> None:
        self._lines.write(json.dumps({"type": kind, "time": self._now(), **facts}, default=_plain))


def shown_path(path: bytes) -> str:
    """A path for people."""
    return printable(os.fsdecode(path))


def shown_time(moment: float) -> str:
    """A time on this machine's clock, with the name of its zone; of another day with the date."""
    local = datetime.fromtimestamp(moment, UTC).astimezone()
    is_today = local.date() == datetime.now(local.tzinfo).date()
    return printable(f"{local:%H:%M:%S %Z}" if is_today else f"{local:%Y-%m-%d %H:%M %Z}")


def _output(news: PictureNews) -> str:
    output = shown_path(news.output or b"")
    size = "" if news.size_px is None else " ({} × {} px)".format(*news.size_px)
    twin = "" if news.same_as is None else f", the same picture as {shown_path(news.same_as)}"
    return f"{output}{size}{twin}"


def _sentences(news: PictureNews) -> tuple[str, ...]:
    if news.error is not None:
        return sentences(news.error)
    return (printable(news.reason or "nobody knows why."),)


def _decoded(path: bytes | None) -> str | None:
    return None if path is None else os.fsdecode(path)


def _plain(value: object) -> str:
    """What JSON has no form for, as text."""
    return os.fsdecode(value) if isinstance(value, bytes) else str(value)
