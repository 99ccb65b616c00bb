"""The chain of exceptions behind a failure: walked, and cleaned before it is handed on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rembg_plugins.api.authentication import scrub

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HOLDERS = ("request", "response", "pool", "conn")
"""Attributes through which exceptions of requests and urllib3 lead to the request's headers."""


def chain(problem: BaseException) -> Iterator[BaseException]:
    """The exception and all that it came of or wraps, each once; the outermost first.

    ``__context__`` is not followed: it may lead to an exception of the caller's, who was
    handling it when the call was made.
    """
    seen: set[int] = set()
    waiting: list[BaseException | None] = [problem]
    while waiting:
        link = waiting.pop(0)
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        wrapped = [*link.args, getattr(link, "reason", None), getattr(link, "original_error", None)]
        waiting += [value for value in wrapped if isinstance(value, BaseException)]
        waiting.append(link.__cause__)


def purge(problem: BaseException, secrets: Iterable[str]) -> None:
    """Take out of the chain what leads to the request's headers, and mask secrets in its texts.

    A program that logs or reports ``error.__cause__`` must not find the key there.
    """
    secrets = tuple(secrets)
    for link in chain(problem):
        args = tuple(_cleaned(value, secrets) for value in link.args)
        if args != link.args:
            link.args = args
        built_in = ("strerror", "filename") if isinstance(link, OSError) else ()
        for name in (*vars(link), *built_in):
            value = getattr(link, name)
            cleaned = None if name in _HOLDERS else _cleaned(value, secrets)
            if cleaned is not value:
                setattr(link, name, cleaned)


def reason_of(problem: BaseException, secrets: Iterable[str]) -> str:
    """What the innermost exception says, in few words: ``Connection refused``."""
    links = list(chain(problem))
    for link in reversed(links):
        text = link.strerror if isinstance(link, OSError) and link.strerror else str(link)
        if text:
            return shorten(scrub(str(text), secrets))
    return type(problem).__name__


def shorten(text: str, length: int = 300) -> str:
    """One line of printable characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= length else f"{line[: length - 3]}..."


def _cleaned(value: object, secrets: tuple[str, ...]) -> object:
    if isinstance(value, BaseException | int | None):
        return value
    text = value if isinstance(value, str) else repr(value)
    masked = scrub(text, secrets)
    return value if masked == text else masked
