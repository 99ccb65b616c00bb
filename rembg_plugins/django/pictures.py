"""The pictures of a site: every file that a model points to."""

from __future__ import annotations

import hashlib
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from django.apps import apps
from django.db import router
from django.db.models import FileField, QuerySet
from PIL import Image

from rembg_plugins.core.header import read_header
from rembg_plugins.core.source import Source
from rembg_plugins.django.incoming import PICTURES, seekable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from django.core.files.storage import Storage
    from django.db.models import Model
    from django.db.models.options import Options

_AT_ONCE = 1000  # rows
_PIECE = 2**20  # bytes that are read at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A file that a field points to; whether it is a picture is not known yet.

    Attributes:
        label: Whose, as in ``shop.product:12``.
        storage: Where it lies.
        name: Its name there.
    """

    label: str
    storage: Storage
    name: str

    def __str__(self) -> str:
        return f"{self.name} ({self.label})"

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The file; one can seek in it.

        Raises:
            Exception: Whatever its storage raises.
        """
        with self.storage.open(self.name) as file, seekable(file, self.name) as whole:
            yield cast("BinaryIO", whole)


def pictures(skip: Collection[type[Model]] = ()) -> Iterator[Picture]:
    """Every file of every model, whatever its manager hides.

    Renditions are left out: they are made of pictures, and no cut-out is made of them.

    Args:
        skip: Models that are not looked at.

    Raises:
        DatabaseError: A table cannot be read.
    """
    for model in apps.get_models(include_auto_created=True):
        fields = _file_fields(model)
        if not fields or model in skip or _is_rendition(model):
            continue
        rows: QuerySet[Model] = QuerySet(model=model, using=router.db_for_read(model))
        columns = ["pk", *(field.attname for field in fields)]
        for pk, *names in rows.values_list(*columns).iterator(chunk_size=_AT_ONCE):
            yield from _pictures(model, pk, fields, names)


def pictures_of(instance: Model) -> Iterator[Picture]:
    """The files of one object, those of its parents' tables as well."""
    model = type(instance)
    fields = [one for one in meta_of(model).concrete_fields if isinstance(one, FileField)]
    names = [getattr(instance, one.attname).name for one in fields]
    yield from _pictures(model, instance.pk, fields, names)


def digests_in(file: BinaryIO) -> tuple[str, ...]:
    """What a file's cut-outs are kept under the names of; nothing if it is no picture.

    Where django-imagekit is in use those are two: that of its bytes, and that of its pixels as
    imagekit hands them on. For the first it is read, however large, and not decoded: it may be of
    a kind that is re-encoded to be sent, and that is small then.

    Args:
        file: Of which all is looked at.

    Raises:
        Exception: Whatever the file raises when it is read.
    """
    file.seek(0)
    header = read_header(file)
    if header is None or header.format not in PICTURES:
        return ()
    file.seek(0)
    digest = hashlib.sha256()
    while piece := file.read(_PIECE):
        digest.update(piece)
    found = [digest.hexdigest()]
    if "imagekit" in sys.modules:
        file.seek(0)
        with suppress(Exception):  # whatever Pillow raises: then imagekit cannot read it either
            found.append(Source.of(Image.open(file)).digest())
    return tuple(found)


def meta_of(model: type[Model]) -> Options[Model]:
    """What Django knows of a model."""
    return model._meta  # noqa: SLF001 - documented by Django for everybody


def _pictures(
    model: type[Model], pk: object, fields: list[FileField], names: list[Any]
) -> Iterator[Picture]:
    for field, name in zip(fields, names, strict=True):
        if name:
            yield Picture(
                label=f"{meta_of(model).label_lower}:{pk}", storage=field.storage, name=str(name)
            )


def _file_fields(model: type[Model]) -> list[FileField]:
    """Those of the model's own table; a proxy has none."""
    if meta_of(model).proxy:
        return []
    return [one for one in meta_of(model).local_concrete_fields if isinstance(one, FileField)]


def _is_rendition(model: type[Model]) -> bool:
    """Whether it is one of Wagtail's, by its fields: nothing of Wagtail is imported here."""
    return {"filter_spec", "focal_point_key"} <= {one.name for one in meta_of(model).local_fields}
