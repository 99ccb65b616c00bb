"""``rembg-plugins usage``: what is left of an account's credits, and what they went for.

The object of ``--json``; fields may be added, none is renamed or taken away. Times are ISO 8601
in UTC, ``..._unix`` the same in seconds, ``extra`` what the API told that we do not know:

of the account:
    ``membership``, ``credits``, ``prepaid_credits``, ``app_usage``, ``api_usage``,
    ``billing_cycle`` (null with ``--month``), ``remaining`` (likewise), ``extra``,
    ``fail_under`` (or null), ``exit_code``;
``billing_cycle``, and each of ``billing_cycles`` with ``--cycles``:
    ``period_start``, ``period_end``, ``renewal``, ``period_start_unix``, ``period_end_unix``,
    ``app_usage``, ``api_usage``, ``extra``; the former has ``included_credits``,
    ``prepaid_credits``, ``used_included_credits``, ``remaining_included_credits`` and
    ``stripe_billing_synced`` too.
"""

from __future__ import annotations

import json
import re
import shutil
import textwrap
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from rembg_plugins.cli.logs import verbose_option
from rembg_plugins.cli.wording import HELP_NAMES, count, printable
from rembg_plugins.core import errors
from rembg_plugins.core.outcomes import EXIT_OK, outcome
from rembg_plugins.core.usage_query import USAGE_PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rembg_plugins.api.membership import BillingPeriod, Usage

EXIT_TOO_FEW = outcome(errors.QuotaExceededError).exit_code
"""Fewer credits are left than ``--fail-under`` wants: the code of a quota that is used up."""

_MONTH = re.compile(r"([0-9]{4})-(0?[1-9]|1[0-2])")
_PERIOD = USAGE_PARAMETERS["periodStartUnix"]
_WIDEST = 80  # characters of a line, on any terminal
_CELLS = 24  # characters of a full bar
_FEWEST_CELLS = 8  # a shorter bar tells nothing
_UNSYNCED = (
    "The renewal is not known yet: the numbers are those of the UTC calendar month, not of the "
    "billing period."
)


