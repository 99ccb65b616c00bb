"""The texts of everything that can be wrong with a picture or an option, each written once.

A text that the API documents stands here word for word, so that the user reads the same
sentence wherever the mistake was caught. :func:`code_of` reads the table backwards: it tells
which problem a sentence of the API's is about.
Source: API reference, "Error Responses" and "Error Reference"; rows marked *ours* are not there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from rembg_plugins.core.errors import FieldError

ALLOWED_EXTENSIONS = ("webp", "bmp", "png", "jpg", "jpeg")
ALLOWED_FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
_SHOWN = 80  # characters of a bad value that a message repeats


@dataclass(frozen=True, slots=True)
class Message:
    """A text with gaps: ``{name}`` for the field, ``{value}`` and others for what was given."""

    code: str
    text: str

    def on(self, field: str | None, **values: object) -> FieldError:
        """Fill the gaps in and give the error of that field."""
        shown = {name: _shorten(str(value)) for name, value in values.items()}
        return FieldError(
            field=field, message=self.text.format(name=field, **shown), code=self.code
        )


NO_IMAGE = Message(
    "missing", "No image file provided. Please include an 'image' field in your form data."
)
NO_FILE = Message("no_file", "No file selected. Please choose an image file to upload.")
UNSUPPORTED_TYPE = Message(
    "unsupported_type",
    "File type '{extension}' is not supported. Allowed formats: " + ", ".join(ALLOWED_EXTENSIONS),
)
BAD_SIGNATURE = Message(
    "bad_signature", "File does not appear to be a valid image (invalid file signature)"
)
EMPTY = Message("empty", "Uploaded file is empty (0 bytes).")
TOO_LARGE = Message(
    "too_large", "File size ({size} MB) exceeds the maximum allowed size of {maximum} MB."
)
TOO_WIDE = Message(
    "too_wide", "Image width ({value}px) exceeds the maximum allowed width of {maximum}px."
)
TOO_TALL = Message(
    "too_tall", "Image height ({value}px) exceeds the maximum allowed height of {maximum}px."
)
NOT_INTEGER = Message("not_integer", "'{name}' must be an integer, got: {value}")
NOT_NUMBER = Message("not_number", "'{name}' must be a number, got: {value}")
TOO_SMALL = Message("too_small", "'{name}' must be at least {minimum}, got: {value}")
TOO_BIG = Message("too_big", "'{name}' must be at most {maximum}, got: {value}")
OUT_OF_RANGE = Message(
    "out_of_range", "'{name}' must be between {minimum} and {maximum} {unit}, got: {value}"
)
BAD_FORMAT = Message(
    "bad_format", "Invalid format {value}. Allowed formats: " + ", ".join(ALLOWED_FORMATS)
)
BAD_COLOR = Message(
    "bad_color",
    "Invalid color format {value}. Use hex format: #RGB, #RGBA, #RRGGBB, or #RRGGBBAA",
)
MASK_AND_COLOR = Message(
    "mask_and_color",
    "Cannot use 'mask=true' together with 'bg_color'. Choose one or the other.",
)
CONFLICTING_CREDENTIALS = Message(
    "conflicting_credentials", "This is a mistake: Cannot use both API key and user token"
)
INVALID_KEY = Message("invalid_key", "invalid api key")
EMAIL_NOT_VERIFIED = Message(
    "email_not_verified", "Email address not verified – please check your inbox"
)
RATE_LIMIT = Message(
    "rate_limit", "You're making requests too quickly, Please Upgrade or slow down."
)
DAILY_LIMIT = Message(
    "daily_limit", "You've reached your daily limit. Please sign up for more access."
)
MONTHLY_LIMIT = Message(
    "monthly_limit", "You've reached your monthly limit. Consider purchasing more credits."
)
# Ours: the API documents no text for these.
PERIOD_AND_MONTH = Message(
    "period_and_month", "Cannot use '{name}' together with 'year' or 'month'. Choose one."
)
BAD_FORM = Message("bad_form", "The form cannot be read: {reason}")
NOT_BOOLEAN = Message("not_boolean", "'{name}' must be true or false, got: {value}")
UNKNOWN_OPTION = Message("unknown_option", "There is no option '{option}'. Options: {options}")
UNREADABLE = Message("unreadable", "Cannot read {value}: {reason}")
BAD_BASE64 = Message("bad_base64", "Not valid base64: {reason}")
NOT_A_SOURCE = Message(
    "not_a_source",
    "Cannot take a picture from {value}. Give a path, bytes, a binary file, a PIL image, "
    "a 'data:' URL or {{'base64': ...}}.",
)
NO_PIXELS = Message("no_pixels", "The picture has no pixels ({width} x {height}).")
CANNOT_TRANSCODE = Message("cannot_transcode", "Cannot re-encode this {format} picture: {reason}")
SUFFIX_MISMATCH = Message(
    "suffix_mismatch",
    "'{value}' is a name for {expected}, but the picture is {format}. "
    "Ask for format='{expected}', or save it as '{suggestion}'.",
)
SUFFIX_FOREIGN = Message(
    "suffix_mismatch",
    "'{value}' is a name for {expected}, but the picture is {format}. Save it as '{suggestion}'.",
)

SEVERAL = "Multiple validation errors"
"""The sentence above the list, where there are several."""

# Reasons that a message above repeats.
OPENED_AS_TEXT = "it was opened as text; open it with 'rb'"
HAS_CHANGED = "it has changed since it was checked"
NO_COMMA = "the data URL has no comma"
NEEDS_HEIF = "that needs the package pillow-heif (pip install 'rembg-plugins[heif]')"

# What is wrong with an answer of the API.
NO_PICTURE = "The API answered with something that is no picture ({length} bytes)."
CUT_SHORT = "The API's {format} picture is cut short: it has no end ({length} bytes)."
UNEXPLAINED_SIZE = (
    "The API's picture is {size} px; a picture of {source} px with these options "
    "should give {expected} px."
)
DOWNSCALED = (
    "The API's picture is {size} px instead of {expected} px: shrunk to fit into 460 x 460 px, "
    "as happens when an account has run out of credits."
)

_ALL = tuple(value for value in dict(globals()).values() if isinstance(value, Message))


def code_of(sentence: str) -> str:
    """The code of the problem that a sentence of the API's is about.

    Returns:
        A code such as ``"too_wide"``, or ``"invalid"`` for a wording that we do not know.
    """
    for message in _ALL:
        if _pattern(message).fullmatch(sentence.strip()):
            return message.code
    return "invalid"


@cache
def _pattern(message: Message) -> re.Pattern[str]:
    pieces = re.split(r"\{\w+\}", message.text.replace("{{", "{").replace("}}", "}"))
    return re.compile(".*".join(re.escape(piece) for piece in pieces), re.DOTALL)


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
