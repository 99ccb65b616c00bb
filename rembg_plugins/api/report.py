"""What the body of an error answer says: the API's JSON, or the page of a proxy."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rembg_plugins.api.authentication import scrub
from rembg_plugins.api.causes import shorten
from rembg_plugins.api.json_text import read_json
from rembg_plugins.core.errors import FieldError
from rembg_plugins.core.messages import code_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_DETAILS = 50
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_MARKUP = re.compile(r"\s*<[!a-z?]", re.IGNORECASE)
_SENTENCES = ("error", "message", "detail")
"""Members that may hold the sentence; the API documents the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an error answer says, with the secrets masked.

    Attributes:
        text: The whole body.
        sentence: The one sentence for people in it, or an empty string.
        errors: The single problems with fields.
        several: Whether the answer lists its problems; ``sentence`` then only says so.
    """

    text: str
    sentence: str = ""
    errors: tuple[FieldError, ...] = ()
    several: bool = False


def read_report(body: bytes, secrets: Iterable[str] = ()) -> Report:
    """What an error answer says, whatever its media type claims.

    Source: API reference, "Error Responses"; pages of proxies come as HTML or plain text.
    """
    secrets = tuple(secrets)
    text = scrub(body.decode(errors="replace"), secrets)
    try:
        data = read_json(body)
    except ValueError:
        return Report(text=text, sentence=scrub(_sentence_of_page(text), secrets))
    if not isinstance(data, dict):
        return Report(text=text)
    sentence = next((data[name] for name in _SENTENCES if isinstance(data.get(name), str)), "")
    sentence = shorten(scrub(sentence, secrets))
    details = data.get("details")
    if isinstance(details, list) and details:
        found = (_field_error(item, secrets) for item in details[:_MOST_DETAILS])
        errors = tuple(error for error in found if error is not None)
        return Report(text=text, sentence=sentence, errors=errors, several=bool(errors))
    error = _field_error({"field": data.get("field"), "message": sentence}, secrets)
    return Report(text=text, sentence=sentence, errors=() if error is None else (error,))


def _field_error(item: object, secrets: tuple[str, ...]) -> FieldError | None:
    if not isinstance(item, dict):
        return None
    field, message = item.get("field"), item.get("message")
    if not (isinstance(field, str) and field and isinstance(message, str) and message):
        return None
    message = shorten(scrub(message, secrets))
    field = shorten(scrub(field, secrets), 80)
    return FieldError(field=field, message=message, code=code_of(message))


def _sentence_of_page(text: str) -> str:
    """The title of a page, or a short plain text as it is."""
    if _MARKUP.match(text):
        title = _TITLE.search(text)
        return shorten(html.unescape(title.group(1)), 120) if title else ""
    return shorten(text, 120)
