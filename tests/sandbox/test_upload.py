"""Bodies that are too long, never end, or stop."""

from __future__ import annotations

import json
import socket

import pytest

from rembg_plugins.sandbox import upload
from rembg_plugins.sandbox.upload import LONGEST_BODY

HEAD = (
    b"POST /rmbg HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: sandbox-key\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\n"
)
PART = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
PATIENCE_S = 60


def answer_of(connection):
    """Status and JSON of the answer on a socket."""
    file = connection.makefile("rb")
    status = int(file.readline().split()[1])
    length = 0
    while (line := file.readline()) not in {b"\r\n", b""}:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return status, json.loads(file.read(length))


@pytest.fixture
def connection(sandbox):
    with socket.create_connection(sandbox.address, PATIENCE_S) as connection:
        yield connection


def test_a_body_that_is_announced_too_long_is_refused_before_it_is_read(connection):
    connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % (LONGEST_BODY + 2**20))
    status, body = answer_of(connection)
    assert status == 400
    assert body == {
        "error": "File size (52.0 MB) exceeds the maximum allowed size of 50 MB.",
        "field": "image",
        "status": 400,
    }


def test_reading_a_body_without_an_end_stops_at_the_limit(connection, sandbox):
    connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    chunk = b"100000\r\n" + bytes(0x100000) + b"\r\n"
    connection.sendall(b"%x\r\n" % len(PART) + PART + b"\r\n")
    for _ in range(51):
        connection.sendall(chunk)
    status, body = answer_of(connection)
    assert status == 400
    assert body["error"].startswith("File size (51.")
    # The last one: a call of an earlier test may end late.
    assert sandbox.heard[-1].sha256 is None


def test_a_client_that_is_still_sending_sees_the_refusal(sandbox):
    def endless():
        yield PART
        for _ in range(80):
            yield bytes(2**20)

    response = sandbox.session.post(
        f"{sandbox.url}/rmbg",
        data=endless(),
        headers={"x-api-key": "sandbox-key", "Content-Type": "multipart/form-data; boundary=b"},
        timeout=PATIENCE_S,
    )
    assert response.status_code == 400
    assert response.json()["field"] == "image"


def test_a_client_that_sends_everything_before_it_listens_sees_the_refusal_too(connection):
    length = LONGEST_BODY + 1
    connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % length)
    connection.sendall(bytes(length))
    status, body = answer_of(connection)
    assert (status, body["field"]) == (400, "image")


def send_for_ever(connection, piece):
    """Gives up after three times what is read at most."""
    for _ in range(3 * LONGEST_BODY // len(piece)):
        connection.sendall(piece)


@pytest.mark.parametrize("beginning", [PART, b"no form"])
def test_a_client_that_never_stops_sending_is_cut_off(connection, beginning):
    connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    connection.sendall(b"%x\r\n" % len(beginning) + beginning + b"\r\n")
    with pytest.raises(ConnectionError):
        send_for_ever(connection, b"100000\r\n" + bytes(0x100000) + b"\r\n")


def test_a_client_that_falls_silent_is_told_so_and_let_go(sandbox, connection, monkeypatch):
    monkeypatch.setattr(upload, "SILENCE_S", 0.01)
    connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n" + PART)
    status, body = answer_of(connection)
    assert status == 408
    assert body["error"].startswith("The form cannot be read: nothing came for ")


def test_a_client_that_goes_away_in_the_middle_leaves_nothing_behind(sandbox, connection, picture):
    connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n" + PART)
    connection.close()
    assert sandbox.post(picture).status_code == 200
    sandbox.until(lambda: len(sandbox.heard) == 2)
    (gone,) = [call for call in sandbox.heard if call.status is None]
    assert gone.billed is False


def test_curls_question_whether_to_go_on_is_answered(connection, sandbox, picture):
    body = PART + picture + b"\r\n--b--\r\n"
    head = HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
    connection.sendall(head)
    assert connection.recv(100).startswith(b"HTTP/1.1 100")
    connection.sendall(body)
    assert connection.recv(100).startswith(b"HTTP/1.1 200")


def test_a_form_of_too_many_fields_is_refused(sandbox, picture):
    fields = {f"field{number}": "x" for number in range(60)}
    response = sandbox.post(picture, **fields)
    assert response.status_code == 400
    assert "Too many fields" in response.json()["error"]
