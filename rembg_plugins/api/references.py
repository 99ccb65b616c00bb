"""Looking things up in an OpenAPI document from a stranger: local references, and a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MOST_EFFORT = 2_000_000  # ours takes some thousand; a small document can be endless all the same
_EFFORT_OF_STEP = 40  # one of them is what a character of a value takes
_LONGEST_CHAIN = 20  # references to references
_JOINED, *_EITHER = ("allOf", "anyOf", "oneOf")
_NOTHING: Mapping[str, object] = {}


class EndlessError(ValueError):
    """The document leads on and on."""


def mapping(value: object) -> Mapping[str, object]:
    """The value, if it is an object of JSON; else an empty one: strangers write anything."""
    return value if isinstance(value, dict) else _NOTHING


def listed(value: object) -> list[object]:
    """The value, if it is a list; else an empty one."""
    return value if isinstance(value, list) else []


class References:
    """Follows the references of one document.

    Args:
        document: The whole document.
    """

    def __init__(self, document: Mapping[str, object]) -> None:
        """Begin with nothing looked up."""
        self._document = document
        self._effort = 0

    def resolve(self, value: object) -> Mapping[str, object]:
        """The object that is meant; an empty one where there is none, or in another document.

        Raises:
            EndlessError: See :meth:`spend`.
        """
        found = mapping(value)
        for _ in range(_LONGEST_CHAIN):
            self.spend(_EFFORT_OF_STEP)
            pointer = found.get("$ref")
            if not isinstance(pointer, str):
                return found
            # Since 3.1 what stands beside a reference counts; earlier it was written in vain.
            beside = {name: held for name, held in found.items() if name != "$ref"}
            self.spend(len(beside))
            found = {**mapping(self._at(pointer)), **beside}
        return _NOTHING

    def spend(self, effort: int) -> None:
        """Count what looking something up, or writing it, takes.

        Raises:
            EndlessError: It takes far more than any document is worth.
        """
        self._effort += effort
        if self._effort > _MOST_EFFORT:
            raise EndlessError

    def alternatives(self, value: object, depth: int = 0) -> Iterator[Mapping[str, object]]:
        """The plain schemas that a schema stands for: any one of them holds.

        What ``allOf`` joins is put together; of keywords that are given twice, the first counts.

        Raises:
            EndlessError: See :meth:`spend`.
        """
        schema = self.resolve(value)
        if depth >= _LONGEST_CHAIN:
            return
        for keyword in (_JOINED, *_EITHER):
            parts = listed(schema.get(keyword))
            if not parts:
                continue
            rest = {name: held for name, held in schema.items() if name != keyword}
            if keyword == _JOINED:
                yield from self.alternatives(self._joined([rest, *parts]), depth + 1)
            else:
                for part in parts:
                    joined = self._joined([rest, part])
                    yield from self.alternatives(joined, depth + 1)
            return
        yield schema

    def _joined(self, parts: list[object]) -> Mapping[str, object]:
        """One schema of several that hold together."""
        joined: dict[str, object] = {}
        for part in map(self.resolve, parts):
            members = {**mapping(part.get("properties")), **mapping(joined.get("properties"))}
            required = [*listed(joined.get("required")), *listed(part.get("required"))]
            joined = {**part, **joined}
            self.spend(len(part) + len(members) + len(required))
            joined |= {"properties": members} if members else {}
            joined |= {"required": required} if required else {}
        return joined

    def _at(self, pointer: str) -> object:
        """What a JSON pointer leads to, None where to nothing."""
        if not pointer.startswith("#/"):
            return None
        found: object = self._document
        for piece in pointer[2:].split("/"):
            name = unquote(piece).replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and name.isdecimal() and len(name) < _LONGEST_CHAIN:
                found = found[int(name)] if int(name) < len(found) else None
            else:
                found = mapping(found).get(name)
        return found
