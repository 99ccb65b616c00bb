from __future__ import annotations

import pytest

from rembg_plugins.api.contract import Difference, differences, our_contract, read_contract
from rembg_plugins.api.openapi import REMOVAL_PATH, USAGE_PATH, document

OURS = our_contract()
FORM = ("POST /rmbg", "body", "multipart/form-data")


def changed(change):
    """What differs when our document is changed."""
    theirs = document()
    change(theirs)
    return differences(read_contract(theirs), OURS)


def at(document_, *keys):
    """What lies in a document at a place."""
    for key in keys:
        document_ = document_[key]
    return document_


def removal(theirs):
    return at(theirs, "paths", REMOVAL_PATH, "post")


def form(theirs):
    return at(theirs, "components", "schemas", "Removal", "properties")


def usage(theirs):
    return at(theirs, "paths", USAGE_PATH, "get")


def test_ours_does_not_differ_from_ours():
    assert differences(OURS, our_contract()) == ()
    assert len(OURS.facts) > 200


CHANGES = {
    "a bound": (
        lambda theirs: form(theirs)["w"].update(maximum=5000),
        ((*FORM, "'w'", "maximum"), "5000", "10000"),
    ),
    "a choice": (
        lambda theirs: form(theirs)["format"]["enum"].append("AVIF"),
        (
            (*FORM, "'format'", "choices"),
            '"AVIF", "BMP", "JPEG", "PNG", "WEBP"',
            '"BMP", "JPEG", "PNG", "WEBP"',
        ),
    ),
    "a default": (
        lambda theirs: form(theirs)["expand"].update(default=False),
        ((*FORM, "'expand'", "default"), "false", "true"),
    ),
    "a field less": (
        lambda theirs: form(theirs).pop("angle"),
        ((*FORM, "'angle'"), None, "optional"),
    ),
    "a field more": (
        lambda theirs: form(theirs).update(crop={"type": "boolean", "default": False}),
        ((*FORM, "'crop'"), "optional", None),
    ),
    "a field that is required": (
        lambda theirs: theirs["components"]["schemas"]["Removal"]["required"].append("format"),
        ((*FORM, "'format'"), "required", "optional"),
    ),
    "another type": (
        lambda theirs: form(theirs)["angle"].update(type="integer"),
        ((*FORM, "'angle'", "type"), "integer", "number"),
    ),
    "a status": (
        lambda theirs: removal(theirs)["responses"].pop("402"),
        (("POST /rmbg", "answer 402"), None, "declared"),
    ),
    "a kind of answer": (
        lambda theirs: removal(theirs)["responses"]["200"]["content"].pop("image/bmp"),
        (("POST /rmbg", "answer 200", "image/bmp"), None, "declared"),
    ),
    "a header": (
        lambda theirs: removal(theirs)["responses"]["429"].pop("headers"),
        (("POST /rmbg", "answer 429", "header retry-after"), None, "declared"),
    ),
    "the authentication": (
        lambda theirs: removal(theirs)["security"].pop(),
        (
            ("POST /rmbg", "authentication"),
            "bearer token, or header x-api-key",
            "bearer token, or header x-api-key, or none",
        ),
    ),
    "a parameter": (
        lambda theirs: usage(theirs)["parameters"].pop(0),
        (("GET /api/membership-usage", "query year"), None, "optional"),
    ),
    "how a list is written": (
        lambda theirs: usage(theirs)["parameters"][3].pop("explode"),
        (("GET /api/membership-usage", "query expand", "list"), "repeated", "commas between"),
    ),
    "a deprecated parameter": (
        lambda theirs: usage(theirs)["parameters"][0].update(deprecated=True),
        (("GET /api/membership-usage", "query year", "deprecated"), "true", None),
    ),
    "a deprecated operation": (
        lambda theirs: usage(theirs).update(deprecated=True),
        (("GET /api/membership-usage",), "deprecated", "declared"),
    ),
    "an operation more": (
        lambda theirs: theirs["paths"].update({"/v2/rmbg": {"post": removal(theirs)}}),
        (("POST /v2/rmbg",), "declared", None),
    ),
    "an optional body": (
        lambda theirs: removal(theirs)["requestBody"].pop("required"),
        (("POST /rmbg", "body"), "optional", "required"),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_named_alone_with_both_values(change):
    apply, (where, theirs, ours) = CHANGES[change]
    assert changed(apply) == (Difference(where=where, theirs=theirs, ours=ours),)


def test_another_header_for_the_key_is_named_at_each_operation():
    schemes = ("components", "securitySchemes", "apiKey")
    found = changed(lambda theirs: at(theirs, *schemes).update(name="X-Key"))
    assert [(one.where, one.theirs) for one in found] == [
        (("GET /api/membership-usage", "authentication"), "header x-key"),
        (("POST /rmbg", "authentication"), "bearer token, or header x-key, or none"),
    ]


def test_what_is_inside_of_something_that_is_missing_is_not_listed_too():
    found = changed(lambda theirs: theirs["paths"].pop(USAGE_PATH))
    assert [one.where for one in found] == [("GET /api/membership-usage",)]


@pytest.mark.parametrize(
    "change",
    [
        lambda theirs: theirs.update(openapi="3.1.1", info={}, tags=[]),
        lambda theirs: theirs.update(servers=[{"url": "https://api.rembg.com"}]),
        lambda theirs: theirs.pop("servers"),
        lambda theirs: removal(theirs).update(summary="Something else", operationId="x"),
        lambda theirs: removal(theirs)["responses"]["429"].update(description="?"),
        lambda theirs: usage(theirs)["parameters"].reverse(),
        lambda theirs: usage(theirs)["parameters"].append({"in": "header", "name": "Accept"}),
        lambda theirs: usage(theirs)["parameters"].append({"in": "query"}),
        lambda theirs: usage(theirs)["parameters"].append({"in": "header", "name": 3}),
        lambda theirs: theirs["paths"][USAGE_PATH].update(
            parameters=usage(theirs).pop("parameters")
        ),
        lambda theirs: removal(theirs)["requestBody"].update(
            content={
                "Multipart/Form-Data; x=y": {"schema": {"$ref": "#/components/schemas/Removal"}}
            }
        ),
    ],
)
def test_another_way_of_saying_the_same_is_no_difference(change):
    assert changed(change) == ()


def test_references_to_parts_of_all_kinds_are_followed():
    theirs = document()
    components = theirs["components"]
    components["requestBodies"] = {"Form": removal(theirs)["requestBody"]}
    components["responses"] = {"Many": removal(theirs)["responses"]["429"]}
    components["headers"] = {"After": components["responses"]["Many"]["headers"]["Retry-After"]}
    components["parameters"] = {"Year": usage(theirs)["parameters"][0]}
    components["pathItems"] = {"Usage": theirs["paths"][USAGE_PATH]}
    components["responses"]["Many"]["headers"]["Retry-After"] = {
        "$ref": "#/components/headers/After"
    }
    removal(theirs)["requestBody"] = {"$ref": "#/components/requestBodies/Form"}
    removal(theirs)["responses"]["429"] = {"$ref": "#/components/responses/Many"}
    usage(theirs)["parameters"][0] = {"$ref": "#/components/parameters/Year"}
    theirs["paths"][USAGE_PATH] = {"$ref": "#/components/pathItems/Usage"}
    assert differences(read_contract(theirs), OURS) == ()
