"""The oracle: what was received, what was answered, what was billed."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field, fields
from itertools import count, islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_CALLS = 100_000
_LONGEST_TEXT = 200  # characters of a name or value that are kept
_MOST_FIELDS = 50


@dataclass(slots=True, kw_only=True)
class Call:
    """One call, from the arrival of its headers on.

    Attributes:
        id: Counted from 1.
        at: When it arrived, in Unix seconds.
        endpoint: The path.
        account: The test key, ``anonymous``, or ``unknown``: no other key is kept.
        sha256: Of the picture's bytes; None where none arrived whole.
        filename: The picture's.
        length: Bytes of the picture.
        fields: The form's other fields, or the query's.
        status: What was answered; None where no whole answer was sent.
        billed: Whether a credit was spent.
        fault: The kind of fault that was put in its way.
        bills: Where it is counted if it is billed: not where a reset has begun anew.
    """

    id: int
    at: float
    endpoint: str
    account: str = "unknown"
    sha256: str | None = None
    filename: str | None = None
    length: int | None = None
    fields: dict[str, str] = field(default_factory=dict)
    status: int | None = None
    billed: bool = False
    fault: str | None = None
    bills: Counter[str] = field(default_factory=Counter, repr=False)

    def bill(self) -> None:
        """Note that a credit was spent on it."""
        self.billed = True
        self.bills[self.sha256 or ""] += 1

    def listed(self) -> dict[str, object]:
        """The call as JSON has it."""
        return {name: getattr(self, name) for name in _LISTED}


_LISTED = tuple(f.name for f in fields(Call) if f.name != "bills")


class Calls:
    """The calls since the start; the last 100,000 in full, and the bills of all."""

    def __init__(self) -> None:
        """Begin with none."""
        self._numbers = count(1)
        self._calls: deque[Call] = deque(maxlen=MOST_CALLS)
        self._total = 0
        self._bills: Counter[str] = Counter()

    def begin(self, endpoint: str, now: float) -> Call:
        """Note that a call has arrived."""
        call = Call(id=next(self._numbers), at=now, endpoint=endpoint, bills=self._bills)
        self._calls.append(call)
        self._total += 1
        return call

    def describe(self, call: Call, filename: str | None, fields: Mapping[str, str]) -> None:
        """Note what a call's form or query says; long texts are cut off."""
        call.filename = None if filename is None else _kept(filename)
        some = islice(fields.items(), _MOST_FIELDS)
        call.fields = {_kept(name): _kept(value) for name, value in some}

    def listed(self) -> dict[str, object]:
        """Everything, as JSON has it."""
        return {
            "calls": [call.listed() for call in self._calls],
            "billed": dict(self._bills),
            "dropped": self._total - len(self._calls),
        }


def _kept(text: str) -> str:
    """The beginning of a text, with what is no character escaped."""
    return text[:_LONGEST_TEXT].encode(errors="backslashreplace").decode()
