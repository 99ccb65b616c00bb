from __future__ import annotations

import pytest

from rembg_plugins.api.references import References
from rembg_plugins.api.shapes import facts_of


def facts(*schemas):
    return {", ".join(where): value for where, value in facts_of((), schemas, References({}))}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "string", "nullable": True}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        (
            {"type": "string", "format": "binary"},
            {"type": "string", "contentMediaType": "image/png"},
        ),
        ({"type": "integer", "minimum": 1.0}, {"type": "integer", "minimum": 1}),
        ({"type": "string", "enum": ["a"]}, {"type": "string", "const": "a"}),
        ({"type": "string", "enum": ["a", "b"]}, {"type": "string", "enum": ["b", "a"]}),
        ({"type": "string", "default": None}, {"type": "string"}),
        ({"type": "string", "deprecated": False}, {"type": "string"}),
        ({"type": "object", "additionalProperties": True}, {"type": "object"}),
        ({"type": "object", "properties": {"a": {}}}, {"properties": {"a": {}}}),
        ({"type": "integer", "minimum": 1}, {"allOf": [{"type": "integer"}, {"minimum": 1}]}),
        ({"type": "string", "title": "A", "description": "B"}, {"type": "string"}),
    ],
    ids=str,
)
def test_what_means_the_same_has_the_same_facts(one, other):
    assert facts(one) == facts(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"type": "string"}, {"type": "integer"}),
        ({"type": "string"}, {}),
        ({"type": "string"}, {"type": ["string", "null"]}),
        ({"type": "string"}, {"type": "string", "format": "binary"}),
        ({"type": "string"}, {"type": "string", "format": "date"}),
        ({"type": "string"}, {"type": "string", "deprecated": True}),
        ({"type": "string", "default": 1}, {"type": "string", "default": "1"}),
        ({"type": "string", "enum": ["a"]}, {"type": "string", "enum": ["a", "b"]}),
        ({"enum": ["a"]}, {"anyOf": [{"enum": ["a"]}, {"type": "string"}]}),
        ({"minimum": 0, "exclusiveMinimum": True}, {"minimum": 0}),
        ({"type": "object", "additionalProperties": False}, {"type": "object"}),
        ({"properties": {"a": {}}}, {"properties": {"a": {}}, "required": ["a"]}),
        ({"items": {"type": "string"}}, {"items": {"type": "integer"}}),
        ({"default": "a" * 500 + "b"}, {"default": "a" * 500 + "c"}),
    ],
    ids=str,
)
def test_what_means_something_else_has_other_facts(one, other):
    assert facts(one) != facts(other)


def test_a_member_is_told_from_a_fact_of_the_same_name():
    schema = {"type": "object", "properties": {"type": {"type": "string"}}}
    assert facts(schema) == {"type": "object", "'type'": "optional", "'type', type": "string"}


def test_a_member_is_required_where_every_alternative_has_it():
    one = {"required": ["a", "b"], "properties": {"a": {"type": "string"}, "b": {}}}
    other = {"required": ["a"], "properties": {"a": {"type": "integer"}}}
    found = facts({"anyOf": [one, other, {"type": "null"}]})
    assert found["'a'"] == "required"
    assert found["'a', type"] == "integer or string"
    assert found["'b'"] == "optional"
    assert found["null"] == "allowed"


def test_elements_and_members_are_followed_inwards():
    schema = {"items": {"properties": {"a": {"items": {"maximum": 3}}}}}
    assert facts(schema)["elements, 'a', elements, maximum"] == "3"


def test_a_schema_that_holds_itself_has_an_end():
    document = {"tree": {"properties": {"more": {"$ref": "#/tree"}}}}
    found = list(facts_of((), [{"$ref": "#/tree"}], References(document)))
    assert 10 < len(found) < 30
