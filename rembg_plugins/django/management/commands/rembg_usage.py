"""``manage.py rembg_usage``: what was spent, and what may still be."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import Error as DatabaseError

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.django.settings import current
from rembg_plugins.django.usage import usage
from rembg_plugins.django.wording import many

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterator

    from rembg_plugins.django.usage import Sums, Usage

_DAYS = 7


class Command(BaseCommand):
    """Sums up the ledger."""

    help = (
        "Shows the credits that were spent this hour, today and this month (all UTC), by engine "
        "and by day, and what is left of the budget. A call that is under way or in doubt counts "
        "as paid. It reads the ledger alone: what is left in the account is shown by "
        "`rembg-plugins credits`."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what may be asked for."""
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")
        parser.add_argument(
            "--days",
            type=int,
            default=_DAYS,
            help="How many days are shown one by one, today included (default: %(default)s).",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Print it.

        Raises:
            CommandError: The settings are wrong, or the ledger cannot be read.
        """
        if options["days"] < 1:
            message = f"--days must be 1 or more, got: {options['days']}."
            raise CommandError(message)
        try:
            found = usage(current().budget, days=options["days"])
        except ConfigurationError as problem:
            raise CommandError(str(problem)) from problem
        except DatabaseError as problem:
            message = f"The ledger cannot be read; was `manage.py migrate` run? {problem}"
            raise CommandError(message) from problem
        if options["json"]:
            self.stdout.write(json.dumps(asdict(found), cls=DjangoJSONEncoder))
        else:
            self.stdout.write("\n".join(_lines(found)))


def _lines(found: Usage) -> Iterator[str]:
    yield f"This hour  {_credits(found.hour)}{_left(found, 'hour')}"
    yield f"Today      {_credits(found.day)}{_left(found, 'day')}"
    yield f"This month {_credits(found.month)}"
    if found.under_way.calls:
        yield (
            f"Under way  {_credits(found.under_way)}, the oldest since "
            f"{found.oldest_under_way:%Y-%m-%d %H:%M:%S}"
        )
    for title, sums in (("This month, by engine:", found.engines), ("By day:", found.days)):
        if sums:
            yield from ("", title)
            yield from (f"  {one.name:<24} {_credits(one)}" for one in sums)


def _credits(sums: Sums) -> str:
    text = f"{many(sums.credits, 'credit')}, {many(sums.calls, 'call')}"
    text += f", {sums.failed} failed" if sums.failed else ""
    return text + (f", {sums.in_doubt} in doubt" if sums.in_doubt else "")


def _left(found: Usage, kind: str) -> str:
    left = found.left[kind]
    return "; no budget is set" if left is None else f"; {left} left of the budget"
