"""Keys and tokens: who gives them, and where they may be sent."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, NoReturn, Protocol

from rembg_plugins.core import messages
from rembg_plugins.core.errors import ConfigurationError, ConflictingCredentialsError, RembgError
from rembg_plugins.core.setting import SECRETS, SETTINGS, URLS, Setting, named, setting_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SENDABLE = re.compile(r"[\x21-\x7e]+")  # what every header can carry: RFC 9110, section 5.5


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Credentials:
    """What a plugin gives for a profile; see the hook ``rembg_get_credentials``.

    Attributes:
        api_key: Key of the API, or None.
        user_token: Token of a user, or None; never together with a key.
        api_url: Where the key may be sent, or None for the API's own address.
        usage_url: Where the credits that are left are asked for, or None likewise.
    """

    api_key: str | None = None
    user_token: str | None = None
    api_url: str | None = None
    usage_url: str | None = None

    def __repr__(self) -> str:
        settings = {
            f.name: setting_of(f.name, getattr(self, f.name), "plugin") for f in fields(self)
        }
        shown = ", ".join(f"{name}={setting.shown!r}" for name, setting in settings.items())
        return f"Credentials({shown})"

    def __reduce__(self) -> NoReturn:
        message = "Credentials are not pickled: ask the plugin again over there."
        raise TypeError(message)


class CredentialsSource(Protocol):
    """Gives the credentials of a profile; ``manager.hook.rembg_get_credentials`` is one."""

    def __call__(self, *, profile: str | None) -> Credentials | None:
        """Give the credentials, or None where there are none."""


def ask(source: CredentialsSource | None, profile: str | None) -> Mapping[str, object]:
    """What a plugin has for a profile, by the settings' names."""
    try:
        answer = source(profile=profile) if source is not None else None
    except RembgError:
        raise
    except Exception as problem:
        # The text may hold what the plugin read, so only the class is told.
        message = f"The plugin that gives credentials failed: {type(problem).__name__}."
        raise ConfigurationError(message) from problem
    if isinstance(answer, Credentials):
        return {field.name: getattr(answer, field.name) for field in fields(answer)}
    if answer is not None:
        message = f"A plugin gave a {type(answer).__name__} for credentials; expected Credentials."
        raise ConfigurationError(message)
    if profile:
        message = f"No plugin has credentials for the profile '{profile}'."
        raise ConfigurationError(message)
    return {}


def check_credentials(settings: Mapping[str, Setting[object]]) -> None:
    """A key and a token must not be sent together; neither may break the header."""
    if all(settings[name].value is not None for name in SECRETS):
        raise ConflictingCredentialsError(messages.CONFLICTING_CREDENTIALS.text)
    for name in SECRETS:
        secret = settings[name]
        if secret.value is not None and not _SENDABLE.fullmatch(str(secret.value)):
            message = (
                f"{named(name, secret)} cannot be sent: it has spaces, line breaks or characters "
                "other than ASCII in it. Copy it again, without them."
            )
            raise ConfigurationError(message)


def check_places(settings: Mapping[str, Setting[object]]) -> None:
    """A secret goes only to a URL of the same place, or to the API's own.

    Else a ``.env`` in a stranger's folder could have the key of my environment sent to its
    author.
    """
    for name, url in _foreign_urls(settings):
        for secret_name in SECRETS:
            secret = settings[secret_name]
            if secret.value is not None and secret.origin != url.origin:
                message = (
                    f"{named(secret_name, secret)} would be sent to {url.shown}, which is "
                    f"{named(name, url)}. A key is only sent to a URL that was set in the same "
                    f"place: set both there, or remove one of them."
                )
                raise ConfigurationError(message)


def _foreign_urls(
    settings: Mapping[str, Setting[object]],
) -> Iterator[tuple[str, Setting[object]]]:
    for name in URLS:
        if settings[name].value != SETTINGS[name].default:
            yield name, settings[name]
