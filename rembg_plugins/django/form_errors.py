"""What a visitor reads where there is no cut-out: nothing of the site's keys, limits and paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from rembg_plugins.core.outcomes import outcome
from rembg_plugins.django.visitors import VisitorLimitError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.utils.functional import _StrOrPromise

    from rembg_plugins.core.errors import RembgError
    from rembg_plugins.core.errors import ValidationError as PictureError

_LATER = _("Backgrounds cannot be removed at the moment. Please try again later.")
_ANOTHER = _("The background of this picture could not be removed. Please try another one.")

MESSAGES: Mapping[str, _StrOrPromise] = {
    "visitor_limit": _("You have sent as many pictures as one may for now. Please try later."),
    "pending": _("This picture is being worked on just now. Please send it again in a minute."),
    "too_large": _("The picture is too large. Please choose a smaller one."),
    "refused": _ANOTHER,
    "bad_answer": _ANOTHER,
    "budget": _LATER,
    "configuration": _LATER,
    "unavailable": _LATER,
    "timeout": _LATER,
    "authentication": _LATER,
    "quota": _LATER,
    "permission": _LATER,
    "email_not_verified": _LATER,
    "rate_limit": _LATER,
    "output": _LATER,
    "error": _LATER,
    "interrupted": _LATER,
}
"""Texts by the code of the error; a field may have others, as its ``error_messages``."""

_INVALID = "invalid"
_INVALID_IMAGE = "invalid_image"  # Django's own name of the text; "invalid" is of the upload
_FOR_VISITORS = {
    *("too_large", "too_wide", "too_tall", "unsupported_type", "bad_signature", "empty"),
    "no_pixels",
}  # problems whose text names nothing but the picture


def of_picture(error: PictureError, messages: Mapping[str, _StrOrPromise]) -> ValidationError:
    """What is wrong with a picture by its first look; each ``params["reason"]`` tells it apart.

    Args:
        error: With one error at least.
        messages: Texts of the field, by the reason; else the text is that of the rule.
    """
    told = []
    for one in error.errors:
        text = messages.get(one.code)
        if text is None or text is MESSAGES.get(one.code):  # none of the field's own
            text = one.message if one.code in _FOR_VISITORS else messages[_INVALID_IMAGE]
        params = {"text": text, "reason": one.code}
        told.append(ValidationError("%(text)s", code=_INVALID, params=params))
    return ValidationError(told)


def of_call(error: RembgError, messages: Mapping[str, _StrOrPromise]) -> ValidationError:
    """Why there is no cut-out; the code is the one that the outcomes have for it.

    Args:
        error: What went wrong; its own text is for the site's people, in the ledger.
        messages: Texts of the field.
    """
    code = name = outcome(error).form_code
    if isinstance(error, VisitorLimitError):
        name = "visitor_limit"
    elif code == _INVALID:
        name = _INVALID_IMAGE
    return ValidationError("%(text)s", code=code, params={"text": messages[name], "reason": name})