def _read_month(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    """Year and month."""
    if value is None:
        return None
    match = _MONTH.fullmatch(value.strip())
    year, month = (int(part) for part in match.groups()) if match else (0, 0)
    if not year:
        message = f"{printable(value)!r} is no month; write it like 2026-03."
        raise click.BadParameter(message, context, parameter)
    return year, month


@click.command(context_settings=HELP_NAMES)
@click.option(
    "--month",
    callback=_read_month,
    metavar="YYYY-MM",
    help="Show what was used in a calendar month, in UTC.",
)
@click.option(
    "--period",
    type=click.IntRange(_PERIOD.minimum, _PERIOD.maximum),
    metavar="UNIX",
    help="Show a billing period, by its start as --cycles lists it.",
)
@click.option("--cycles", is_flag=True, help="List all billing periods, newest first.")
@click.option(
    "--fail-under",
    type=click.IntRange(0),
    metavar="N",
    help=f"End with exit code {EXIT_TOO_FEW} if fewer than N credits are left; for cron.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@verbose_option
@click.pass_context
def usage(
    context: click.Context,
    *,
    month: tuple[int, int] | None,
    period: int | None,
    cycles: bool,
    fail_under: int | None,
    as_json: bool,
) -> None:
    """Show the credits that are left, what was used, and when the plan renews.

    Asks the hosted API once, with REMBG_API_KEY; that costs no credit.
    """
    if [month is not None, period is not None, cycles, fail_under is not None].count(True) > 1:
        message = "Give only one of --month, --period, --cycles and --fail-under."
        raise click.UsageError(message)
    from rembg_plugins.api.account import Account  # noqa: PLC0415 - so that --help is quick
    from rembg_plugins.cli.environment import find_configuration  # noqa: PLC0415 - likewise

    account = Account.configured(find_configuration())
    if cycles:
        _show_cycles(account.billing_cycles(), as_json=as_json)
        return
    year, number = month or (None, None)
    found = account.usage(year=year, month=number, period_start=period, billing_cycle=not month)
    too_few = fail_under is not None and (found.remaining or 0) < fail_under
    code = EXIT_TOO_FEW if too_few else EXIT_OK
    if as_json:
        _write_json(_facts(found) | {"fail_under": fail_under, "exit_code": code})
    elif month:
        _show_month(found, f"{year}-{number:02} (UTC)")
    else:
        _show_cycle(found, by_its_start=period is not None)
    if too_few:
        left = count(found.remaining or 0, "credit")
        click.echo(f"Too few: {left} left, --fail-under wants {fail_under} or more.", err=True)
    context.exit(code)


def _show_month(found: Usage, month: str) -> None:
    _print_rows([("Plan", _plan(found)), ("Month", month)], _used(found))


def _show_cycle(found: Usage, *, by_its_start: bool) -> None:
    cycle = found.billing_cycle
    assert cycle is not None  # noqa: S101 - for the type checker; an answer without is refused
    is_over = by_its_start and cycle.period_end < datetime.now(UTC)
    synced = cycle.stripe_billing_synced is not False
    end = "Ended" if is_over else "Renews" if synced else "Counted until"
    left = "Included, left over" if is_over else "Included, left"
    numbers = [
        *_used(cycle),
        ("Included", cycle.included_credits),
        ("Included, used", cycle.used_included_credits),
        (left, cycle.remaining_included_credits),
    ]
    if not is_over:  # what is prepaid now is none of an old period
        numbers += [("Prepaid, left", cycle.prepaid_credits), ("Left in all", cycle.remaining)]
    dates = [
        ("Plan", _plan(found)),
        ("Began", _local(cycle.period_start)),
        (end, _local(cycle.renewal)),
    ]
    _print_rows(dates, numbers)
    if not is_over:
        _print_bar(cycle.used_included_credits, cycle.remaining)
    if not synced:
        click.echo()
        click.echo(textwrap.fill(_UNSYNCED, width=_width()))


def _show_cycles(cycles: Sequence[BillingPeriod], *, as_json: bool) -> None:
    if as_json:
        _write_json({"billing_cycles": [_facts(cycle) for cycle in cycles]})
        return
    if not cycles:
        click.echo("There are no billing periods yet.")
        return
    table = [("--period", "From", "Until", "API", "App")]
    table += [
        (
            str(cycle.period_start_unix),
            _local(cycle.period_start),
            _local(cycle.period_end),
            f"{cycle.api_usage:,}",
            f"{cycle.app_usage:,}",
        )
        for cycle in cycles
    ]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    if sum(widths) + 2 * len(widths) - 2 <= _terminal_width():
        for row in table:
            texts = [cell.ljust(width) for cell, width in zip(row[:3], widths[:3], strict=True)]
            texts += [cell.rjust(width) for cell, width in zip(row[3:], widths[3:], strict=True)]
            click.echo("  ".join(texts))
        return
    for row in table[1:]:
        click.echo("\n".join(f"{name}: {cell}" for name, cell in zip(table[0], row, strict=True)))
        click.echo()


def _plan(found: Usage) -> str:
    return printable(found.membership) or "none"


def _used(period: Usage | BillingPeriod) -> list[tuple[str, int]]:
    return [("Used through the API", period.api_usage), ("Used in the app", period.app_usage)]


def _local(moment: datetime) -> str:
    """A time on this machine's clock, with the name of its zone."""
    return printable(f"{moment.astimezone():%Y-%m-%d %H:%M %Z}")


def _print_rows(texts: Sequence[tuple[str, str]], numbers: Sequence[tuple[str, int]]) -> None:
    """Print names and values: in two columns where they fit, else one after the other."""
    digits = max(len(f"{number:,}") for _, number in numbers)
    rows = [*texts, *((name, f"{number:,}".rjust(digits)) for name, number in numbers)]
    column = max(len(name) for name, _ in rows) + 2
    fits = column + max(len(value) for _, value in rows) <= _terminal_width()
    for name, value in rows:
        click.echo(f"{name:{column}}{value}" if fits else f"{name}: {value.strip()}")


def _print_bar(used: int, left: int) -> None:
    """Print used and left credits as a bar; prepaid ones are among the latter."""
    click.echo()
    if used + left <= 0:
        click.echo("There are no credits left.")
        return
    text = f"{used:,} used, {left:,} left"
    width = _width()
    cells = min(_CELLS, width - len(text) - 3)
    below = cells < _FEWEST_CELLS
    if below:
        cells = max(1, min(_CELLS, width - 2))
    full = round(cells * max(0, used) / (max(0, used) + max(0, left)))
    click.echo(f"[{'#' * full}{'.' * (cells - full)}]{chr(10) if below else ' '}{text}")


def _terminal_width() -> int:
    return shutil.get_terminal_size().columns


def _width() -> int:
    return max(2, min(_WIDEST, _terminal_width()))


def _facts(item: Usage | BillingPeriod) -> dict[str, object]:
    """The fields of an object, and the times among them as text."""
    from rembg_plugins.api.membership import Usage  # noqa: PLC0415 - so that --help is quick

    facts = {field.name: getattr(item, field.name) for field in fields(item)}
    facts["extra"] = dict(item.extra)
    if isinstance(item, Usage):
        cycle = item.billing_cycle
        facts["billing_cycle"] = None if cycle is None else _facts(cycle)
        facts["remaining"] = item.remaining
    else:
        for name in ("period_start", "period_end", "renewal"):
            facts[name] = getattr(item, name).isoformat()
    return facts


def _write_json(facts: dict[str, object]) -> None:
    click.echo(json.dumps(facts))
