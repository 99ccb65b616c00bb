"""Whom and what a cut-out is made for: what the ledger says of a call."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What the ledger keeps beside the call itself.

    Attributes:
        picture: Which picture, as in ``wagtailimages.image:12`` or a file's name.
        who: Who asked for it: a user's name, or ``form:ADDRESS``; empty for a page's visitor.
    """

    picture: str = ""
    who: str = ""


_NONE = Purpose()
_purpose: ContextVar[Purpose] = ContextVar("rembg_purpose", default=_NONE)


def purpose() -> Purpose:
    """That of the call under way in this thread."""
    return _purpose.get()


@contextmanager
def on_behalf(given: Purpose) -> Iterator[None]:
    """Let calls in the block be made for a purpose."""
    token = _purpose.set(given)
    try:
        yield
    finally:
        _purpose.reset(token)
