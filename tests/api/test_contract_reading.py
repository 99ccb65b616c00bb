from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rembg_plugins.api.contract import (
    Contract,
    NoContractError,
    differences,
    our_contract,
    read_contract,
)
from rembg_plugins.api.openapi import document

OURS = our_contract()
MINIMAL = {"openapi": "3.1.0", "paths": {}}


def at(document_, *keys):
    """What lies in a document at a place."""
    for key in keys:
        document_ = document_[key]
    return document_


@pytest.mark.parametrize("place", ["document", "path", "operation"])
def test_the_path_of_the_innermost_server_belongs_to_the_path(place):
    servers = [{"url": "https://www.rembg.com/api/"}, {"url": "/other"}]
    theirs = {"openapi": "3.0.0", "paths": {"/x": {"get": {}}}, "servers": [{"url": "/outer"}]}
    path = theirs["paths"]["/x"]
    {"document": theirs, "path": path, "operation": path["get"]}[place]["servers"] = servers
    assert ("GET /api/x",) in read_contract(theirs).facts


@pytest.mark.parametrize("url", [None, 3, "http://[", {}])
def test_a_server_that_cannot_be_read_has_no_path(url):
    theirs = {"openapi": "3.0.0", "paths": {"/x": {"get": {}}}, "servers": [{"url": url}]}
    assert ("GET /x",) in read_contract(theirs).facts


def test_the_authentication_of_the_whole_document_holds_where_an_operation_has_none():
    schemes = {"one": {"type": "http", "scheme": "Basic"}, "two": {"type": "oauth2"}}
    theirs = {
        "openapi": "3.0.0",
        "security": [{"two": [], "one": []}],
        "components": {"securitySchemes": schemes},
        "paths": {"/x": {"get": {}, "put": {"security": []}}},
    }
    facts = read_contract(theirs).facts
    assert facts["GET /x", "authentication"] == "basic token and oauth2"
    assert facts["PUT /x", "authentication"] == "none"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "it has no version, or no paths"),
        ([], "it has no version, or no paths"),
        ("openapi", "it has no version, or no paths"),
        ({}, "it has no version, or no paths"),
        ({"openapi": 3.0, "paths": {}}, "it has no version, or no paths"),
        ({"openapi": "3.0.0", "paths": []}, "it has no version, or no paths"),
        ({"openapi": "3.0.0"}, "it has no version, or no paths"),
        ({"swagger": "2.0", "paths": {}}, "it is of version 2.0; 3.0, 3.1, 3.2 can be read"),
        ({"openapi": "9" * 99, "paths": {}}, "it is of version 99999999999999999...; 3.0"),
    ],
    ids=str,
)
def test_what_is_no_document_is_refused_with_the_reason(value, reason):
    with pytest.raises(NoContractError) as caught:
        read_contract(value)
    assert reason in str(caught.value)


ENDLESS = {
    "holds itself": {"properties": {f"m{number}": {"$ref": "#/it"} for number in range(200)}},
    "long value": {"default": "x" * 100_000},
    "many choices": {"enum": [""] * 100_000},
    "many names": {"required": ["x"] * 100_000, "properties": {"a": {}}},
    "many members": {"allOf": [{"properties": {str(number): {} for number in range(20_000)}}] * 20},
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_document_that_costs_more_than_any_is_worth_is_refused(kind):
    answer_ = {"content": {"a/b": {"schema": {"$ref": "#/it"}}}}
    responses = {str(number): answer_ for number in range(1000)}
    theirs = MINIMAL | {"it": ENDLESS[kind], "paths": {"/x": {"get": {"responses": responses}}}}
    with pytest.raises(NoContractError, match="without end"):
        read_contract(theirs)


def test_a_value_that_is_deeper_than_the_stack_is_refused():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    theirs = MINIMAL | {
        "paths": {
            "/x": {
                "get": {"parameters": [{"in": "query", "name": "a", "schema": {"default": deep}}]}
            }
        }
    }
    with pytest.raises(NoContractError, match="without end"):
        read_contract(theirs)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(anything)
def test_any_json_is_read_or_refused(value):
    for one in (value, MINIMAL | {"paths": value}, MINIMAL | {"paths": {"/x": {"get": value}}}):
        try:
            read_contract(one)
        except NoContractError as problem:
            assert str(problem)


def places(value, path=()):
    """Every place in a document."""
    yield path
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, held in inner:
        yield from places(held, (*path, key))


PLACES = [place for place in places(document()) if place]


@given(st.sampled_from(PLACES), anything)
def test_our_document_with_anything_in_one_place_is_read_or_refused(place, value):
    theirs = copy.deepcopy(document())
    *outer, last = place
    at(theirs, *outer)[last] = value
    try:
        contract = read_contract(json.loads(json.dumps(theirs)))
    except NoContractError:
        return
    assert isinstance(contract, Contract)
    for difference in differences(contract, OURS):
        assert difference.theirs != difference.ours
