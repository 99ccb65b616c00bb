from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests
import schemathesis
from schemathesis.core.failures import Failure

from rembg_plugins.api.authentication import Authentication
from rembg_plugins.api.openapi import REMOVAL_PATH, USAGE_PATH, document
from rembg_plugins.core.messages import code_of
from rembg_plugins.core.setting import SETTINGS
from rembg_plugins.core.usage_query import USAGE_PARAMETERS

CONTRACT = Path(__file__).parents[1] / "contract"
ERRORS = json.loads((CONTRACT / "errors.json").read_text(encoding="utf-8"))
TOKEN = "token"
OPERATIONS = {REMOVAL_PATH: "POST", USAGE_PATH: "GET"}
described = schemathesis.openapi.from_dict(document())


def conforms(path, status, body):
    """Raise what is wrong with an answer of JSON."""
    request = requests.Request(OPERATIONS[path], f"http://127.0.0.1{path}").prepare()
    answer = schemathesis.Response(
        status_code=status,
        headers={"content-type": ["application/json"]},
        content=json.dumps(body).encode(),
        request=request,
        elapsed=0,
        verify=False,
    )
    described[path][OPERATIONS[path]].validate_response(answer)


def examples():
    """Every example of an answer: path, status, its name, the body."""
    return [
        pytest.param(path, int(status), name, example["value"], id=f"{path} {name}")
        for path, methods in document()["paths"].items()
        for operation in methods.values()
        for status, answer in operation["responses"].items()
        for name, example in examples_of(answer).items()
    ]


def examples_of(answer):
    return answer["content"].get("application/json", {}).get("examples", {})


def test_it_is_valid_openapi():
    described.validate()
    assert document()["openapi"] == "3.0.3"


def test_it_is_new_each_time():
    document()["paths"].clear()
    assert document()["paths"].keys() == OPERATIONS.keys()


def test_its_paths_are_those_of_the_hosted_api():
    assert SETTINGS["api_url"].default.endswith(REMOVAL_PATH)
    assert SETTINGS["usage_url"].default.endswith(USAGE_PATH)


@pytest.mark.parametrize("row", ERRORS["rows"], ids=lambda row: row["scenario"])
def test_every_documented_error_is_in_it(row):
    body = {"error": row["message"], "field": row["field"], "status": row["status"]}
    assert str(row["status"]) in document()["paths"][REMOVAL_PATH]["post"]["responses"]
    conforms(REMOVAL_PATH, row["status"], body)


@pytest.mark.parametrize("shape", ["body_single", "body_multiple"])
def test_both_shapes_of_a_documented_error_conform(shape):
    conforms(REMOVAL_PATH, 400, ERRORS[shape])


@pytest.mark.parametrize("name", ["usage.json", "billing-cycles.json"])
def test_the_documented_samples_of_the_usage_conform(name):
    conforms(USAGE_PATH, 200, json.loads((CONTRACT / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        (REMOVAL_PATH, 400, {"status": 400}),
        (REMOVAL_PATH, 400, {"error": "no", "status": "400"}),
        (USAGE_PATH, 200, {"membership": "Premium"}),
        (USAGE_PATH, 200, {"billingCycles": [{}]}),
    ],
)
def test_other_shapes_do_not_conform(path, status, body):
    with pytest.raises(Failure):
        conforms(path, status, body)


@pytest.mark.parametrize(("path", "status", "name", "body"), examples())
def test_every_example_conforms_and_is_in_the_words_of_the_api(path, status, name, body):
    conforms(path, status, body)
    assert body["status"] == status
    sentences = [detail["message"] for detail in body.get("details", [])] or [body["error"]]
    assert all(code_of(sentence) != "invalid" for sentence in sentences)
    assert name in {"several", code_of(body["error"])}


def test_every_documented_error_is_shown_in_an_example():
    shown = {one.values[2] for one in examples()}
    assert {code_of(row["message"]) for row in ERRORS["rows"]} <= shown


def test_the_key_and_the_token_travel_as_declared():
    schemes = document()["components"]["securitySchemes"]
    [header] = Authentication(api_key="key").headers()
    assert schemes["apiKey"]["in"] == "header"
    assert schemes["apiKey"]["name"] == header
    [scheme] = Authentication(user_token=TOKEN).headers().values()
    assert scheme.lower().startswith(schemes["userToken"]["scheme"])


def test_a_removal_needs_no_credentials_and_the_usage_a_key():
    paths = document()["paths"]
    assert paths[REMOVAL_PATH]["post"]["security"] == [{"apiKey": []}, {"userToken": []}, {}]
    assert paths[USAGE_PATH]["get"]["security"] == [{"apiKey": []}]


def test_every_parameter_of_the_usage_is_declared():
    parameters = document()["paths"][USAGE_PATH]["get"]["parameters"]
    assert {one["name"]: one["description"] for one in parameters} == {
        name: info.help for name, info in USAGE_PARAMETERS.items()
    }


@pytest.mark.parametrize("status", ["402", "408", "413", "5XX", "429"])
def test_what_else_was_seen_is_declared(status):
    answers = document()["paths"][REMOVAL_PATH]["post"]["responses"]
    example = answers[status]["content"]["application/json"].get("example")
    if status != "429":  # whose wordings are documented
        conforms(REMOVAL_PATH, example["status"], example)
    assert ("text/html" in answers[status]["content"]) == (status in {"413", "5XX"})
    assert ("Retry-After" in answers[status].get("headers", {})) == (status == "429")
