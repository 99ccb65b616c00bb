"""What a JSON schema says, as single facts that can be compared whatever way it was written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rembg_plugins.api.references import listed, mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rembg_plugins.api.references import References

Where = tuple[str, ...]
"""A place in a contract, from the outside in: ``("POST /rmbg", "body", "w", "maximum")``."""

_DEEPEST = 8  # levels of objects and lists; a schema may hold itself
_FILES = ("binary", "byte")
_NULL = "null"
_KEYWORDS = (
    *("format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems"),
    *("default", "deprecated", "additionalProperties"),
)
_SAYS_NOTHING = {
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum", "uniqueItems", "deprecated"), False),
    "additionalProperties": True,
}


def facts_of(
    where: Where, schemas: Sequence[object], references: References, depth: int = 0
) -> Iterator[tuple[Where, str]]:
    """The facts of a schema; of several, what holds of any of them.

    Args:
        where: Its place.
        schemas: The schema, or alternatives.
        references: Of the document in which it stands.
        depth: How many levels it lies below the first one.

    Raises:
        EndlessError: The schema leads on and on.
    """
    plain = [one for schema in schemas for one in references.alternatives(schema)]
    kinds = {kind for schema in plain for kind in _kinds(schema)}
    yield (*where, "type"), " or ".join(sorted(kinds - {_NULL})) or "anything"
    if _NULL in kinds:
        yield (*where, _NULL), "allowed"
    plain = [schema for schema in plain if schema.get("type") != _NULL]
    choices = _choices(plain, references)
    if choices:
        yield (*where, "choices"), choices
    for keyword in _KEYWORDS:
        held = (schema[keyword] for schema in plain if _has(schema, keyword))
        values = _written(held, references)
        if values:
            yield (*where, keyword), " or ".join(values)
    if depth < _DEEPEST:
        yield from _facts_inside(where, plain, references, depth + 1)


def _facts_inside(
    where: Where, plain: Sequence[Mapping[str, object]], references: References, depth: int
) -> Iterator[tuple[Where, str]]:
    """The facts of the elements of a list, and of the members of an object."""
    elements = [schema["items"] for schema in plain if "items" in schema]
    if elements:
        yield from facts_of((*where, "elements"), elements, references, depth)
    members: dict[str, list[object]] = {}
    for schema in plain:
        for name, member in mapping(schema.get("properties")).items():
            members.setdefault(name, []).append(member)
    required = [_required(schema, references) for schema in plain]
    for name, found in members.items():
        place = (*where, f"'{name}'")
        yield place, "required" if all(name in names for names in required) else "optional"
        yield from facts_of(place, found, references, depth)


def _kinds(schema: Mapping[str, object]) -> Iterator[str]:
    """The types that a schema allows: a name, or since 3.1 a list of names."""
    if schema.get("nullable") is True:
        yield _NULL
    kinds = schema.get("type")
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if kind == "string" and _is_file(schema):
            yield "file"
        elif isinstance(kind, str):
            yield kind
    if kinds is None:
        yield "object" if mapping(schema.get("properties")) else "anything"


def _is_file(schema: Mapping[str, object]) -> bool:
    """Whether it is the content of a file: ``format`` says so, or since 3.1 a media type."""
    return schema.get("format") in _FILES or "contentMediaType" in schema


def _choices(plain: Sequence[Mapping[str, object]], references: References) -> str:
    """The values that alone are allowed, and whether there are others after all."""
    chosen = [
        listed(schema.get("enum")) or ([schema["const"]] if "const" in schema else [])
        for schema in plain
    ]
    values = _written((value for values in chosen for value in values), references)
    return ", ".join(values) + (" or others" if values and not all(chosen) else "")


def _written(values: Iterable[object], references: References) -> list[str]:
    """Values as JSON, each once, in order; whole numbers without a fraction."""
    found = set()
    for value in values:
        whole = int(value) if isinstance(value, float) and value.is_integer() else value
        text = json.dumps(whole, ensure_ascii=False, sort_keys=True)
        references.spend(len(text))
        found.add(text)
    return sorted(found)


def _has(schema: Mapping[str, object], keyword: str) -> bool:
    """Whether a keyword says something here; what is so anyway need not be said, nor None."""
    if keyword not in schema or schema[keyword] is _SAYS_NOTHING.get(keyword):
        return False
    return not (keyword == "format" and _is_file(schema))


def _required(schema: Mapping[str, object], references: References) -> set[str]:
    names = listed(schema.get("required"))
    references.spend(len(names))
    return {name for name in names if isinstance(name, str)}
