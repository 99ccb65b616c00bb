"""How checks are run and their findings told: all at once, a line each."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

T = TypeVar("T")

_LONGEST = 300  # characters of a stranger's error that are shown


class ConformanceError(AssertionError):
    """What does not hold of an engine or a store.

    Attributes:
        problems: A sentence for each, which says what to mend.
    """

    def __init__(self, subject: str = "", problems: Iterable[str] = ()) -> None:
        """Make the message of the sentences."""
        self.problems = tuple(problems)
        super().__init__("\n- ".join((f"{subject} does not conform:", *self.problems)))


def conclude(subject: str, problems: Iterable[str]) -> None:
    """Raise what was found, each sentence once.

    Raises:
        ConformanceError: Something was found.
    """
    found = tuple(dict.fromkeys(problems))
    if found:
        raise ConformanceError(subject, found)


def gather(checks: Iterable[Callable[[T], Iterable[str]]], subject: T) -> list[str]:
    """The findings of some checks; one that fails itself is a finding, and stops no other."""
    problems: list[str] = []
    for check in checks:
        try:
            problems.extend(check(subject))
        except Exception as problem:  # noqa: BLE001 - whatever a stranger's code may raise
            words = check.__name__.lstrip("_").replace("_", " ")
            problems.append(f"The check of {words} {raised(problem)}.")
    return problems


def by_case(cases: Mapping[str, T], check: Callable[[T], Iterable[str]]) -> list[str]:
    """The findings of one check on several cases, each told once, with its cases."""
    found: dict[str, list[str]] = {}
    failed: dict[type[Exception], str] = {}  # exceptions of a class are one finding: the first
    for label, case in cases.items():
        try:
            problems = list(check(case))
        except Exception as problem:  # noqa: BLE001 - as above
            problems = [failed.setdefault(type(problem), f"It {raised(problem)}.")]
        for sentence in problems:
            found.setdefault(sentence, []).append(label)
    return [f"With {', '.join(labels)}: {sentence}" for sentence, labels in found.items()]


def raised(problem: BaseException) -> str:
    """An exception in words, without a full stop: ``raised KeyError: 'x'``."""
    text = " ".join(str(problem).split()).rstrip(".")
    kind = type(problem).__name__
    return f"raised {kind}: {text[:_LONGEST]}" if text else f"raised {kind}"


class Task(threading.Thread):
    """A call in a thread of its own, so that one that never comes back is noticed.

    Attributes:
        problem: What it raised, if it did.
    """

    def __init__(self, call: Callable[[], object]) -> None:
        """Start it."""
        super().__init__(daemon=True)  # one that hangs must not keep the interpreter
        self._call = call
        self.problem: BaseException | None = None
        self.start()

    def run(self) -> None:
        """Keep what it raises for the one who waits."""
        try:
            self._call()
        except BaseException as problem:  # noqa: BLE001 - handed over
            self.problem = problem

    def ends(self, patience_s: float) -> bool:
        """Whether it is over within some seconds.

        Raises:
            BaseException: What it raised.
        """
        self.join(patience_s)
        if self.problem is not None:
            raise self.problem
        return not self.is_alive()
