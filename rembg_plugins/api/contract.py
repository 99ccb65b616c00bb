"""What an OpenAPI document promises, and where it differs from what this package expects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rembg_plugins.api.causes import shorten
from rembg_plugins.api.openapi import document
from rembg_plugins.api.references import EndlessError, References, listed, mapping
from rembg_plugins.api.shapes import facts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rembg_plugins.api.shapes import Where

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_IGNORED_HEADERS = ("accept", "authorization", "content-type")  # as OpenAPI says
_DECLARED = "declared"
_VERSIONS = ("3.0", "3.1", "3.2")

Fact = tuple["Where", str]


class NoContractError(ValueError):
    """It is no OpenAPI document that can be read; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """An OpenAPI document in its normal form.

    Attributes:
        facts: What is promised, by its place.
    """

    facts: Mapping[Where, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that two contracts do not agree about.

    Attributes:
        where: The place, from the outside in.
        theirs: What their document says; None where it says nothing.
        ours: What ours says; None where it says nothing.
    """

    where: Where
    theirs: str | None
    ours: str | None


def our_contract() -> Contract:
    """What this package expects."""
    return read_contract(document())


def read_contract(value: object) -> Contract:
    """The normal form of a document; local references are followed.

    Args:
        value: Anything that JSON can hold.

    Raises:
        NoContractError: It is no OpenAPI document of version 3, or has no end.
    """
    root = mapping(value)
    version = root.get("openapi", root.get("swagger"))
    if not isinstance(version, str) or not isinstance(root.get("paths"), dict):
        message = "it is no OpenAPI document: it has no version, or no paths"
        raise NoContractError(message)
    if not version.startswith(_VERSIONS):
        message = f"it is of version {shorten(version, 20)}; {', '.join(_VERSIONS)} can be read"
        raise NoContractError(message)
    try:
        return Contract(facts=dict(_Reader(root).facts()))
    except (EndlessError, RecursionError) as problem:
        message = "it is too large, or refers to itself without end"
        raise NoContractError(message) from problem


def differences(theirs: Contract, ours: Contract) -> tuple[Difference, ...]:
    """Where two contracts differ, in the order of the places.

    What lies inside of something that only one of them has is not listed too.
    """
    places = sorted(theirs.facts.keys() | ours.facts.keys())
    return tuple(
        Difference(where=where, theirs=theirs.facts.get(where), ours=ours.facts.get(where))
        for where in places
        if theirs.facts.get(where) != ours.facts.get(where)
        and not _is_inside_of_missing(where, theirs, ours)
    )


def _is_inside_of_missing(where: Where, theirs: Contract, ours: Contract) -> bool:
    outer = (where[:length] for length in range(1, len(where)))
    return any((place in theirs.facts) != (place in ours.facts) for place in outer)


class _Reader:
    """Reads one document."""

    def __init__(self, root: Mapping[str, object]) -> None:
        self._root = root
        self._references = References(root)
        self._resolve = self._references.resolve

    def facts(self) -> Iterator[Fact]:
        """Everything that is promised."""
        for path, value in mapping(self._root["paths"]).items():
            item = self._resolve(value)
            for method in _METHODS:
                if method in item:
                    operation = self._resolve(item[method])
                    base = self._base_path(operation, item)
                    where = (f"{method.upper()} {base}{path}",)
                    yield from self._operation(where, operation, item)

    def _operation(
        self, where: Where, operation: Mapping[str, object], item: Mapping[str, object]
    ) -> Iterator[Fact]:
        yield where, "deprecated" if operation.get("deprecated") is True else _DECLARED
        yield (*where, "authentication"), self._authentication(operation)
        for parameter in [*listed(item.get("parameters")), *listed(operation.get("parameters"))]:
            yield from self._parameter(where, self._resolve(parameter))
        body = self._resolve(operation.get("requestBody"))
        if body:
            yield (*where, "body"), "required" if body.get("required") is True else "optional"
            yield from self._content((*where, "body"), body)
        for status, value in mapping(operation.get("responses")).items():
            answer = (*where, f"answer {status.upper()}")
            response = self._resolve(value)
            yield answer, _DECLARED
            yield from self._content(answer, response)
            yield from self._headers(answer, response)

    def _parameter(self, where: Where, parameter: Mapping[str, object]) -> Iterator[Fact]:
        name, place = parameter.get("name"), parameter.get("in")
        if not isinstance(name, str) or not isinstance(place, str):
            return
        if place == "header":
            name = name.lower()
            if name in _IGNORED_HEADERS:
                return
        where = (*where, f"{place} {name}")
        yield where, "required" if parameter.get("required") is True else "optional"
        if place == "query" and mapping(parameter.get("schema")).get("type") == "array":
            joined = parameter.get("explode") is False
            yield (*where, "list"), "commas between" if joined else "repeated"
        if parameter.get("deprecated") is True:
            yield (*where, "deprecated"), "true"
        yield from self._schema(where, parameter)

    def _headers(self, where: Where, response: Mapping[str, object]) -> Iterator[Fact]:
        for name, header in mapping(response.get("headers")).items():
            place = (*where, f"header {name.lower()}")
            yield place, _DECLARED
            yield from self._schema(place, self._resolve(header))

    def _content(self, where: Where, holder: Mapping[str, object]) -> Iterator[Fact]:
        for name, media in mapping(holder.get("content")).items():
            place = (*where, name.partition(";")[0].strip().lower())
            yield place, _DECLARED
            yield from self._schema(place, self._resolve(media))

    def _schema(self, where: Where, holder: Mapping[str, object]) -> Iterator[Fact]:
        if "schema" in holder:
            yield from facts_of(where, [holder["schema"]], self._references)

    def _authentication(self, operation: Mapping[str, object]) -> str:
        """The ways in which a caller may say who it is."""
        ways = listed(operation.get("security", self._root.get("security")))
        schemes = mapping(mapping(self._root.get("components")).get("securitySchemes"))
        found = {
            " and ".join(sorted(self._scheme(schemes.get(name)) for name in mapping(way))) or "none"
            for way in ways
        }
        return ", or ".join(sorted(found)) or "none"

    def _scheme(self, value: object) -> str:
        scheme = self._resolve(value)
        kind = scheme.get("type")
        if kind == "apiKey":
            return f"{scheme.get('in')} {scheme.get('name')}".lower()
        return f"{scheme.get('scheme')} token".lower() if kind == "http" else str(kind)

    def _base_path(self, *holders: Mapping[str, object]) -> str:
        """The path of the first server, of the innermost that names servers."""
        for holder in (*holders, self._root):
            servers = listed(holder.get("servers"))
            if servers:
                url = mapping(servers[0]).get("url")
                return _path_of(url) if isinstance(url, str) else ""
        return ""


def _path_of(url: str) -> str:
    try:
        return urlsplit(url).path.rstrip("/")
    except ValueError:
        return ""
