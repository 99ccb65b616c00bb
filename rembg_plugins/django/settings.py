"""The one setting, ``REMBG = {...}``: read on first use, read again after ``setting_changed``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
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
    duration,
    enqueue,
    key_source,
    on_error,
    permission,
    profiles,
    seconds,
    text,
    url,
)

if TYPE_CHECKING:
    from rembg_plugins.django.setting_values import Enqueue, KeySource, Permission

NAME = "REMBG"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingInfo:
    """What is declared of one key of ``REMBG``.

    Attributes:
        help: One sentence for people.
        parse: Gives the value; raises :class:`SettingError`.
        example: A value that could stand there, as it is written in Python.
        default: The value that holds where none is given, as the documentation shows it.
    """

    help: str
    parse: Callable[[object], object]
    example: str
    default: str


def _setting(
    default: object, parse: Callable[[object], object], example: str, help_: str, shown: str = ""
) -> Any:
    info = SettingInfo(help=help_, parse=parse, example=example, default=shown or f"`{default!r}`")
    return field(default_factory=lambda: default, metadata={"setting": info})


@dataclass(frozen=True, slots=True, kw_only=True)
class RembgSettings:
    """All that ``REMBG`` may hold, checked; the keys are the attributes' names in capitals."""

    engine: str | None = _setting(
        None,
        text,
        '"api"',
        "Engine: api, local, rembg:MODEL, or a plugin's.",
        "`api` where there is a key, else `local`",
    )
    api_key: KeySource | None = _setting(
        None,
        key_source,
        '"shop.secrets.rembg_key"',
        "Function that gives the key, or its dotted path; never the key itself.",
        "`REMBG_API_KEY` of the environment",
    )
    api_url: str | None = _setting(
        None,
        url,
        '"https://api.rembg.com/rmbg"',
        "Where pictures are sent.",
        "`REMBG_API_URL` of the environment, else the API's own",
    )
    profiles: Mapping[str, Options] = _setting(
        {},
        profiles,
        '{"product": {"format": "PNG", "bg_color": "#ffffff"}}',
        "Removal options by the name of a profile.",
    )
    store: str = _setting(
        "rembg", text, '"private"', "Alias in STORAGES under which cut-outs are kept; private."
    )
    lock_cache: str = _setting(
        "default", text, '"locks"', "Alias in CACHES for the locks between processes."
    )
    lock_wait: float = _setting(
        30.0, seconds, "10", "For how many seconds another process's cut-out is waited for.", "`30`"
    )
    timeout: float = _setting(
        60.0,
        duration,
        "20",
        "Seconds that sending a picture may take, and again its whole answer; it stands in place "
        "of REMBG_READ_TIMEOUT and REMBG_CALL_TIMEOUT.",
        "`60`",
    )
    defer: bool = _setting(
        False,  # noqa: FBT003 - the default of the field
        boolean,
        "True",
        "Make cut-outs in a task, and show the original meanwhile.",
    )
    enqueue: Enqueue | None = _setting(
        None,
        enqueue,
        '"shop.tasks.enqueue"',
        "Function that hands a task to a queue of your own, as Celery's, or its dotted path.",
        "the tasks of Django",
    )
    on_error: str = _setting(
        "raise",
        on_error,
        '"original"',
        "What a storage does where there is no cut-out: raise, or original.",
    )
    budget: Budget = _setting(
        Budget(),
        budget,
        '{"hour": 50, "day": 200}',
        "Credits that are spent in an hour and in a day, UTC, at most.",
        "no bound",
    )
    auto: Permission = _setting(
        True,  # noqa: FBT003 - the default of the field
        permission,
        '"shop.pictures.may_be_paid_for"',
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


def read(raw: object) -> tuple[RembgSettings, tuple[FieldError, ...]]:
    """What is right of the settings, and all that is wrong; an error's field is the key's name."""
    if not isinstance(raw, Mapping):
        # The value is not shown: it may be a key.
        message = f"{NAME} must be a mapping, as in {NAME} = {{}}, got: {type(raw).__name__}."
        return RembgSettings(), (FieldError(field=None, message=message, code="not_a_mapping"),)
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, value in raw.items():
        info = SETTINGS.get(name)
        if info is None:
            message = f"{NAME} has no key {name!r}.{_meant(name)}"
            errors.append(FieldError(field=str(name), message=message, code="unknown"))
            continue
        if value is None:  # as os.environ.get() gives it: not given
            continue
        try:
            values[name.lower()] = info.parse(value)
        except SettingError as problem:
            message = f"{NAME}[{name!r}]: {problem}."
            errors.append(FieldError(field=name, message=message, code=problem.code))
    return RembgSettings(**values), tuple(errors)


def _meant(name: object) -> str:
    near = get_close_matches(str(name).upper(), SETTINGS, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


@cache
def current() -> RembgSettings:
    """The settings in force.

    Raises:
        ConfigurationError: With everything that is wrong at once.
    """
    found, errors = read(getattr(settings, NAME, {}))
    if errors:
        text_ = " ".join(error.message for error in errors)
        raise ConfigurationError(text_, errors=errors)
    return found


def _forget(*, setting: str, **_: object) -> None:
    if setting == NAME:
        current.cache_clear()


setting_changed.connect(_forget, dispatch_uid="rembg_plugins.django.settings")
