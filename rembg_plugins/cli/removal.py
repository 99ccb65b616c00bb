"""One run of ``rembg-plugins remove``: plan, ask, do, tell."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from rembg_plugins.cli.batch import Batch
from rembg_plugins.cli.budget import Budget, is_paid
from rembg_plugins.cli.delivery import Delivery
from rembg_plugins.cli.destination import Destination, read_destination
from rembg_plugins.cli.environment import find_configuration
from rembg_plugins.cli.plan import Plan, make_plan
from rembg_plugins.cli.progress import open_bar
from rembg_plugins.cli.record import Record, Tally
from rembg_plugins.cli.report import HumanReport, JsonReport, Report
from rembg_plugins.cli.sources import STANDARD
from rembg_plugins.cli.targets import check_folder, find_targets, is_special
from rembg_plugins.cli.wording import count, printable
from rembg_plugins.core.assembly import build
from rembg_plugins.core.outcomes import EXIT_SOME_FAILED
from rembg_plugins.core.paid_calls import ASK_ABOVE, JOBS
from rembg_plugins.core.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rembg_plugins.core.adapter import Adapter
    from rembg_plugins.core.options import Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """The arguments of the command, its removal options aside."""

    sources: tuple[str, ...]
    output: str | None
    engine: str | None
    store: str | None
    jobs: int | None
    max_credits: int | None
    force: bool
    yes: bool
    no_repeat: bool
    dry_run: bool
    transcode: bool
    accept_downscaled: bool
    as_json: bool
    quiet: bool

    def run(self, values: Mapping[str, object]) -> int:
        """Do it.

        Args:
            values: The removal options as they were typed.

        Returns:
            The exit code.

        Raises:
            click.UsageError: The arguments contradict each other, or more than
                :data:`~rembg_plugins.core.paid_calls.ASK_ABOVE` paid pictures were not confirmed.
            RembgError: There is no engine that can work.
            OSError: Nothing can be written where the outputs are to go.
        """
        destination, options = read_destination(self.output, self.sources, values)
        self._check_streams(destination)
        targets = find_targets(self.sources, destination, options, transcode=self.transcode)
        _check_place(destination)
        configuration = find_configuration(engine=self.engine, store=self.store)
        adapter = build(configuration, retry=Retry(in_doubt=not self.no_repeat))
        plan = make_plan(
            targets,
            options,
            sys.stdin.buffer,
            force=self.force,
            transcode=self.transcode,
            decode=self.dry_run,
        )
        tally = Tally(is_dry=self.dry_run, at_most=self._cost(adapter, plan))
        if not self.dry_run:
            self._ask(tally.at_most[0])
        report = self._report(destination)
        self._tell_of(plan, report, tally, engine=adapter.engine.name)
        if not self.dry_run:
            self._batch(adapter, options, report, tally).run(plan.jobs)
        if isinstance(tally.stopped_by, BrokenPipeError):  # nobody is there to read the end
            return EXIT_SOME_FAILED
        report.summary(tally)
        return tally.exit_code

    def _check_streams(self, destination: Destination) -> None:
        if self.sources == (STANDARD,) and sys.stdin.isatty():
            message = "Standard input is a terminal: send a picture through a pipe."
            raise click.UsageError(message)
        if not destination.standard or self.dry_run:
            return
        if self.as_json:
            message = "Standard output is for the picture here; give --json a file with -o FILE."
            raise click.UsageError(message)
        if sys.stdout.isatty():
            message = "No picture is written to a terminal: give -o FILE, or send it to a pipe."
            raise click.UsageError(message)

    def _cost(self, adapter: Adapter, plan: Plan) -> tuple[int, int]:
        """Credits that are expected, and the most that can be."""
        expected = len(plan.jobs) if is_paid(adapter.engine) else 0
        at_most = expected if self.no_repeat else 2 * expected
        if self.max_credits is None:
            return expected, at_most
        return min(expected, self.max_credits), min(at_most, self.max_credits)

    def _ask(self, paid: int) -> None:
        if paid <= ASK_ABOVE or self.yes:
            return
        question = f"{paid} pictures would be paid for, a credit each."
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            message = f"{question} Say --yes to confirm, or bound them by --max-credits."
            raise click.UsageError(message)
        if not click.confirm(f"{question} Go on?", err=True):
            message = "Not confirmed; nothing was sent."
            raise click.UsageError(message)

    def _report(self, destination: Destination) -> Report:
        to_stderr = self.as_json or (destination.standard and not self.dry_run)
        human = HumanReport(quiet=self.quiet, to_stderr=to_stderr)
        return JsonReport(human) if self.as_json else human

    def _tell_of(self, plan: Plan, report: Report, tally: Tally, *, engine: str) -> None:
        """Tell what is to be done, and of all that will not be."""

        def tell(record: Record) -> None:
            tally.add(record)
            report.picture(record)

        if plan.jobs:
            credits_ = count(tally.at_most[0], "credit") if tally.at_most[0] else "no credits"
            pictures = count(len(plan.jobs), "picture")
            report.note(f"{pictures} to cut out with the engine {printable(engine)}: {credits_}")
        elif not plan.kept and not plan.failed:
            report.note("There is nothing to do: no picture was found.")
        for target in plan.kept:
            tell(Record(target=target, status="skipped"))
        for target, error in plan.failed:
            tell(Record(target=target, status="failed", error=error))
        for job in plan.jobs if self.dry_run else ():
            for target in job.targets:
                twin = None if target is job.targets[0] else job.targets[0]
                tell(Record(target=target, status="planned", same_as=twin))

    def _batch(self, adapter: Adapter, options: Options, report: Report, tally: Tally) -> Batch:
        paid = is_paid(adapter.engine)
        return Batch(
            adapter=adapter,
            options=options,
            budget=Budget(self.max_credits),
            delivery=Delivery(sys.stdout.buffer),
            report=report,
            tally=tally,
            bar=None if self.quiet else open_bar(),
            workers=self.jobs or (JOBS if paid else 1),
            transcode=self.transcode,
            accept_downscaled=self.accept_downscaled,
            fresh=self.force,
        )


def _check_place(destination: Destination) -> None:
    """Raise the OSError that every output would end in."""
    if destination.folder is not None:
        check_folder(destination.folder)
    elif destination.file is not None and not is_special(destination.file):
        check_folder(destination.file.parent)
