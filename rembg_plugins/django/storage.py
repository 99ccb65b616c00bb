"""A storage that keeps cut-outs: a picture that is saved loses its background on the way in.

    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "cutouts": {
            "BACKEND": "rembg_plugins.django.storage.CutoutStorage",
            "OPTIONS": {"wraps": "default", "profile": "product"},
        },
    }

A field takes it as ``ImageField(storage=storages["cutouts"])``, or by a function that gives it.
"""

from __future__ import annotations

import logging
import os
from typing import IO, TYPE_CHECKING, Any, Self

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages
from django.core.files.utils import validate_file_name
from django.utils.deconstruct import deconstructible

from rembg_plugins.core.errors import ConfigurationError, RembgError
from rembg_plugins.core.header import EXTENSIONS, SUFFIXES
from rembg_plugins.core.options import DEFAULT_FORMAT
from rembg_plugins.django import cutouts, outputs, setting_values
from rembg_plugins.django.dimensions import read_kept_files
from rembg_plugins.django.incoming import PICTURES, picture_in, seekable, uncut
from rembg_plugins.django.purpose import Purpose, purpose
from rembg_plugins.django.setting_values import SettingError
from rembg_plugins.django.settings import current

if TYPE_CHECKING:
    from datetime import datetime

    from _typeshed import StrPath
    from django.core.files.base import File

    from rembg_plugins.core.options import Options
    from rembg_plugins.core.result import Result
    from rembg_plugins.core.source import Source

_log = logging.getLogger(__name__)


@deconstructible(path="rembg_plugins.django.storage.CutoutStorage")
class CutoutStorage(Storage):
    """Another storage, in which pictures are kept without their backgrounds.

    What is a picture is told by its first bytes; everything else, and SVG, is kept as it comes.
    Only saving may call an engine: ``url()`` and all the rest is the other storage's own.
    It holds nothing but its arguments, so that it pickles and goes into migrations.

    Args:
        wraps: Alias in ``STORAGES`` of the storage that keeps the files.
        profile: Name in ``REMBG["PROFILES"]`` of what to make of pictures.
        on_error: ``"raise"``, or ``"original"`` to keep the picture as it is, in the format of
            the profile; ``REMBG["ON_ERROR"]`` by default.

    Raises:
        ConfigurationError: An argument is of another kind.
    """

    def __init__(
        self, *, wraps: str = "default", profile: str | None = None, on_error: str | None = None
    ) -> None:
        """Check the arguments; nothing is opened yet, and no setting is read."""
        try:
            self.wraps = setting_values.text(wraps)
            self.profile = None if profile is None else setting_values.text(profile)
            self.on_error = None if on_error is None else setting_values.on_error(on_error)
        except SettingError as problem:
            message = f"OPTIONS of CutoutStorage: {problem}."
            raise ConfigurationError(message) from problem

    def __repr__(self) -> str:
        return f"<CutoutStorage wraps={self.wraps!r} profile={self.profile!r}>"

    @property
    def wrapped(self) -> Storage:
        """The storage that keeps the files, as it is configured now.

        Raises:
            ConfigurationError: It would be this one.
            InvalidStorageError: There is none of that alias.
        """
        found = storages[self.wraps]
        if found is self:
            message = f"STORAGES[{self.wraps!r}] wraps itself; let it name another alias."
            raise ConfigurationError(message)
        return found

    @property
    def options(self) -> Options:
        """What is made of pictures.

        Raises:
            ConfigurationError: There is no profile of that name.
        """
        return current().profile(self.profile)

    def save(self, name: str | None, content: IO[Any], max_length: int | None = None) -> str:
        """Keep a file, a picture without its background; give the name that it got.

        A picture gets the extension of the profile's format, whatever it was called.

        Raises:
            SuspiciousFileOperation: The name is none, or there is none that is short enough;
                nothing was spent.
            RembgError: There is no cut-out, and ``on_error`` says to raise.
        """
        name = (getattr(content, "name", None) or "") if name is None else name
        validate_file_name(name, allow_relative_path=True)
        with seekable(content, name) as file:
            picture = picture_in(file, name)
            if picture is None:
                return self._keep(_Decided.unchanged(name), file, max_length)
            return self._save_picture(name, picture, file, max_length)

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """A name that is free; one of a picture with the extension that it will have."""
        decided = name if isinstance(name, _Decided) else self._decide(name)
        return self.wrapped.get_available_name(str(decided), max_length=max_length)

    def generate_filename(self, filename: StrPath) -> str:
        """A valid name; one of a picture with the extension that it will have."""
        return self._decide(self.wrapped.generate_filename(filename))

    def _save_picture(
        self, name: str, picture: Source, file: File[Any], max_length: int | None
    ) -> str:
        options = self.options
        decided = _Decided.instead_of(name, _with_extension(str(name), _format_of(options), ()))
        # Before anything is spent: there may be no name that is short enough.
        free = self.get_available_name(decided, max_length=max_length)
        if outputs.is_output(picture, options):
            return self.wrapped.save(str(free), file, max_length=max_length)
        made = self._made(picture, options, free)
        if made is None:
            return self._keep(_Decided.unchanged(name), file, max_length)
        return self.wrapped.save(str(free), _file_of(made, free), max_length=max_length)

    def _made(self, picture: Source, options: Options, name: str) -> Result | None:
        """The cut-out; or the original in its place; or None, where that cannot be decoded."""
        outer = purpose()
        told = Purpose(picture=outer.picture or name, who=outer.who)
        try:
            result = cutouts.remove(picture, options, purpose=told)
        except RembgError as error:
            if (self.on_error or current().on_error) == "raise":
                raise
            _log.warning("%s is kept with its background: %s", name, error)
        else:
            outputs.remember(result.content, options)
            return result
        try:
            return uncut(picture, options)
        except RembgError as error:
            _log.warning("%s is kept as it came: %s", name, error)
            return None

    def _keep(self, name: _Decided, file: File[Any], max_length: int | None) -> str:
        free = self.get_available_name(name, max_length=max_length)
        return self.wrapped.save(str(free), file, max_length=max_length)

    def _decide(self, name: str) -> _Decided:
        """The name of what is not known yet, and is a picture if its extension says so."""
        format_ = _format_of(self.options)
        return _Decided.instead_of(name, _with_extension(str(name), format_, PICTURES))

    # What follows is the other storage's own; nothing of it calls an engine.

    def open(self, name: str, mode: str = "rb") -> File[Any]:
        """The file of a name."""
        return self.wrapped.open(name, mode)

    def is_name_available(self, name: str, max_length: int | None = None) -> bool:
        """Whether a name is free and short enough."""
        return self.wrapped.is_name_available(name, max_length=max_length)

    def get_valid_name(self, name: str) -> str:
        """A file name, without its folder, that the storage can have."""
        return self.wrapped.get_valid_name(name)

    def get_alternative_name(self, file_root: str, file_ext: str) -> str:
        """Another name, where one is taken."""
        return self.wrapped.get_alternative_name(file_root, file_ext)

    def path(self, name: str) -> str:
        """The path of a file on this machine.

        Raises:
            NotImplementedError: It is not on this machine.
        """
        return self.wrapped.path(name)

    def delete(self, name: str) -> None:
        """Remove a file."""
        self.wrapped.delete(name)

    def exists(self, name: str) -> bool:
        """Whether there is a file of a name."""
        return self.wrapped.exists(name)

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """The folders and files in a folder."""
        return self.wrapped.listdir(path)

    def size(self, name: str) -> int:
        """The length of a file in bytes."""
        return self.wrapped.size(name)

    def url(self, name: str | None, *args: Any, **settings: Any) -> str:
        """Where a browser finds a file; what else is given goes to the other storage."""
        return self.wrapped.url(name, *args, **settings)

    def get_accessed_time(self, name: str) -> datetime:
        """When a file was read last."""
        return self.wrapped.get_accessed_time(name)

    def get_created_time(self, name: str) -> datetime:
        """When a file was made."""
        return self.wrapped.get_created_time(name)

    def get_modified_time(self, name: str) -> datetime:
        """When a file was written last."""
        return self.wrapped.get_modified_time(name)


