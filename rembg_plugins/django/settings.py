"""The one setting, ``REMBG = {...}``: read on first use, read again after ``setting_changed``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.signals import setting_changed

from rembg_plugins.core.errors import ConfigurationError, FieldError
from rembg_plugins.core.options import Options
from rembg_plugins.django.setting_values import (
    Budget,
    SettingError,
    boolean,
    budget,
    key_source,
    on_error,
    permission,
    profiles,
    seconds,
    text,
)

if TYPE_CHECKING:
    from rembg_plugins.django.setting_values import KeySource, Permission

NAME = "REMBG"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingInfo:
    """What is declared of one key of ``REMBG``.

    Attributes:
        help: One sentence for people.
        parse: Gives the value; raises :class:`SettingError`.
    """

    help: str
    parse: Callable[[object], object]


def _setting(default: object, parse: Callable[[object], object], help_: str) -> Any:
    info = SettingInfo(help=help_, parse=parse)
    return field(default_factory=lambda: default, metadata={"setting": info})


@dataclass(frozen=True, slots=True, kw_only=True)
class RembgSettings:
    """All that ``REMBG`` may hold, checked; the keys are the attributes' names in capitals."""

    engine: str | None = _setting(
        None, text, "Engine; the hosted API where there is a key, else the embedded one."
    )
    api_key: KeySource | None = _setting(
        None,
        key_source,
        "Function that gives the key, or its dotted path; REMBG_API_KEY of the environment else.",
    )
    api_url: str | None = _setting(
        None, text, "Where pictures are sent; REMBG_API_URL of the environment else."
    )
    profiles: Mapping[str, Options] = _setting(
        {}, profiles, "Removal options by the name of a profile."
    )
    store: str = _setting(
        "rembg", text, "Alias in STORAGES under which cut-outs are kept; must be private."
    )
    lock_cache: str = _setting("default", text, "Alias in CACHES for the locks between processes.")
    lock_wait: float = _setting(
        30.0, seconds, "For how many seconds another process's cut-out is waited for."
    )
    defer: bool = _setting(
        False,  # noqa: FBT003 - the default of the field
        boolean,
        "Make cut-outs in a task, and show the original meanwhile.",
    )
    on_error: str = _setting(
        "raise", on_error, "What a storage does where there is no cut-out: raise, or original."
    )
    budget: Budget = _setting(Budget(), budget, "Credits that are spent an hour and a day at most.")
    auto: Permission = _setting(
        True,  # noqa: FBT003 - the default of the field
        permission,
        "Whether a picture on a page may be paid for unasked: True, False, or a function of it.",
    )

    def profile(self, name: str | None) -> Options:
        """The options of a profile; the defaults where there is no name.

        Raises:
            ConfigurationError: There is no such profile.
        """
        if name is None:
            return Options()
        if name not in self.profiles:
            known = ", ".join(sorted(self.profiles)) or "none"
            message = f"There is no profile {name!r} in {NAME}['PROFILES']; profiles: {known}."
            raise ConfigurationError(message)
        return self.profiles[name]


SETTINGS: Mapping[str, SettingInfo] = {
    one.name.upper(): one.metadata["setting"] for one in fields(RembgSettings)
}
"""Name and declaration of each key of ``REMBG``."""


def read(raw: object) -> tuple[RembgSettings | None, tuple[FieldError, ...]]:
    """The settings, or all that is wrong with them; each error's field is the key's name."""
    if not isinstance(raw, Mapping):
        message = f"{NAME} must be a mapping, got: {raw!r}."
        return None, (FieldError(field=None, message=message, code="not_a_mapping"),)
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, value in raw.items():
        info = SETTINGS.get(name)
        if info is None:
            known = ", ".join(SETTINGS)
            message = f"{NAME} has no key {name!r}; keys: {known}."
            errors.append(FieldError(field=str(name), message=message, code="unknown"))
            continue
        try:
            values[name.lower()] = info.parse(value)
        except SettingError as problem:
            message = f"{NAME}[{name!r}]: {problem}."
            errors.append(FieldError(field=name, message=message, code="bad_value"))
    return (None if errors else RembgSettings(**values)), tuple(errors)


@cache
def current() -> RembgSettings:
    """The settings in force.

    Raises:
        ConfigurationError: With everything that is wrong at once.
    """
    found, errors = read(getattr(settings, NAME, {}))
    if found is None:
        text_ = " ".join(error.message for error in errors)
        raise ConfigurationError(text_, errors=errors)
    return found


def _forget(*, setting: str, **_: object) -> None:
    if setting == NAME:
        current.cache_clear()


setting_changed.connect(_forget, dispatch_uid="rembg_plugins.django.settings")
