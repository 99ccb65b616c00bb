from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import FailureGroup

from rembg_plugins.api.contract import differences, our_contract
from rembg_plugins.api.description import fetch_contract
from rembg_plugins.api.openapi import REMOVAL_PATH, USAGE_PATH, document
from rembg_plugins.core.messages import ALLOWED_FORMATS
from rembg_plugins.sandbox.keys import GOOD_KEY, PREFIX, STATES

load_all_checks()
CONFORMANCE = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "unsupported_method",
    ]
)
"""The checks of answers. Not those of what is taken: rules between fields (mask and bg_color) are
in no schema, and the API ignores what it does not know."""

described = schemathesis.openapi.from_dict(document())
described.config.generation.update(with_security_parameters=False)


@pytest.fixture
def rich(start):
    """A sandbox without limits."""
    return start(credits=1_000_000, rate=None)


def check(case, response):
    case.validate_response(response, checks=CONFORMANCE)


@pytest.mark.parametrize("key", [GOOD_KEY, None])
@described.parametrize()
@settings(max_examples=100, suppress_health_check=list(HealthCheck))
def test_nothing_that_is_sent_breaks_it_or_gets_an_answer_outside_of_the_document(case, rich, key):
    headers = {} if key is None else {"x-api-key": key}
    check(case, case.call(base_url=rich.url, headers=headers))


def test_it_serves_the_document(sandbox):
    answer = sandbox.get("/api/openapi", key=None)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == document()


@pytest.mark.parametrize("format", ALLOWED_FORMATS)
def test_every_kind_of_picture_is_documented(sandbox, picture, format):
    answer = sandbox.post(picture, format=format)
    assert answer.status_code == 200
    check(described[REMOVAL_PATH]["POST"].Case(), answer)


@pytest.mark.parametrize("state", STATES)
def test_what_each_account_is_answered_is_documented(sandbox, picture, state):
    key = f"{PREFIX}{state}"
    check(described[REMOVAL_PATH]["POST"].Case(), sandbox.post(picture, key=key))
    check(described[USAGE_PATH]["GET"].Case(), sandbox.get(USAGE_PATH, key=key))


@pytest.mark.parametrize(
    ("fields", "details"),
    [
        ({"w": "abc"}, 0),
        ({"w": "abc", "angle": "500"}, 2),
        ({"mask": "true", "bg_color": "red"}, 0),
    ],
)
def test_both_shapes_of_a_bad_request_are_documented(sandbox, picture, fields, details):
    answer = sandbox.post(picture, **fields)
    assert answer.status_code == 400
    assert len(answer.json().get("details", ())) == details
    check(described[REMOVAL_PATH]["POST"].Case(), answer)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"expand": "billing_cycle"},
        {"listBillingCycles": "1"},
        {"month": "13"},
        {"month": "13", "year": "0"},
        {"periodStartUnix": "1", "year": "2026"},
    ],
    ids=str,
)
def test_every_answer_about_the_usage_is_documented(sandbox, query):
    answer = sandbox.get(USAGE_PATH, **query)
    assert answer.status_code in {200, 400}
    check(described[USAGE_PATH]["GET"].Case(), answer)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (402, {"error": "Payment required", "status": 402}),
        (408, {"error": "Too slow", "field": None, "status": 408}),
        (413, "<h1>413</h1>"),
        (500, {"error": "Internal error", "status": 500}),
        (502, "<h1>502</h1>"),
        (503, "<h1>503</h1>"),
        (504, "<h1>504</h1>"),
    ],
)
def test_statuses_that_only_faults_make_are_documented(sandbox, picture, status, body):
    sandbox.fault("status", status=status, body=body)
    answer = sandbox.post(picture)
    assert answer.status_code == status
    described[REMOVAL_PATH]["POST"].validate_response(answer)


def test_an_answer_outside_of_the_document_is_found(sandbox, picture):
    sandbox.fault("status", status=418, body={"error": "I'm a teapot", "status": 418})
    with pytest.raises(FailureGroup, match="Schemathesis found 1 distinct failure"):
        check(described[REMOVAL_PATH]["POST"].Case(), sandbox.post(picture))


def test_the_contract_of_the_sandbox_is_ours(sandbox):
    found = fetch_contract(f"{sandbox.url}/api/openapi", connect_timeout_s=10, read_timeout_s=20)
    assert differences(found, our_contract()) == ()
