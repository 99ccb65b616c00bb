"""The width and height that an image field keeps: those of the cut-out, not of what was given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import ImageField
from django.db.models.fields.files import ImageFieldFile
from django.db.models.signals import class_prepared, pre_save

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.core.files.base import File
    from django.core.files.storage import Storage
    from django.db.models import Field, Model


class KeptFieldFile(ImageFieldFile):
    """The file of an image field whose storage changes pictures.

    Django reads the width and height of what is given to the field. Here they are read of what
    was kept; a turned photograph or a profile with a size makes the two differ.
    """

    def save(self, name: str, content: File[Any], save: bool = True) -> None:  # noqa: FBT001, FBT002 - Django's own signature
        """Keep a file, and its width and height; then the model, unless told otherwise."""
        super().save(name, content, save=False)
        setattr(self.instance, self.field.attname, self.name)  # a name: so the kept file is opened
        if save:
            self.instance.save()

    save.alters_data = True  # type: ignore[attr-defined]  # templates must not call it


def read_kept_files(storage_class: type[Storage]) -> None:
    """Let all image fields with such a storage, and with fields for sizes, use the class above.

    It is done as models are made, those of migrations too. A field with a file class of its own
    (Wagtail's, say) is left alone.

    Args:
        storage_class: Of storages that change pictures.
    """

    def prepare(sender: type[Model], **_: object) -> None:
        fields = list(_sized(_fields_of(sender), storage_class))
        for field in fields:
            field.attr_class = KeptFieldFile
        if fields:
            pre_save.connect(_commit, sender=sender, dispatch_uid=f"{__name__} {id(sender)}")

    class_prepared.connect(prepare, weak=False, dispatch_uid=f"{__name__} {storage_class}")


def _fields_of(model: type[Model]) -> Iterable[Field[Any, Any]]:
    return model._meta.fields  # noqa: SLF001 - it is documented, whatever its name says


def _sized(fields: Iterable[Field[Any, Any]], storage_class: type[Storage]) -> Iterator[ImageField]:
    for field in fields:
        if not isinstance(field, ImageField):
            continue
        names = (getattr(field, "width_field", None), getattr(field, "height_field", None))
        # Not isinstance(): that would set up the default storage, before all models are there.
        is_ours = issubclass(type(field.storage), storage_class)
        if any(names) and is_ours and field.attr_class in {ImageFieldFile, KeptFieldFile}:
            yield field


def _commit(
    sender: type[Model],
    instance: Model,
    *,
    raw: bool,
    update_fields: frozenset[str] | None,
    **_: object,
) -> None:
    """Keep the files before any field's value is taken: that of a width may be taken first."""
    for field in _fields_of(sender):
        is_saved = update_fields is None or field.name in update_fields
        if is_saved and not raw and getattr(field, "attr_class", None) is KeptFieldFile:
            field.pre_save(instance, add=False)
