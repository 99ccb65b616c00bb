from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from api.conftest import KEY
from api.server import answer, head
from api.test_throttle import Recorded
from api.virtual import Timeline

from rembg_plugins.api.book import Book
from rembg_plugins.api.throttle import HOLD_S, SETTLE_S
from rembg_plugins.api.window import Window
from rembg_plugins.core import errors
from rembg_plugins.core.adapter import Adapter
from rembg_plugins.core.rate import Rate
from rembg_plugins.engines.api import ApiEngine

BUSY = b'{"error": "Too many requests.", "status": 429}'
DAILY = b'{"error": "You\'ve reached your daily limit. Please sign up.", "status": 429}'
MONTHLY = b'{"error": "You\'ve reached your monthly limit.", "status": 429}'


def made(requests=200, seconds=10):
    time = Timeline()
    rate = Rate(requests=requests, seconds=seconds)
    return time, Window(rate, book=Book(clock=time.clock), sleep=time.sleep)


def in_turn(*scripts):
    """A script that is another one at each request."""
    left = list(scripts)

    def script(exchange):
        left.pop(0)(exchange)

    return script


def test_a_request_takes_a_slot_and_tells_it_what_became_of_it(serve, connect, request_, picture):
    throttle, left = Recorded(), threading.Event()

    def counted(within_s=0.0):
        throttle.told.append(("counted", within_s))
        left.set()

    throttle.counted = counted

    def script(exchange):
        exchange.read_body()
        assert left.wait(20), "the slot must know that the body has left before the answer comes"
        exchange.send(head(200, {"Content-Length": str(len(picture))}) + picture)

    result = connect(serve(script).url, throttle=throttle).remove(request_)
    assert result.content == picture
    assert throttle.told[:3] == [("begin",), ("counted", SETTLE_S), ("counted", 0.0)]


def test_a_request_without_an_answer_settles_by_time(connect, request_):
    throttle = Recorded()
    with pytest.raises(errors.APIConnectionError):
        connect("http://127.0.0.1:9/rmbg", throttle=throttle).remove(request_)
    assert throttle.told == [("begin",), ("counted", SETTLE_S)]


def test_a_cancelled_request_settles_by_time(serve, connect, request_):
    def stop(event):
        raise ZeroDivisionError

    throttle = Recorded()
    with pytest.raises(ZeroDivisionError):
        connect(serve(answer(200)).url, throttle=throttle).remove(request_, on_progress=stop)
    assert throttle.told[-1] == ("counted", SETTLE_S)


def test_what_begin_raises_comes_out_as_it_is_and_nothing_is_sent(serve, connect, request_):
    server = serve(answer(200))
    with pytest.raises(ValueError, match="^begin$"):
        connect(server.url, throttle=Recorded(failing=("begin",))).remove(request_)
    assert server.connections == 0


def test_a_throttle_that_fails_later_costs_no_answer(serve, connect, request_, picture):
    client = connect(
        serve(answer(200, picture)).url, throttle=Recorded(failing=("counted", "hold"))
    )
    assert client.remove(request_).content == picture


@pytest.mark.parametrize(
    ("body", "headers", "held"),
    [(BUSY, {"Retry-After": "45s"}, [("hold", 45.0)]), (BUSY, {}, [("hold", HOLD_S)]),
     (BUSY, {"Retry-After": "7200"}, []), (DAILY, {"Retry-After": "45"}, []), (MONTHLY, {}, [])],
    ids=["asked", "default", "too long", "daily", "monthly"],
)  # fmt: skip
def test_only_a_short_term_refusal_holds(serve, connect, request_, body, headers, held):
    throttle = Recorded()
    with pytest.raises(errors.RateLimitError):
        connect(serve(answer(429, body, headers)).url, throttle=throttle).remove(request_)
    assert [told for told in throttle.told if told[0] == "hold"] == held


def test_everybody_on_that_key_waits_and_nobody_else(serve, connect, request_):
    server = serve(answer(429, BUSY, {"Retry-After": "3000"}))
    mine, twin = (connect(server.url) for _ in range(2))
    twins = [
        connect(server.url, throttle=Rate(requests=100, seconds=10)),
        connect(f"{server.url}/?x"),
        connect(server.url.replace("http", "HTTP")),
    ]
    others = [
        connect(server.url, api_key=f"{KEY}-2"),
        connect(server.url, api_key=None, user_token=KEY),
        connect(server.url, api_key=None),
        connect(f"{server.url}-2", api_key=KEY),
        connect(server.url, throttle=None),
    ]
    with pytest.raises(errors.RateLimitError):
        mine.remove(request_)
    assert mine.delay() == pytest.approx(twin.delay(), abs=1)
    assert min(client.delay() for client in (mine, *twins)) > 2900
    assert ApiEngine(twin).delay() > 2900
    assert [other.delay() for other in others] == [0] * 5


def test_a_client_waits_for_its_turn(serve, connect, request_, picture):
    time, throttle = made(requests=3)
    server = serve(answer(200, picture))
    client = connect(server.url, throttle=throttle)
    for _ in range(3):
        client.remove(request_)
    assert time.slept == []
    assert client.delay() == pytest.approx(10, abs=0.1)
    client.remove(request_)
    assert time.slept == [pytest.approx(10, abs=0.1)]
    assert len(server.requests) == 4


@pytest.mark.parametrize(("headers", "waited"), [({"Retry-After": "45"}, 45), ({}, HOLD_S)])
def test_the_adapter_and_the_throttle_do_not_both_wait_for_one_refusal(
    serve, connect, picture, headers, waited
):
    time, throttle = made()
    server = serve(in_turn(answer(429, BUSY, headers), answer(200, picture)))
    engine = ApiEngine(connect(server.url, throttle=throttle))
    adapter = Adapter(engine, sleep=time.sleep, clock=time.clock)
    assert adapter.remove(picture, format="PNG").content == picture
    assert time.now - 1000 == pytest.approx(waited, abs=0.001)


def test_threads_that_are_not_throttled_never_wait(serve, connect, request_, picture):
    client = connect(serve(answer(200, picture)).url, throttle=None)
    with ThreadPoolExecutor(16) as pool:  # more than the default rate has slots
        results = list(pool.map(lambda _: client.remove(request_).content, range(250)))
    assert results == [picture] * 250


def test_the_time_in_line_is_no_part_of_the_rate_of_an_upload(serve, connect, request_, picture):
    time, throttle = made(requests=1)
    client = connect(serve(answer(200, picture)).url, throttle=throttle, clock=time.clock)
    client.remove(request_)
    events = []
    client.remove(request_, on_progress=events.append)
    assert len(time.slept) == 1
    assert events[0].direction == "upload"
    assert events[0].rate is None  # no time has passed since the meter began