class _Decided(str):
    """A name whose extension is settled, and the name that was asked for.

    Django asks for a name before it hands over the content. What turns out to be no picture
    gets the name that was asked for.
    """

    __slots__ = ("asked",)

    asked: str

    @classmethod
    def instead_of(cls, asked: str, name: str) -> Self:
        """A name, in place of another."""
        decided = cls(name)
        decided.asked = str(asked)
        return decided

    @classmethod
    def unchanged(cls, name: str) -> Self:
        """The name that was asked for."""
        asked = getattr(name, "asked", name)
        return cls.instead_of(asked, asked)


def _format_of(options: Options) -> str:
    return options.format or DEFAULT_FORMAT


def _with_extension(name: str, format_: str, pictures: frozenset[str] | tuple[str, ...]) -> str:
    """The name with the format's extension; that of another known format is replaced by it.

    Args:
        name: May have none, or one that is no format's: then it is added.
        format_: Of the cut-out.
        pictures: The only formats whose extensions are changed, and nothing is added; empty
            where it is certain that the file is a picture.
    """
    root, extension = os.path.splitext(name)  # noqa: PTH122 - a name in a storage, no path
    own = SUFFIXES.get(extension.lower())
    if own == format_ or (pictures and own not in pictures):
        return name
    return (name if own is None else root) + EXTENSIONS[format_]


def _file_of(result: Result, name: str) -> ContentFile[bytes]:
    file = ContentFile(result.content, name=name)
    # Not every Python knows all four types by their extensions; S3 would call it a byte stream.
    file.content_type = result.media_type  # type: ignore[attr-defined]  # as it stands on an upload
    return file


read_kept_files(CutoutStorage)
