"""Values of the watcher's settings, read from flags, the environment and TOML.

Each reader takes whatever one of those may hold, and raises ``ValueError`` with what to give
instead, as the end of a sentence.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from rembg_plugins.core.option_values import OptionProblem, parse_boolean, parse_integer

Reader = Callable[[object], object]


def whole_number(minimum: int, maximum: int | None = None) -> Reader:
    """Reads a whole number within its bounds, both included."""
    bounds = f"of {minimum} or more" if maximum is None else f"from {minimum} to {maximum}"

    def read(value: object) -> int:
        try:
            return parse_integer("", value, minimum=minimum, maximum=maximum)
        except OptionProblem:
            message = f"give a whole number {bounds}"
            raise ValueError(message) from None

    return read


def number(minimum: float, maximum: float, unit: str) -> Reader:
    """Reads a number within its bounds, both included."""

    def read(value: object) -> float:
        found = _number(value)
        if not minimum <= found <= maximum:
            message = f"give a number from {minimum:g} to {maximum:g} {unit}"
            raise ValueError(message)
        return found

    return read


def choice(*names: str) -> Reader:
    """Reads one of some names, in any case."""

    def read(value: object) -> str:
        found = value.strip().lower() if isinstance(value, str) else None
        if found not in names:
            message = f"give {', '.join(names[:-1])} or {names[-1]}"
            raise ValueError(message)
        return found

    return read


def read_switch(value: object) -> bool:
    """True or False, or what a form or the environment has for them."""
    try:
        return parse_boolean("", value)
    except OptionProblem:
        message = "give true or false"
        raise ValueError(message) from None


def read_text(value: object) -> str:
    """Text that is not blank."""
    if not isinstance(value, str) or not value.strip():
        message = "give some text"
        raise ValueError(message)
    return value.strip()


def read_texts(value: object) -> tuple[str, ...]:
    """Several texts: a list, or one text with commas between them; each once."""
    several = re.split(r"[,\n]", value) if isinstance(value, str) else value
    if not isinstance(several, Sequence) or not all(isinstance(one, str) for one in several):
        message = "give one pattern or several"
        raise ValueError(message)
    return tuple(dict.fromkeys(one.strip() for one in several if one.strip()))


def read_folder(value: object) -> Path:
    """A folder's path, with ``~`` for the home folder; whether it exists is another question."""
    if not isinstance(value, (str, Path)) or not str(value).strip() or "\0" in str(value):
        message = "give the path of a folder"
        raise ValueError(message)
    try:
        return Path(value).expanduser()
    except RuntimeError:
        message = "there is no such user: give the path of a folder"
        raise ValueError(message) from None


def _number(value: object) -> float:
    """The number that a text or number stands for; not a number for anything else."""
    if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
        return math.nan
    try:
        return float(value)  # type: ignore[arg-type]  # a TypeError is an answer here
    except (TypeError, ValueError, OverflowError):
        return math.nan
