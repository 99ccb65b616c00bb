"""``manage.py rembg_gc``: remove cut-outs that no picture of the site uses any more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from rembg_plugins.core.errors import RembgError
from rembg_plugins.django import cutouts, site_file_lock, windows
from rembg_plugins.django.collection import mark, sweepable
from rembg_plugins.django.wording import many

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from django.db.models import Model

    from rembg_plugins.django.collection import Marks, Swept

_DAYS = 30
_AT_WORK = timedelta(hours=1)  # a form may have paid for a picture that no model points to yet
_SHOWN = 20  # names of files that cannot be read
_LISTED = 2  # the verbosity from which on each file that can go is named


class Command(BaseCommand):
    """Marks what pictures use, and sweeps the rest."""

    help = (
        "Removes cut-outs of pictures that are no longer on this site, and what was left behind "
        "in the store. Without --delete it only tells what would go. Every file that a model "
        "points to is read, and its cut-outs stay, by whatever engine they were made. Where one "
        "cannot be read, nothing is deleted. A cut-out that was removed is made anew, and paid "
        "for anew, if its picture comes back: pictures that no model points to look unused."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what may be asked for."""
        parser.add_argument("--delete", action="store_true", help="Delete what can go.")
        parser.add_argument(
            "--days",
            type=int,
            default=_DAYS,
            help=(
                "Cut-outs younger than this stay, used or not (default: %(default)s); 0 for all "
                "that were made more than an hour ago."
            ),
        )
        parser.add_argument(
            "--missing-ok",
            action="store_true",
            help="Go on where a file that a model points to is not there; its cut-out may go.",
        )
        parser.add_argument(
            "--skip",
            action="append",
            default=[],
            metavar="APP.MODEL",
            help="Do not look at the files of a model: their cut-outs may go. May be repeated.",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Tell what can go; delete it if asked to.

        Raises:
            CommandError: Something cannot be read, or deleted.
        """
        if options["days"] < 0:
            message = f"--days must be 0 or more, got: {options['days']}."
            raise CommandError(message)
        skip = [_model(label) for label in options["skip"]]
        began = timezone.now()
        try:
            marks = mark(skip)
        except (RembgError, DatabaseError) as problem:
            message = f"What is used cannot be found out, so nothing is deleted: {problem}"
            raise CommandError(message) from problem
        self._refuse_if_in_the_dark(marks, missing_ok=options["missing_ok"])
        # What was made since may belong to a picture that was saved after its model was read.
        older_than = max(timedelta(days=options["days"]), timezone.now() - began + _AT_WORK)
        try:
            found = list(sweepable(cutouts.store(), marks, older_than=older_than))
        except Exception as problem:  # storages raise what they like
            message = f"The store cannot be read: {type(problem).__name__}: {problem}"
            raise CommandError(message) from problem
        self._tell(marks, found, options)
        if options["delete"]:
            self._delete(found)
        elif found:
            self.stdout.write("Nothing was deleted. Run it again with --delete to do so.")

    def _refuse_if_in_the_dark(self, marks: Marks, *, missing_ok: bool) -> None:
        problems = list(marks.unreadable)
        if not missing_ok:
            problems += [f"{name}: there is no such file" for name in marks.missing]
        if not problems:
            return
        for problem in problems[:_SHOWN]:
            self.stderr.write(problem)
        if len(problems) > _SHOWN:
            self.stderr.write(f"... and {len(problems) - _SHOWN} more")
        message = (
            f"{len(problems)} of {many(marks.looked_at, 'file')} cannot be read, so nobody knows "
            "which cut-outs are used: nothing is deleted."
        )
        if not marks.unreadable:
            message += " If they are gone for good, say --missing-ok."
        raise CommandError(message)

    def _tell(self, marks: Marks, found: list[Swept], options: dict[str, Any]) -> None:
        if options["verbosity"] >= _LISTED:
            for one in found:
                self.stdout.write(f"{one.name} ({filesizeformat(one.size)})")
        unused = [one for one in found if one.is_cutout]
        self.stdout.write(f"Looked at {many(marks.looked_at, 'file')} of models.")
        age = many(options["days"], "day") if options["days"] else "an hour"
        self.stdout.write(
            f"{many(len(unused), 'cut-out')} of no picture, older than {age}: "
            f"{filesizeformat(sum(one.size for one in unused))}."
        )
        rest = len(found) - len(unused)
        self.stdout.write(
            f"{many(rest, 'past failure or leftover', 'past failures and leftovers')}."
        )

    def _delete(self, found: list[Swept]) -> None:
        storage, failed = cutouts.store().storage, 0
        for one in found:
            try:
                storage.delete(one.name)
            except Exception as problem:  # noqa: BLE001 - storages raise what they like
                self.stderr.write(f"{one.name}: {type(problem).__name__}: {problem}")
                failed += 1
        windows.sweep()
        try:
            site_file_lock.sweep()
        except OSError as problem:
            self.stderr.write(f"lock files: {problem}")
            failed += 1
        self.stdout.write(self.style.SUCCESS(f"Deleted {many(len(found) - failed, 'file')}."))
        if failed:
            message = f"{many(failed, 'file')} could not be deleted."
            raise CommandError(message)


def _model(label: str) -> type[Model]:
    try:
        return apps.get_model(label)
    except (LookupError, ValueError) as problem:
        message = f"--skip: there is no model '{label}'; write it as APP.MODEL."
        raise CommandError(message) from problem
