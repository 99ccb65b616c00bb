from __future__ import annotations

import socket
from itertools import count

import pytest
from api.server import answer, head

from rembg_plugins.api.deadline import timed_reader
from rembg_plugins.core import errors

LONG_S = 1000.0


def clock(step):
    """A clock that goes on by so many s each time somebody looks at it."""
    ticks = count(0, step)
    return lambda: next(ticks)


class Wire:
    """One end of a connection on which bytes wait; it notes the time-outs that it is given."""

    def __init__(self, data):
        self.sock, self.other = socket.socketpair()
        self.other.sendall(data)
        self.timeout, self.seen = 77, []

    def makefile(self, mode):
        return self.sock.makefile(mode)

    def gettimeout(self):
        return self.timeout

    def settimeout(self, seconds):
        self.timeout = seconds
        self.seen.append(seconds)


def test_an_answer_that_drips_is_ended_and_counts_as_paid(serve, connect, request_, picture):
    def drip(exchange):
        exchange.read_body()
        exchange.send(head(200, {"Content-Length": str(len(picture))}) + picture[:50])
        exchange.server.released.wait(LONG_S)

    client = connect(serve(drip).url, clock=clock(3), read_timeout_s=LONG_S, call_timeout_s=5)
    with pytest.raises(errors.APITimeoutError, match="did not come to an end in 5 s") as caught:
        client.remove(request_)
    error = caught.value
    assert (error.status, error.billed, error.sent) == (200, True, "all")
    assert error.result.content == picture[:50]


def test_a_status_that_never_ends_is_in_doubt(serve, connect, request_):
    def drip(exchange):
        exchange.read_body()
        exchange.send(b"HTTP/1.1 200 ")
        exchange.server.released.wait(LONG_S)

    client = connect(serve(drip).url, clock=clock(3), read_timeout_s=LONG_S, call_timeout_s=5)
    with pytest.raises(errors.APITimeoutError, match="did not come to an end in 5 s") as caught:
        client.remove(request_)
    error = caught.value
    assert (error.status, error.billed, error.sent) == (None, None, "all")


def test_a_picture_that_leaves_too_slowly_is_ended_on_its_way(serve, connect, large):
    server = serve(answer(200))
    client = connect(server.url, clock=clock(3), call_timeout_s=5)
    with pytest.raises(errors.APITimeoutError, match="could not be sent in the time") as caught:
        client.remove(large)
    error = caught.value
    assert (error.billed, error.sent, error.final) == (None, "part", False)


def test_a_picture_that_cannot_even_begin_to_leave_cost_nothing(serve, connect, request_):
    server = serve(answer(200))
    client = connect(server.url, clock=clock(10), call_timeout_s=5)
    with pytest.raises(errors.APITimeoutError) as caught:
        client.remove(request_)
    assert (caught.value.billed, caught.value.sent) == (False, "nothing")


def test_a_shorter_wait_of_the_connection_s_own_holds_on():
    wire = Wire(head(200) + b"ab")
    wire.timeout = 10  # as while a proxy is asked for the way
    with wire.sock, wire.other:
        answer_ = timed_reader(100, clock=lambda: 0, wait_s=20)(wire)
        answer_.begin()
        answer_.close()
    assert wire.seen == [10, 10]


def test_one_wait_is_as_long_as_one_may_be_and_no_longer_than_the_rest():
    times = iter([0, 10, 98])
    wire = Wire(head(200, {"Content-Length": "4"}) + b"ab")
    with wire.sock, wire.other:
        answer_ = timed_reader(100, clock=lambda: next(times), wait_s=20)(wire)
        answer_.begin()
        assert answer_.read1(4) == b"ab"  # came with the headers
        wire.other.sendall(b"cd")
        assert answer_.read1(4) == b"cd"
        answer_.close()
    # Back to what it was, each time: the next request may go over the same connection.
    assert wire.seen == [20, 77, 2, 77]
