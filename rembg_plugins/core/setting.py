"""The settings, each declared once, and how a value is shown without its secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")
Kind = Literal["secret", "url", "text", "seconds", "rate"]

MASK = "****"
_SHOWN = 4  # characters at the end of a long secret, to tell two keys apart
_LONG = 16  # characters from which on the rest is still too much to guess
_PASSWORD = re.compile(r"(?<=://)[^/?#]*@")


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingInfo:
    """What is declared of a setting.

    Attributes:
        variable: Its name in the environment and in ``.env``.
        help: One sentence for people.
        kind: How it is read and shown.
        default: Its value where no place has one.
    """

    variable: str
    help: str
    kind: Kind = "text"
    default: str | float | None = None


SETTINGS: Mapping[str, SettingInfo] = {
    "api_key": SettingInfo(
        variable="REMBG_API_KEY", kind="secret", help="Key of the hosted RemBG API."
    ),
    "user_token": SettingInfo(
        variable="REMBG_USER_TOKEN", kind="secret", help="Token of a user, in place of a key."
    ),
    "api_url": SettingInfo(
        variable="REMBG_API_URL",
        kind="url",
        default="https://api.rembg.com/rmbg",
        help="Where pictures are sent.",
    ),
    "usage_url": SettingInfo(
        variable="REMBG_MEMBERSHIP_USAGE_URL",
        kind="url",
        default="https://www.rembg.com/api/membership-usage",
        help="Where the credits that are left are asked for.",
    ),
    "engine": SettingInfo(
        variable="REMBG_ENGINE", help="Engine to use; the API with a key, else the embedded one."
    ),
    "store": SettingInfo(
        variable="REMBG_STORE", help="Where cut-outs are kept, as in file:FOLDER."
    ),
    "connect_timeout_s": SettingInfo(
        variable="REMBG_CONNECT_TIMEOUT",
        kind="seconds",
        default=10.0,
        help="Seconds to wait for a connection.",
    ),
    "read_timeout_s": SettingInfo(
        variable="REMBG_READ_TIMEOUT",
        kind="seconds",
        default=120.0,
        help="Seconds to wait for the next bytes of an answer.",
    ),
    "call_timeout_s": SettingInfo(
        variable="REMBG_CALL_TIMEOUT",
        kind="seconds",
        default=900.0,
        help="Seconds for sending all of a picture, and again for all of its answer.",
    ),
    "rate": SettingInfo(
        variable="REMBG_RATE",
        kind="rate",
        default="200/10",
        help="Requests to the API, in how many seconds, of all threads together at most; or off.",
    ),
}
"""Name and declaration of each setting; the names are the arguments of ``configure()``.

Source of the variables and addresses: API reference; the names of the time-outs and of the rate
are ours. Source of the rate: 200 requests in 10 s a key, seen by users of the API in production.
"""

SECRETS = tuple(name for name, info in SETTINGS.items() if info.kind == "secret")
URLS = tuple(name for name, info in SETTINGS.items() if info.kind == "url")


@dataclass(frozen=True, slots=True, repr=False)
class Setting(Generic[T]):
    """A value and where it came from.

    Attributes:
        value: The value; None where it is not set and has no default.
        origin: ``"argument"``, ``"environment"``, the path of a ``.env`` file, ``"plugin"`` or
            ``"default"``.
        kind: How it is shown.
    """

    value: T
    origin: str = "default"
    kind: Kind = "text"

    @property
    def shown(self) -> str:
        """The value for people: secrets masked, no password or query in a URL, ``not set``."""
        if self.value is None:
            return "off" if self.kind == "rate" else "not set"
        text = str(self.value)
        if self.kind == "secret":
            return mask_secret(text)
        if self.kind == "url":
            text, mark, _ = text.partition("?")
            return hide_password(text) + (f"?{MASK}" if mark else "")
        return hide_password(text)

    def __repr__(self) -> str:
        return f"Setting({self.shown!r}, origin={self.origin!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        if self.kind == "secret" and self.value is not None:
            message = "A setting that holds a secret is not pickled: configure() again over there."
            raise TypeError(message)
        return type(self), (self.value, self.origin, self.kind)


def mask_secret(secret: str) -> str:
    """A secret for people: ``****`` and, of 16 characters or more, the last 4.

    The mask is always as long, so that it does not tell the length.
    """
    return f"{MASK}{secret[-_SHOWN:]}" if len(secret) >= _LONG else MASK


def hide_password(url: str) -> str:
    """A URL or any other text without what stands between ``://`` and ``@``."""
    return _PASSWORD.sub(f"{MASK}@", url)


def setting_of(name: str, value: object, origin: str) -> Setting[object]:
    """A value as the setting of that name."""
    return Setting(value, origin, SETTINGS[name].kind)


def named(name: str, setting: Setting[object]) -> str:
    """A setting as its user knows it: ``REMBG_API_KEY (from environment)``."""
    if setting.origin in {"argument", "plugin"}:
        return f"{name} (from the {setting.origin})"
    return f"{SETTINGS[name].variable} (from {setting.origin})"
