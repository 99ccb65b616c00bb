"""What may stand in ``REMBG = {...}``, and how each value is read."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from django.utils.module_loading import import_string

from rembg_plugins.core.errors import ValidationError
from rembg_plugins.core.options import Options, checked

KeySource = Callable[[], str | None]
"""Gives the API key when it is needed; None where there is none."""

Permission = bool | Callable[[object], bool]
"""Whether a picture may be paid for without a person: always, never, or by a function of it."""

Enqueue = Callable[[str, str, str, str, str], object]
"""Hands a task to a queue: app label, model, primary key, field and profile, all of them text."""

_MOST = 10**9
_DAY_S = 86_400
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


class SettingError(ValueError):
    """A value is none that the setting can have; the message says what to give.

    Attributes:
        code: A short, stable name of the problem.
    """

    code = "bad_value"


class KeyInSettingsError(SettingError):
    """Where a function is wanted stands what is probably the key itself; it is not shown."""

    code = "key_in_settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How many credits may be spent, at most.

    Attributes:
        hour: In an hour by the clock, UTC; None for no bound.
        day: In a day, UTC; None for no bound.
    """

    hour: int | None = None
    day: int | None = None


def text(value: object) -> str:
    """Text that is not empty, without blanks around it.

    Raises:
        SettingError: It is something else.
    """
    if not isinstance(value, str) or not value.strip():
        message = f"give text, got: {_shown(value)}"
        raise SettingError(message)
    return value.strip()


def url(value: object) -> str:
    """A URL, of which nothing more is checked here than that it is text.

    Raises:
        SettingError: It is something else; the value is not shown, since it may hold a password.
    """
    if not isinstance(value, str) or not value.strip():
        message = f"give text, got: {type(value).__name__}"
        raise SettingError(message)
    return value.strip()


def boolean(value: object) -> bool:
    """True or False.

    Raises:
        SettingError: It is something else.
    """
    if not isinstance(value, bool):
        message = f"give True or False, got: {_shown(value)}"
        raise SettingError(message)
    return value


def seconds(value: object) -> float:
    """A number of seconds, 0 or more.

    Raises:
        SettingError: It is something else.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # Not "below infinity": a whole number may be that, and too large for a float.
    if not is_number or not 0 <= cast("float", value) <= sys.float_info.max:
        message = f"give a number of seconds, 0 or more, got: {_shown(value)}"
        raise SettingError(message)
    return float(cast("float", value))


def duration(value: object) -> float:
    """A number of seconds above 0, a day at most.

    Raises:
        SettingError: It is something else.
    """
    found = seconds(value)
    if not 0 < found <= _DAY_S:
        message = f"give a number of seconds above 0, {_DAY_S} at most, got: {_shown(value)}"
        raise SettingError(message)
    return found


def on_error(value: object) -> str:
    """``"raise"`` or ``"original"``.

    Raises:
        SettingError: It is something else.
    """
    if not isinstance(value, str) or value not in {"raise", "original"}:
        message = f"give 'raise' or 'original', got: {_shown(value)}"
        raise SettingError(message)
    return value


def key_source(value: object) -> KeySource:
    """A function that gives the key, or the dotted path of one; never the key itself.

    Raises:
        KeyInSettingsError: It is text that is no dotted path: probably the key.
        SettingError: It is something else; the value is not shown, since it may be a key.
    """
    if isinstance(value, str | bytes):
        if isinstance(value, bytes) or not _DOTTED.fullmatch(value):
            message = "give a function that returns the key, or its dotted path; not the key itself"
            raise KeyInSettingsError(message)
        value = _imported(value, is_shown=False)  # it may be a key with dots
    if not callable(value):
        message = f"give a function that returns the key, got: {type(value).__name__}"
        raise SettingError(message)
    return cast("KeySource", value)


def enqueue(value: object) -> Enqueue:
    """A function that hands a task to a queue, or the dotted path of one.

    Raises:
        SettingError: It is something else.
    """
    if isinstance(value, str):
        value = _imported(value)
    if not callable(value):
        message = f"give a function, or its dotted path, got: {_shown(value)}"
        raise SettingError(message)
    return cast("Enqueue", value)


def permission(value: object) -> Permission:
    """True, False, a function of the picture, or the dotted path of one.

    Raises:
        SettingError: It is something else.
    """
    if isinstance(value, str):
        value = _imported(value)
    if not isinstance(value, bool) and not callable(value):
        message = f"give True, False or a function of the picture, got: {_shown(value)}"
        raise SettingError(message)
    return cast("Permission", value)


def profiles(value: object) -> Mapping[str, Options]:
    """Options by the name of their profile.

    Raises:
        SettingError: It is no mapping of that kind; every bad option is named.
    """
    if not isinstance(value, Mapping):
        message = f"give a mapping of names to options, got: {_shown(value)}"
        raise SettingError(message)
    found, wrong = {}, []
    for name, options in value.items():
        if not isinstance(name, str) or not name.isidentifier():
            wrong.append(f"a profile's name is of letters, digits and _, got: {_shown(name)}")
        elif not isinstance(options, Mapping):
            wrong.append(f"profile {name!r} must be a mapping of options, got: {_shown(options)}")
        else:
            try:
                found[name] = checked(options)
            except ValidationError as error:
                wrong.append(f"profile {name!r}: {error}")
    if wrong:
        raise SettingError("; ".join(wrong))
    return found


def budget(value: object) -> Budget:
    """Credits an hour and a day, as in ``{"hour": 50, "day": 200}``.

    Raises:
        SettingError: It is something else.
    """
    if not isinstance(value, Mapping) or not value.keys() <= {"hour", "day"}:
        message = f"give {{'hour': N, 'day': N}}, or one of them, got: {_shown(value)}"
        raise SettingError(message)
    for name, most in value.items():
        if most is not None and (type(most) is not int or not 0 <= most <= _MOST):
            message = f"'{name}' must be a whole number, 0 or more, got: {_shown(most)}"
            raise SettingError(message)
    return Budget(**cast("dict[str, Any]", value))


def _shown(value: object) -> str:
    """A value as it stands in Python; its type where it cannot be shown.

    A whole number of thousands of digits cannot.
    """
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - whatever a stranger's object raises
        return type(value).__name__


def _imported(path: str, *, is_shown: bool = True) -> object:
    """What stands under a dotted path.

    Args:
        path: As in ``"shop.tasks.enqueue"``.
        is_shown: Whether the message may say the path, and what the module of the site raised.

    Raises:
        SettingError: There is nothing.
    """
    try:
        return import_string(path)
    except Exception as problem:  # noqa: BLE001 - whatever the module of the site raises
        why = f"{path!r}: {problem}" if is_shown else type(problem).__name__
    message = f"there is nothing under the dotted path that is given ({why})"
    raise SettingError(message)
