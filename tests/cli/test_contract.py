from __future__ import annotations

import json

import pytest
from api.server import Server, answer

from rembg_plugins.api.openapi import document

KEY = "0123456789abcdefWXYZ"


@pytest.fixture
def describe(monkeypatch):
    """Have the API give a document, or other bytes; gives the server."""
    servers = []

    def begin(content):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        server = Server(answer(200, body)).__enter__()
        servers.append(server)
        monkeypatch.setenv("REMBG_MEMBERSHIP_USAGE_URL", server.url)
        return server

    yield begin
    for server in servers:
        server.__exit__()


def url_of(server):
    return server.url.replace("/rmbg", "/api/openapi")


def test_without_a_difference_it_says_so_and_ends_well(run, describe):
    server = describe(document())
    done = run("doctor", "--contract")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == (
        f"No difference between {url_of(server)} and what rembg-plugins expects.\n"
    )


def test_every_difference_has_its_line_and_its_exit_code(run, describe):
    theirs = document()
    removal = theirs["paths"]["/rmbg"]["post"]
    fields = theirs["components"]["schemas"]["Removal"]["properties"]
    fields["w"]["maximum"] = 5000
    del removal["responses"]["402"]
    fields["crop"] = {"type": "boolean"}
    server = describe(theirs)
    done = run("doctor", "--contract")
    assert (done.exit_code, done.stderr) == (76, "")
    form = "POST /rmbg, body, multipart/form-data"
    assert done.stdout.splitlines() == [
        "POST /rmbg, answer 402: theirs nothing, ours declared",
        f"{form}, 'crop': theirs optional, ours nothing",
        f"{form}, 'w', maximum: theirs 5000, ours 10000",
        f"3 differences between {url_of(server)} and what rembg-plugins expects.",
    ]


def test_what_a_stranger_wrote_cannot_move_the_cursor_or_flood_the_screen(run, describe):
    theirs = document()
    theirs["paths"]["/\x1b[2J\n"] = {"get": {}}
    theirs["paths"]["/" + "x" * 10_000] = {"get": {}}
    describe(theirs)
    done = run("doctor", "--contract")
    assert "\x1b" not in done.stdout
    assert "GET /\\x1b[2J\\n: theirs declared, ours nothing" in done.stdout
    assert max(map(len, done.stdout.splitlines())) < 400


def test_no_key_is_sent_and_no_engine_is_made(run, describe, paid, monkeypatch):
    monkeypatch.setenv("REMBG_ENGINE", "paid")
    monkeypatch.setenv("REMBG_API_KEY", KEY)
    server = describe(document())
    monkeypatch.setenv("REMBG_API_URL", server.url)
    done = run("doctor", "--contract")
    [request] = server.requests
    assert request.line.startswith("GET /api/openapi ")
    assert KEY not in str(request.headers) + done.output
    assert paid.calls == []


@pytest.mark.parametrize("content", [b"<html>", [], {"openapi": "3.0.3"}], ids=str)
def test_what_is_no_document_is_a_sentence(run, describe, content):
    describe(content)
    done = run("doctor", "--contract")
    assert done.exit_code == 76
    assert done.stdout == ""
    assert "gives no OpenAPI document: it " in done.stderr
    assert "Traceback" not in done.stderr


def test_an_api_that_cannot_be_reached_is_the_mapped_error(run, describe):
    describe(document()).__exit__()
    done = run("doctor", "--contract")
    assert done.exit_code == 69
    assert "Error: The connection to the API failed" in done.stderr


def test_a_url_that_cannot_be_used_is_named_by_its_setting(run, monkeypatch):
    monkeypatch.setenv("REMBG_MEMBERSHIP_USAGE_URL", "http://elsewhere.example/")
    done = run("doctor", "--contract")
    assert done.exit_code == 78
    assert "Error: REMBG_MEMBERSHIP_USAGE_URL cannot be used" in done.stderr


def test_it_does_not_go_with_spending(run, paid):
    done = run("doctor", "--contract", "--spend")
    assert done.exit_code == 2
    assert "leave --spend out" in done.stderr
    assert paid.calls == []
