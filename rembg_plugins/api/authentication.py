"""The key or token that a request is sent with, and how it is kept out of everything else."""

from __future__ import annotations

import base64
import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote, unquote

from rembg_plugins.core.errors import ConfigurationError, ConflictingCredentialsError
from rembg_plugins.core.messages import CONFLICTING_CREDENTIALS

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = "***"
_SENDABLE = re.compile(r"[\x21-\x7e]+")
_SHORTEST = 4  # characters; what is shorter is no secret, and masking it would garble every text


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Authentication:
    """An API key, or a user token, or neither: the anonymous tier.

    Not picklable, and its ``repr`` shows neither.

    Attributes:
        api_key: Travels as ``x-api-key``.
        user_token: Travels as ``Authorization: Bearer``.

    Raises:
        ConfigurationError: One of them is no text, or cannot be sent in a header; it is not
            repeated.
        ConflictingCredentialsError: Both are given.
    """

    api_key: str | None = None
    user_token: str | None = None

    def __post_init__(self) -> None:
        """Refuse what a library below would refuse too, but repeat in its message."""
        for name, value in (("API key", self.api_key), ("user token", self.user_token)):
            if value is None:
                continue
            check_text(f"The {name}", value)
            if not _SENDABLE.fullmatch(value):
                message = (
                    f"The {name} cannot be sent: it is empty, or has spaces, line breaks or "
                    "characters other than ASCII in it. Copy it again, without them."
                )
                raise ConfigurationError(message)
        if self.api_key and self.user_token:
            raise ConflictingCredentialsError(CONFLICTING_CREDENTIALS.text)

    def __repr__(self) -> str:
        kind = "api_key" if self.api_key else "user_token" if self.user_token else ""
        return f"Authentication({kind}={MASK!r})" if kind else "Authentication()"

    def __reduce__(self) -> NoReturn:
        message = "an authentication is not picklable: it holds the key"
        raise TypeError(message)

    @property
    def anonymous(self) -> bool:
        """Whether there are none."""
        return not self.secrets

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be seen anywhere."""
        return tuple(value for value in (self.api_key, self.user_token) if value)

    def headers(self) -> dict[str, str]:
        """The header that carries them.

        Source: API reference, "Authentication"; that a token travels as Bearer is assumed.
        """
        if self.api_key:
            return {"x-api-key": self.api_key}
        if self.user_token:
            return {"Authorization": f"Bearer {self.user_token}"}
        return {}


def check_text(name: str, value: object) -> None:
    """Refuse what is no text, such as a key in bytes.

    Args:
        name: How it is called in the error.
        value: Is not repeated: it may be a secret.

    Raises:
        ConfigurationError: It is none.
    """
    if not isinstance(value, str):
        message = f"{name} must be text, not of type {type(value).__name__}."
        raise ConfigurationError(message)


def secrets_of_proxy(proxy: str) -> tuple[str, ...]:
    """The password in a proxy's URL, in each form in which it travels or may be repeated."""
    userinfo, at, _ = proxy.rpartition("@")
    user, colon, password = userinfo.rpartition("//")[2].partition(":")
    if not at or not colon:
        return ()
    plain = f"{unquote(user)}:{unquote(password)}"
    basic = base64.b64encode(plain.encode("latin-1", "replace")).decode()
    return (password, unquote(password), basic)


def scrub(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret masked, in any case and however it was quoted."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            pattern = "".join(_forms_of(char) for char in secret)
            text = re.sub(pattern, MASK, text, flags=re.IGNORECASE)
    return text


def scrub_bytes(content: bytes, secrets: Iterable[str]) -> bytes:
    """As :func:`scrub`, for a text of unknown encoding."""
    return scrub(content.decode("latin-1"), secrets).encode("latin-1")


def _forms_of(char: str) -> str:
    """A pattern of what a character may become in a URL, in HTML and in JSON."""
    if char.isalnum():
        return re.escape(char)
    code = ord(char)
    forms = [  # the longest first
        f"&#0*{code};",
        f"&#x0*{code:x};",
        f"\\\\u{code:04x}",
        re.escape(quote(char, safe="")),
        f"\\\\?{re.escape(char)}",
    ]
    entity = html.escape(char)
    return f"(?:{'|'.join([re.escape(entity), *forms] if entity != char else forms)})"
