"""How a run tells what it does: lines for people, or one JSON object a line for programs.

The objects of ``--json``; fields may be added, none is renamed or taken away:

``{"type": "picture", ...}``, one for each picture:
    ``source`` and ``output`` (paths as they were written, ``-`` for the standard streams; bytes
    that are no UTF-8 are surrogates, as ``os.fsdecode`` gives them), ``status`` (``done``,
    ``planned``, ``skipped``, ``failed``, ``not_started``), ``credits`` (spent for certain),
    ``in_doubt`` (calls of which nobody knows), ``warnings``; of a picture that is done
    ``engine``, ``format``, ``width``, ``height`` (px), ``coverage`` (0 to 1, or null) and
    ``same_as`` (the source that was cut out in its place, or null); of one that failed ``error``:
    ``class``, ``message``, ``errors`` (``field``, ``message``, ``code`` each), ``exit_code``,
    ``rescued`` (where a picture lies that was paid for, or null).
``{"type": "summary", ...}``, the last one:
    ``done``, ``planned``, ``skipped``, ``failed``, ``not_started`` (pictures), ``credits``,
    ``in_doubt``, ``credits_expected`` and ``credits_at_most`` (of a dry run), ``stopped`` (why no
    more pictures were begun, or null), ``exit_code``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Protocol, get_args

import click

from rembg_plugins.cli.logs import log_traceback
from rembg_plugins.cli.record import Record, Status, Tally
from rembg_plugins.cli.sources import STANDARD
from rembg_plugins.cli.wording import count, printable, sentences
from rembg_plugins.core.errors import RembgError
from rembg_plugins.core.outcomes import outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

_LIMITED = "the bound of --max-credits is reached."
_INTERRUPTED = "interrupted."


class Report(Protocol):
    """Tells of a run."""

    def note(self, text: str) -> None:
        """Tell people something about the run."""

    def picture(self, record: Record) -> None:
        """Tell what became of one picture."""

    def summary(self, tally: Tally) -> None:
        """Tell what became of all."""


class HumanReport:
    """Lines for people; failures and warnings go to standard error.

    Args:
        quiet: Tell of failures and warnings only.
        to_stderr: Write everything there, since standard output is for something else.
    """

    def __init__(self, *, quiet: bool = False, to_stderr: bool = False) -> None:
        """Nothing is told yet."""
        self._quiet = quiet
        self._to_stderr = to_stderr
        self._remedies: dict[str, None] = {}

    def note(self, text: str) -> None:
        """Tell people something about the run."""
        if not self._quiet:
            click.echo(text, err=self._to_stderr)

    def picture(self, record: Record) -> None:
        """Tell what became of one picture, in a line."""
        source, output = record.target.shown_source, record.target.shown_output
        if record.error is not None:
            self._failure(record)
        elif record.status == "skipped":
            self.note(f"{source}: kept {output}, which exists (--force makes it anew)")
        elif record.status in {"done", "planned"}:
            size = ""
            if record.result is not None:
                size = " ({} × {} px)".format(*record.result.size)
            twin = f", the same picture as {record.same_as.shown_source}" if record.same_as else ""
            self.note(f"{source} -> {output}{size}{twin}")
        for warning in record.result.warnings if record.result is not None else ():
            click.echo(f"{source}: warning: {printable(warning)}", err=True)

    def summary(self, tally: Tally) -> None:
        """Tell why the run ended early, what can be done about failures, and what became of all."""
        cause = _cause(tally)
        if cause is not None:
            click.echo(f"Stopped: {cause}", err=True)
        for remedy in self._remedies:
            click.echo(remedy, err=True)
        counts = tally.counts
        parts = [
            f"{counts.get('planned', 0)} to do" if tally.is_dry else f"{counts.get('done', 0)} done"
        ]
        parts += [f"{counts.get('skipped', 0)} skipped", f"{counts.get('failed', 0)} failed"]
        if "not_started" in counts:
            parts.append(f"{counts['not_started']} not started")
        cost = _expected_cost(tally) if tally.is_dry else _cost(tally)
        self.note(f"{', '.join(parts)}; {cost}")

    def _failure(self, record: Record) -> None:
        assert record.error is not None  # noqa: S101 - for the type checker; the caller looked
        log_traceback(record.error)
        self._remedies[outcome(record.error).remedy] = None
        for line in sentences(record.error):
            click.echo(f"{record.target.shown_source}: failed: {line}", err=True)
        if record.rescued is not None:
            where = printable(record.rescued)
            click.echo(f"  The picture that was paid for is kept as {where}", err=True)


class JsonReport:
    """One JSON object a line on standard output; the lines for people go to standard error.

    Args:
        human: Writes the latter.
    """

    def __init__(self, human: HumanReport) -> None:
        """Nothing is told yet."""
        self._human = human

    def note(self, text: str) -> None:
        """Tell people something about the run."""
        self._human.note(text)

    def picture(self, record: Record) -> None:
        """Tell what became of one picture, in an object."""
        self._human.picture(record)
        target, result = record.target, record.result
        facts: dict[str, object] = {
            "type": "picture",
            "source": target.source,
            "output": STANDARD if target.output is None else str(target.output),
            "status": record.status,
            "credits": record.credits,
            "in_doubt": record.in_doubt,
            "warnings": [] if result is None else list(result.warnings),
        }
        if result is not None:
            facts |= {
                "engine": result.engine,
                "format": result.format,
                "width": result.size[0],
                "height": result.size[1],
                "coverage": result.coverage,
                "same_as": None if record.same_as is None else record.same_as.source,
            }
        if record.error is not None:
            facts["error"] = error_facts(record.error) | {"rescued": record.rescued}
        _write(facts)

    def summary(self, tally: Tally) -> None:
        """Tell what became of all, in an object."""
        self._human.summary(tally)
        expected, at_most = tally.at_most
        _write(
            {
                "type": "summary",
                **{status: tally.counts.get(status, 0) for status in get_args(Status)},
                "credits": tally.credits,
                "in_doubt": tally.in_doubt,
                "credits_expected": expected,
                "credits_at_most": at_most,
                "stopped": _cause(tally),
                "exit_code": tally.exit_code,
            }
        )


def _cause(tally: Tally) -> str | None:
    if tally.stopped_by is not None:
        return " ".join(sentences(tally.stopped_by))
    if tally.signalled is not None:
        return _INTERRUPTED
    return _LIMITED if tally.limited else None


def _cost(tally: Tally) -> str:
    spent = count(tally.credits, "credit") if tally.credits else "no credits"
    return f"{spent} spent" + (f", {tally.in_doubt} in doubt" if tally.in_doubt else "")


def _expected_cost(tally: Tally) -> str:
    expected, at_most = tally.at_most
    if not at_most:
        return "no credits would be spent"
    text = f"{count(expected, 'credit')} would be spent"
    if at_most > expected:
        text += f", at most {at_most} if answers are lost (--no-repeat forbids repeats)"
    return text


def error_facts(error: BaseException) -> dict[str, object]:
    """What is told of an error in JSON, by names."""
    errors = error.errors if isinstance(error, RembgError) else ()
    return {
        "class": type(error).__name__,
        "message": str(error),
        "errors": [
            {"field": one.field, "message": one.message, "code": one.code} for one in errors
        ],
        "exit_code": outcome(error).exit_code,
    }


def _write(facts: Mapping[str, object]) -> None:
    click.echo(json.dumps(facts))
