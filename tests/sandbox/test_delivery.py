"""What the oracle says of answers, and what is done for connections."""

from __future__ import annotations

import io
import socket

import pytest
from PIL import Image

HEAD = (
    b"POST /rmbg HTTP/1.1\r\nHost: x\r\nx-api-key: sandbox-key\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n"
)
PART = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'


def leave_at(fault, sandbox, picture, gate):
    """The call of a client who goes away while a fault has it wait."""
    sandbox.removals._sleep = gate.wait
    sandbox.fault(fault)
    body = PART + picture + b"\r\n--b--\r\n"
    with socket.create_connection(sandbox.address, 60) as connection:
        connection.sendall(HEAD % len(body) + body)
        gate.reached()
    sandbox.until(lambda: not sandbox.connections_with_calls())
    gate.open()
    sandbox.until(lambda: sandbox.heard)
    (call,) = sandbox.calls
    return call


def test_an_answer_that_nobody_waited_for_has_no_status_but_its_bill(start, picture, gate):
    call = leave_at("wait", start(), picture, gate)
    assert (call["status"], call["billed"]) == (None, True)


def test_a_slow_answer_ends_with_the_client_who_got_it(start, picture, gate):
    call = leave_at("slow", start(), picture, gate)
    assert gate.times == 1  # a byte, and no more
    assert call["status"] is None


def test_many_slow_uploads_keep_nobody_waiting(sandbox, picture):
    slow = []
    try:
        for _ in range(64):
            slow.append(socket.create_connection(sandbox.address, 60))
            slow[-1].sendall(HEAD % 1000 + PART)
        sandbox.until(lambda: len(sandbox.calls) == 64)
        assert sandbox.post(picture).status_code == 200
    finally:
        for connection in slow:
            connection.close()


def test_small_answers_are_sent_without_delay(sandbox):
    assert sandbox.get("/healthz").status_code == 200
    sockets = [each.transport.get_extra_info("socket") for each in sandbox.connections()]
    assert sockets
    assert all(each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for each in sockets)


def test_a_picture_that_cannot_be_decoded_gives_its_credit_back(start, picture):
    sandbox = start(credits=1)
    assert sandbox.post(picture[:60]).status_code == 400
    assert sandbox.post(picture).status_code == 200


def test_a_picture_that_is_given_away_gives_its_credit_back(start, picture):
    sandbox = start(credits=1)
    sandbox.fault("wait", seconds=0, billed=False)
    assert sandbox.post(picture).status_code == 200
    assert sandbox.post(picture).status_code == 200
    assert sandbox.post(picture).status_code == 429


@pytest.mark.parametrize("key", ["sandbox-key-empty", "sandbox-key-unknown", None])
def test_a_fault_bills_no_credit_that_is_not_there(sandbox, picture, key):
    sandbox.fault("status", status=502, billed=True)
    assert sandbox.post(picture, key=key).status_code == 502
    assert sandbox.calls[0]["billed"] is False


@pytest.mark.parametrize("when", ["before", "in"])
def test_a_call_that_is_reset_early_is_its_keys_and_may_be_billed(sandbox, encode, when):
    sandbox.fault("reset", when=when, billed=True)
    with pytest.raises(OSError, match=r"reset|aborted|Broken"):
        sandbox.post(encode((2000, 1500), format="BMP"))
    (call,) = sandbox.calls
    assert (call["account"], call["billed"]) == ("sandbox-key", True)
    assert sandbox.get("/api/membership-usage").json()["api_usage"] == 1


def test_prepaid_credits_are_never_fewer_than_none(start, picture, gate):
    sandbox = start(credits=0)
    sandbox.control("accounts", {"key": "sandbox-key", "prepaid": 1})
    sandbox.removals._sleep = gate.wait
    sandbox.fault("wait")
    with gate.calling(sandbox.post, picture) as response:
        sandbox.control("accounts", {"key": "sandbox-key", "prepaid": 0})
        gate.open()
        assert response.result().status_code == 200
    assert sandbox.get("/api/membership-usage").json()["prepaidCredits"] == 0


def test_the_short_term_limit_minds_no_clock_that_is_set_back(start, picture):
    from rembg_plugins.core.rate import Rate

    sandbox = start(rate=Rate(requests=1, seconds=10))
    sandbox.world.tick = iter((0.0, 11.0)).__next__
    sandbox.post(picture)
    sandbox.clock.now -= 3600
    assert sandbox.post(picture).status_code == 200


def test_a_made_up_picture_of_any_size_is_one(sandbox, picture):
    sandbox.fault("answer", content="size", width=3000, height=10)
    assert Image.open(io.BytesIO(sandbox.post(picture).content)).size == (3000, 10)
