"""The command with the API's engine, over the wire to a server on loopback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from api.server import PICTURE_TYPE, Server, answer, parse_multipart
from core.pictures import encoded

KEY = "sk-0123456789abcdef"


@pytest.fixture
def serve(monkeypatch):
    """Start a server for a script and point the settings at it."""
    servers = []

    def start(script):
        server = Server(script).__enter__()
        servers.append(server)
        monkeypatch.setenv("REMBG_API_URL", server.url)
        monkeypatch.setenv("REMBG_API_KEY", KEY)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        return server

    yield start
    for server in servers:
        server.__exit__()


def good(size):
    return answer(
        200, encoded("WEBP", "RGBA", size), {**PICTURE_TYPE, "Content-Type": "image/webp"}
    )


def refusal(status, text):
    body = json.dumps({"error": text, "status": status}).encode()
    return answer(status, body, {"Content-Type": "application/json"})


def test_pictures_are_sent_with_their_options_and_counted(run, draw, serve):
    server = serve(good((20, 10)))
    draw("p/a.png", size=(20, 10))
    draw("p/b.png", "blue", size=(20, 10))
    done = run("remove", "p", "--bg-color", "#fff", "-v")
    assert done.exit_code == 0, done.output
    assert "2 pictures to cut out with the engine api: 2 credits" in done.stdout
    assert "2 done, 0 skipped, 0 failed; 2 credits spent" in done.stdout
    assert len(server.requests) == 2
    fields = [part[0]["Content-Disposition"] for part in parse_multipart(server.requests[0])]
    assert any('name="bg_color"' in field for field in fields)
    assert server.requests[0].headers["x-api-key"] == KEY
    assert KEY not in done.output
    assert Path("p/a-cutout.webp").read_bytes() == encoded("WEBP", "RGBA", (20, 10))


def test_a_dry_run_and_the_doctor_send_nothing(run, draw, serve):
    server = serve(good((20, 10)))
    draw("a.png")
    assert "1 credit would be spent, at most 2" in run("remove", "a.png", "--dry-run").stdout
    assert run("doctor").exit_code == 0
    assert server.requests == []
    assert server.connections == 0


def test_a_key_that_is_not_known_ends_the_run_after_the_first_picture(run, draw, serve):
    server = serve(refusal(401, "Invalid API key"))
    for number in range(5):
        draw(f"p/{number}.png", (number, 0, 0))
    done = run("remove", "p", "--jobs", "1", "-v")
    assert done.exit_code == 77
    assert len(server.requests) == 1
    assert "0 done, 0 skipped, 1 failed, 4 not started; no credits spent" in done.stdout
    assert "REMBG_API_KEY" in done.stderr
    assert KEY not in done.output


def test_an_answer_that_was_shrunk_ends_the_run_unless_it_is_welcome(
    run, draw, serve, tmp_path_factory, monkeypatch
):
    rescued = tmp_path_factory.mktemp("rescued")
    monkeypatch.setattr("tempfile.tempdir", str(rescued))
    serve(good((460, 230)))
    draw("a.png", size=(1000, 500))
    done = run("remove", "a.png")
    assert done.exit_code == 75
    assert "1 credit spent" in done.stdout
    assert not Path("a-cutout.webp").exists()
    assert [path.suffix for path in rescued.iterdir()] == [".webp"]
    done = run("remove", "a.png", "--accept-downscaled")
    assert done.exit_code == 0
    assert "warning: The picture was shrunk to 460 × 230 px" in done.stderr


def test_a_call_that_may_have_been_paid_for_is_repeated_once_unless_forbidden(run, draw, serve):
    body = json.dumps({"error": "oops", "status": 500}).encode()
    server = serve(answer(500, body, {"Retry-After": "0.001"}))
    draw("a.png")
    done = run("remove", "a.png", "--no-repeat")
    assert done.exit_code == 69
    assert len(server.requests) == 1
    assert "no credits spent, 1 in doubt" in done.stdout
    run("remove", "a.png")
    assert len(server.requests) == 3


def test_the_doctor_makes_one_real_call_if_it_may_spend(run, serve):
    server = serve(answer(200, encoded("PNG", "RGBA", (64, 64)), PICTURE_TYPE))
    done = run("doctor", "--spend")
    assert done.exit_code == 0
    assert len(server.requests) == 1
    assert "1 credit was spent" in done.stdout
    assert KEY not in done.output
