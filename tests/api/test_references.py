from __future__ import annotations

from itertools import pairwise

import pytest

from rembg_plugins.api.references import EndlessError, References, listed, mapping

DOCUMENT = {
    "a/b": {"~x y": {"type": "string"}},
    "list": [{"type": "integer"}],
    "chain": {"$ref": "#/again"},
    "again": {"$ref": "#/list/0"},
    "self": {"$ref": "#/self"},
    "text": "no object",
}


@pytest.fixture
def references():
    return References(DOCUMENT)


@pytest.mark.parametrize(
    ("pointer", "found"),
    [
        ("#/a~1b/~0x%20y", {"type": "string"}),
        ("#/list/0", {"type": "integer"}),
        ("#/chain", {"type": "integer"}),
        ("#/list/1", {}),
        ("#/list/-1", {}),
        ("#/list/x", {}),
        ("#/missing/deeper", {}),
        ("#/text", {}),
        ("#/text/0", {}),
        ("#/self", {}),
        ("other.json#/a", {}),
        ("", {}),
    ],
)
def test_a_reference_leads_to_what_it_names_or_to_nothing(references, pointer, found):
    assert references.resolve({"$ref": pointer}) == found


@pytest.mark.parametrize("value", [None, 1, "text", [], [{"type": "string"}], True])
def test_what_is_no_object_is_nothing(references, value):
    assert references.resolve(value) == {}
    assert mapping(value) == {}
    assert listed(value) == (value if isinstance(value, list) else [])


def test_what_stands_beside_a_reference_counts(references):
    found = references.resolve({"$ref": "#/list/0", "minimum": 1})
    assert found == {"type": "integer", "minimum": 1}


def test_a_property_that_is_called_ref_is_none(references):
    assert references.resolve({"$ref": {"type": "string"}}) == {"$ref": {"type": "string"}}


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
def test_alternatives_share_what_stands_beside_them(references, keyword):
    schema = {"title": "t", keyword: [{"$ref": "#/list/0"}, {"type": "null"}]}
    assert list(references.alternatives(schema)) == [
        {"title": "t", "type": "integer"},
        {"title": "t", "type": "null"},
    ]


def test_what_holds_together_is_one(references):
    one = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}
    two = {"type": "object", "required": ["b"], "properties": {"b": {"$ref": "#/list/0"}}}
    assert list(references.alternatives({"allOf": [one, two], "description": "d"})) == [
        {
            "type": "object",
            "description": "d",
            "required": ["a", "b"],
            "properties": {"a": {"type": "string"}, "b": {"$ref": "#/list/0"}},
        }
    ]


def test_alternatives_inside_of_alternatives_are_all_there(references):
    schema = {"anyOf": [{"oneOf": [{"type": "string"}, {"type": "number"}]}, {"type": "null"}]}
    kinds = [one["type"] for one in references.alternatives(schema)]
    assert kinds == ["string", "number", "null"]


def test_an_alternative_that_is_the_schema_itself_has_an_end():
    references = References({"a": {"anyOf": [{"$ref": "#/a"}]}})
    assert list(references.alternatives({"$ref": "#/a"})) == []


def test_a_small_document_that_doubles_without_end_is_given_up():
    names = [f"s{number}" for number in range(30)]
    document = {
        name: {"anyOf": [{"$ref": f"#/{after}"}, {"$ref": f"#/{after}"}]}
        for name, after in pairwise(names)
    }
    with pytest.raises(EndlessError):
        list(References(document).alternatives({"$ref": "#/s0"}))
