from __future__ import annotations

import json

import pytest

from rembg_plugins.api.report import read_report
from rembg_plugins.api.schemas import (
    MEDIA_TYPES,
    error_body,
    option_schema,
    parameter_schema,
    schemas,
)
from rembg_plugins.core.errors import FieldError
from rembg_plugins.core.messages import ALLOWED_FORMATS
from rembg_plugins.core.options import DEFAULT_FORMAT, OPTIONS, parse_options
from rembg_plugins.core.usage_query import USAGE_PARAMETERS, parse_usage_query

FIELDS = schemas()["Removal"]["properties"]
W = FieldError(field="w", message="too wide", code="too_big")
ANGLE = FieldError(field="angle", message="too far", code="out_of_range")


def test_every_option_is_a_field_with_its_sentence():
    assert list(FIELDS) == ["image", *OPTIONS, "return_base64"]
    for name, info in OPTIONS.items():
        assert FIELDS[name]["description"].startswith(info.help)


@pytest.mark.parametrize("name", [name for name in OPTIONS if "maximum" in FIELDS[name]])
def test_bounds_are_those_of_the_check(name):
    schema = FIELDS[name]
    for value in (schema["minimum"], schema["maximum"]):
        assert parse_options({name: value})[1] == ()
    for value in (schema["minimum"] - 1, schema["maximum"] + 1):
        assert parse_options({name: value})[1] != ()


def test_options_with_bounds_are_those_that_have_bounds():
    bounded = {name for name, info in OPTIONS.items() if info.maximum is not None}
    assert {name for name, schema in FIELDS.items() if "maximum" in schema} == bounded


@pytest.mark.parametrize("name", [name for name in OPTIONS if "default" in FIELDS[name]])
def test_what_is_written_as_default_is_one(name):
    options, errors = parse_options({name: FIELDS[name]["default"]})
    assert errors == ()
    assert str(options[name]).lower() in {OPTIONS[name].api_default.lower(), "0.0"}


def test_choices_are_all_that_are_taken():
    assert FIELDS["format"]["enum"] == list(ALLOWED_FORMATS)
    assert MEDIA_TYPES[0] == f"image/{DEFAULT_FORMAT.lower()}"
    assert {kind.removeprefix("image/").upper() for kind in MEDIA_TYPES} == set(ALLOWED_FORMATS)


def test_0_is_told_only_where_it_means_not_given():
    assert {name for name in OPTIONS if "0 means" in FIELDS[name]["description"]} == {"w", "h"}
    assert option_schema("angle", OPTIONS["angle"])["minimum"] == -360


def test_parameters_have_the_bounds_of_the_check():
    assert parameter_schema(USAGE_PARAMETERS["month"]) == {
        "type": "integer",
        "minimum": 1,
        "maximum": 12,
    }
    flags = parameter_schema(USAGE_PARAMETERS["expand"])
    [flag] = flags["items"]["enum"]
    assert parse_usage_query({"expand": flag}).billing_cycle


@pytest.mark.parametrize("errors", [[W], [W, ANGLE]], ids=["one", "several"])
def test_an_error_that_is_written_is_read_back(errors):
    body = error_body(400, errors)
    assert body["status"] == 400
    found = read_report(json.dumps(body).encode()).errors
    assert [(one.field, one.message) for one in found] == [
        (one.field, one.message) for one in errors
    ]
