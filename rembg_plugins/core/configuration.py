"""Every setting, the place each one came from, and the rules between them.

Arguments win over the environment, the environment over ``.env``, and that over a plugin; see
:func:`configure`. No secret is shown: not in a ``repr``, not in a message, not in a pickle.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from rembg_plugins.core.credentials import (
    Credentials,
    CredentialsSource,
    ask,
    check_credentials,
    check_places,
)
from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.core.rate import Rate, parse_rate
from rembg_plugins.core.setting import (
    SECRETS,
    SETTINGS,
    Setting,
    hide_password,
    mask_secret,
    named,
    setting_of,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "LONGEST_TIMEOUT_S",
    "Configuration",
    "Credentials",
    "CredentialsSource",
    "Setting",
    "configure",
    "find_settings",
    "mask_secret",
]

LONGEST_TIMEOUT_S = 86_400.0

_TEXTS = {"secret", "url", "text"}

_Place = tuple[str, Mapping[str, object]]
"""An origin, and what it has by the settings' names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """All settings; equal ones have equal hashes, so that an adapter can be shared by them.

    Its ``repr`` shows no secret, and one that holds a secret cannot be pickled.
    """

    api_key: Setting[str | None]
    user_token: Setting[str | None]
    api_url: Setting[str]
    usage_url: Setting[str]
    engine: Setting[str | None]
    store: Setting[str | None]
    connect_timeout_s: Setting[float]
    read_timeout_s: Setting[float]
    call_timeout_s: Setting[float]
    rate: Setting[Rate | None]


class Arguments(TypedDict, total=False):
    """The settings as keywords; None and empty text stand for "not given"."""

    api_key: str | None
    user_token: str | None
    api_url: str | None
    usage_url: str | None
    engine: str | None
    store: str | None
    connect_timeout_s: float | None
    read_timeout_s: float | None
    call_timeout_s: float | None
    rate: Rate | str | None


def configure(
    *,
    environ: Mapping[str, str] | None = None,
    dotenv: Path | None = None,
    profile: str | None = None,
    credentials: CredentialsSource | None = None,
    **arguments: Unpack[Arguments],
) -> Configuration:
    """The settings in force, checked.

    Of the arguments, the environment, ``.env`` and the plugin, in this order, the first that has
    a setting wins; empty text counts as not set. The plugin is asked only where no other place
    has a key or a token. A ``profile`` is a wish of the caller's: its credentials come before the
    environment, and no key or token of the environment or of ``.env`` is used then.

    Args:
        environ: The environment; that of this process by default.
        dotenv: A ``.env`` file, which need not exist; None reads none.
        profile: Whose credentials a plugin is asked for.
        credentials: Whom to ask for them.
        **arguments: Settings by name; time-outs are above 0 and at most 86400 s, and the rate is
            a :class:`~rembg_plugins.core.rate.Rate`, ``"200/10"`` or ``"off"``.

    Raises:
        ConflictingCredentialsError: There are a key and a token.
        ConfigurationError: A value is bad, a file is unreadable, or a key and the URL that it
            would be sent to come from different places.
    """
    settings = find_settings(
        environ=environ, dotenv=dotenv, profile=profile, credentials=credentials, **arguments
    )
    check_credentials(settings)
    check_places(settings)
    parsed: dict[str, Any] = {name: _parse(name, setting) for name, setting in settings.items()}
    return Configuration(**parsed)


def find_settings(
    *,
    environ: Mapping[str, str] | None = None,
    dotenv: Path | None = None,
    profile: str | None = None,
    credentials: CredentialsSource | None = None,
    **arguments: Unpack[Arguments],
) -> dict[str, Setting[object]]:
    """Every setting by name with its origin, nothing checked: what ``doctor`` prints.

    The arguments are those of :func:`configure`.

    Raises:
        ConfigurationError: ``.env`` is unreadable, or nobody has the profile's credentials.
    """
    unknown = arguments.keys() - SETTINGS.keys()
    if unknown:
        message = f"There is no setting {', '.join(sorted(unknown))}"
        raise TypeError(message)
    places: list[_Place] = [
        ("argument", arguments),
        ("environment", _by_name(os.environ if environ is None else environ)),
    ]
    if dotenv is not None:
        places.append((str(dotenv.absolute()), _by_name(_read_dotenv(dotenv))))
    if profile:
        public = [(origin, _without_secrets(values)) for origin, values in places[1:]]
        places = [places[0], ("plugin", ask(credentials, profile)), *public]
    elif credentials is not None and not any(_has_secret(values) for _, values in places):
        places.append(("plugin", ask(credentials, None)))
    return {name: _find(name, places) for name in SETTINGS}


def _find(name: str, places: list[_Place]) -> Setting[object]:
    for origin, values in places:
        value = _given(values.get(name))
        if value is not None:
            setting = setting_of(name, value, origin)
            if setting.kind in _TEXTS and not isinstance(value, str):
                kind = type(value).__name__  # the value itself may be a secret
                message = f"{named(name, setting)} must be text, not of type {kind}."
                raise ConfigurationError(message)
            return setting
    return setting_of(name, SETTINGS[name].default, "default")


def _given(value: object) -> object:
    """The value without blanks around it; None for empty text."""
    return (value.strip() or None) if isinstance(value, str) else value


def _by_name(variables: Mapping[str, str | None]) -> dict[str, object]:
    return {name: variables.get(info.variable) for name, info in SETTINGS.items()}


def _has_secret(values: Mapping[str, object]) -> bool:
    return any(_given(values.get(name)) is not None for name in SECRETS)


def _without_secrets(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if name not in SECRETS}


def _read_dotenv(path: Path) -> Mapping[str, str | None]:
    """The variables of a ``.env`` file; lines that are none are logged and left out.

    No variable is put into the environment, and none is expanded: a stranger's file must not
    read our environment into a URL.
    """
    if not path.is_file():  # absent, or a virtual environment of that name
        return {}
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        reason = "it is not UTF-8 text" if isinstance(problem, ValueError) else problem.strerror
        message = f"Cannot read {path}: {reason}. Mend the file, or remove it."
        raise ConfigurationError(message) from problem
    import dotenv  # noqa: PLC0415 - only where there is such a file

    return dotenv.dotenv_values(stream=io.StringIO(text), interpolate=False)


def _parse(name: str, setting: Setting[object]) -> Setting[Any]:
    """The setting with its value as it is used."""
    if setting.kind == "seconds":
        return _parse_seconds(name, setting)
    if setting.kind == "rate":
        rate = parse_rate(setting.value, name=named(name, setting))
        return Setting(rate, setting.origin, setting.kind)
    return setting


def _parse_seconds(name: str, setting: Setting[object]) -> Setting[float]:
    seconds = _number(setting.value)
    if not 0 < seconds <= LONGEST_TIMEOUT_S:
        message = (
            f"{named(name, setting)} is {hide_password(str(setting.value))!r}: give a number of "
            f"seconds above 0, at most {LONGEST_TIMEOUT_S:.0f}, as in "
            f"{SETTINGS[name].variable}={SETTINGS[name].default:.0f}."
        )
        raise ConfigurationError(message)
    return Setting(seconds, setting.origin, setting.kind)


def _number(value: object) -> float:
    """The number that a text or number stands for; not a number for anything else."""
    if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
        return math.nan
    try:
        return float(value)  # type: ignore[arg-type]  # a TypeError is an answer here
    except (TypeError, ValueError, OverflowError):
        return math.nan
