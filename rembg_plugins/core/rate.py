"""How many requests may be made in how long: ``200/10``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.core.setting import SETTINGS, hide_password

MOST_REQUESTS = 10_000
LONGEST_S = 86_400.0
OFF = "off"

_FORM = re.compile(r"([0-9]{1,9})\s*/\s*([0-9]{1,9}(?:\.[0-9]{1,20})?(?:e-?[0-9]{1,3})?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many requests in any stretch of so many seconds, and no more.

    Its ``str`` is what :func:`parse_rate` reads.

    Attributes:
        requests: 1 to 10000.
        seconds: Above 0, at most 86400.

    Raises:
        ConfigurationError: A number is out of its range, or none.
    """

    requests: int
    seconds: float

    def __post_init__(self) -> None:
        """Refuse what would wait for ever, or keep a book without end."""
        numbers = _is_a(int, self.requests) and _is_a((int, float), self.seconds)
        if not (numbers and 1 <= self.requests <= MOST_REQUESTS and 0 < self.seconds <= LONGEST_S):
            raise ConfigurationError(_bad(f"{self.requests}/{self.seconds}", "The rate"))

    def __str__(self) -> str:
        return f"{self.requests}/{repr(float(self.seconds)).removesuffix('.0')}"


def parse_rate(value: object, *, name: str = "The rate") -> Rate | None:
    """The rate that a text such as ``200/10`` stands for; None for ``off``, in any case.

    Args:
        value: The text, or a rate, which is given back.
        name: How the value is called in an error.

    Raises:
        ConfigurationError: It is neither; with the value and the form that is wanted.
    """
    if isinstance(value, Rate):
        return value
    text = value.strip().lower() if isinstance(value, str) else ""
    if text == OFF:
        return None
    found = _FORM.fullmatch(text)
    try:
        if found is not None:
            return Rate(requests=int(found[1]), seconds=float(found[2]))
    except ConfigurationError as problem:
        raise ConfigurationError(_bad(value, name)) from problem
    raise ConfigurationError(_bad(value, name))


def _is_a(kind: type | tuple[type, ...], value: object) -> bool:
    """Whether a value is of a kind of numbers; True and False are none."""
    return isinstance(value, kind) and not isinstance(value, bool)


def _bad(value: object, name: str) -> str:
    return (
        f"{name} is {hide_password(str(value))!r}: give REQUESTS/SECONDS, as in "
        f"{SETTINGS['rate'].default}, with 1 to {MOST_REQUESTS} requests and at most "
        f"{LONGEST_S:.0f} s, or '{OFF}'."
    )


DEFAULT_RATE = parse_rate(SETTINGS["rate"].default)
"""What the hosted API bears for a key."""
