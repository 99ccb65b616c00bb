"""``manage.py rembg_refresh``: forget a cut-out, so that it is made anew."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from django.db.models import QuerySet

from rembg_plugins.core.errors import RembgError
from rembg_plugins.core.store import key_of_digest
from rembg_plugins.django import cutouts, ledger
from rembg_plugins.django.pictures import digests_in, meta_of, pictures_of
from rembg_plugins.django.signals import cutout_forgotten
from rembg_plugins.django.wording import many

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterator

    from django.db.models import Model

_LABEL = re.compile(r"\w+\.\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """A picture whose cut-out is to be forgotten.

    Attributes:
        name: For people.
        keys: Under which its cut-outs are kept.
        instance: The object that it belongs to, if it does.
    """

    name: str
    keys: tuple[str, ...]
    instance: Model | None = None


class Command(BaseCommand):
    """Forgets cut-outs and failures."""

    help = (
        "Forgets the cut-outs of pictures, and what failed with them, so that each is made anew "
        "when it is wanted next, and paid for anew. Name the files, or a model and the primary "
        "keys of its objects: `rembg_refresh photo.jpg`, `rembg_refresh shop.product 12 15`. It "
        "says what that may cost, and asks; no call is made by this command."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what may be asked for."""
        parser.add_argument(
            "targets", nargs="+", metavar="PATH | APP.MODEL PK ...", help="The pictures."
        )
        parser.add_argument("--yes", action="store_true", help="Do not ask.")
        parser.add_argument(
            "--force",
            action="store_true",
            help=(
                "Forgive the calls that may have been paid for and gave no cut-out: "
                f"{ledger.ATTEMPTS} of them are the most for a picture else."
            ),
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Say what it costs, ask, and forget.

        Raises:
            CommandError: There is no such picture, nobody agreed, or something failed.
        """
        try:
            chosen = list(_chosen(options["targets"]))
            self._tell(chosen, force=options["force"])
        except (RembgError, DatabaseError, OSError) as problem:
            raise CommandError(str(problem)) from problem
        if not options["yes"] and not self._is_agreed():
            message = "Nothing was forgotten."
            raise CommandError(message)
        for one in chosen:
            self._forget(one, force=options["force"])
        pictures = many(len(chosen), "picture")
        self.stdout.write(self.style.SUCCESS(f"Forgot the cut-outs of {pictures}."))

    def _tell(self, chosen: list[_Chosen], *, force: bool) -> None:
        store = cutouts.store()
        for one in chosen:
            kept = any(store.has(key) for key in one.keys)
            self.stdout.write(f"{one.name}: {'has a cut-out' if kept else 'has no cut-out'}")
            if not force and any(map(_is_given_up, one.keys)):
                self.stdout.write(
                    f"  {ledger.ATTEMPTS} calls for it may have been paid for and gave none: it "
                    "is not tried again without --force."
                )
        engine = cutouts.adapter().engine
        if getattr(engine, "paid", False):
            most = many(len(chosen), "credit")
            self.stdout.write(f"To make them anew costs {most} at {engine.name!r}.")
        else:
            self.stdout.write(f"To make them anew with {engine.name!r} costs no credits.")

    def _is_agreed(self) -> bool:
        if not sys.stdin.isatty():
            message = "Say --yes to forget them; nothing was forgotten."
            raise CommandError(message)
        return input("Forget them? [y/N] ").strip().lower() in {"y", "yes"}

    def _forget(self, one: _Chosen, *, force: bool) -> None:
        try:
            for key in one.keys:
                with cutouts.store().lock(key):
                    cutouts.store().delete(key)
                    cutouts.failures().forget(key)
                    ledger.forgive(key, failed=force)
        except Exception as problem:  # storages raise what they like
            message = f"{one.name}: {type(problem).__name__}: {problem}"
            raise CommandError(message) from problem
        sender = None if one.instance is None else type(one.instance)
        cutout_forgotten.send(sender=sender, instance=one.instance)


def _chosen(targets: list[str]) -> Iterator[_Chosen]:
    model = _model_of(targets[0])
    if model is None:
        for target in targets:
            with _opened(target) as file:
                keys = _keys(target, file)
            yield _Chosen(name=target, keys=keys)
        return
    if len(targets) == 1:
        message = f"Name objects of {meta_of(model).label} by their primary keys."
        raise CommandError(message)
    for pk in targets[1:]:
        yield from _chosen_of(model, pk)


def _model_of(target: str) -> type[Model] | None:
    """The model of that label; None where it is a file, or no model's name."""
    if not _LABEL.fullmatch(target) or Path(target).exists():
        return None
    try:
        return apps.get_model(target)
    except LookupError:
        return None


def _chosen_of(model: type[Model], pk: str) -> Iterator[_Chosen]:
    try:
        instance: Model = QuerySet(model=model).get(pk=pk)  # whatever the model's manager hides
    except (ObjectDoesNotExist, ValueError, ValidationError) as problem:
        message = f"There is no {meta_of(model).label} with the primary key {pk!r}."
        raise CommandError(message) from problem
    found = list(pictures_of(instance))
    if not found:
        message = f"{meta_of(model).label} {pk} has no file."
        raise CommandError(message)
    for picture in found:
        try:
            with picture.open() as file:
                keys = _keys(str(picture), file)
        except CommandError:
            raise
        except Exception as problem:  # storages raise what they like
            message = f"{picture} cannot be read: {type(problem).__name__}: {problem}"
            raise CommandError(message) from problem
        yield _Chosen(name=str(picture), keys=keys, instance=instance)


def _opened(target: str) -> BinaryIO:
    try:
        return Path(target).open("rb")
    except FileNotFoundError:
        message = (
            f"There is neither a file nor a model {target!r}. Write a path, or a model and primary "
            "keys, as in: shop.product 12 15."
        )
        raise CommandError(message) from None


def _keys(name: str, file: BinaryIO) -> tuple[str, ...]:
    engine = cutouts.adapter().engine
    keys = tuple(key_of_digest(digest, engine) for digest in digests_in(file))
    if not keys:
        message = f"{name} is no picture that can be cut out."
        raise CommandError(message)
    return keys


def _is_given_up(key: str) -> bool:
    return ledger.unsuccessful(key).count() >= ledger.ATTEMPTS
