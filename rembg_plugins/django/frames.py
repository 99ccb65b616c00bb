"""Errors without the frames that they came through: those hold the key, and are shown."""

from __future__ import annotations

from typing import TypeVar

from rembg_plugins.core.errors import RembgError

E = TypeVar("E", bound=RembgError)


def without_frames(error: E) -> E:
    """The same error, as if it had arisen here; what it says and carries stays.

    Django's error pages and mails, and services that collect errors, show the local variables of
    every frame: the headers of a request among them. To be raised ``from None``.
    """
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
