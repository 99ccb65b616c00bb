from __future__ import annotations

import io

import pytest
from api.server import Server, answer
from PIL import Image

from rembg_plugins.api.client import Client
from rembg_plugins.api.window import Window
from rembg_plugins.core import errors
from rembg_plugins.core.adapter import Adapter
from rembg_plugins.core.configuration import configure
from rembg_plugins.core.engine import Engine
from rembg_plugins.core.rate import DEFAULT_RATE, Rate
from rembg_plugins.core.retry import Retry
from rembg_plugins.core.source import Source
from rembg_plugins.core.store import key_of
from rembg_plugins.core.validation import validate
from rembg_plugins.engines.api import ApiEngine

PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


def png(size=(12, 8)):
    file = io.BytesIO()
    Image.new("RGBA", size, (9, 9, 9, 255)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def server():
    with Server(answer(200, png())) as server:
        yield server


def test_it_is_an_engine_that_applies_the_options_itself(server):
    engine = ApiEngine(Client(server.url))
    assert isinstance(engine, Engine)
    assert (engine.name, engine.native_options, engine.paid) == ("api", True, True)


def test_another_servers_cut_outs_are_not_taken_for_the_apis(server):
    hosted = ApiEngine(Client("https://api.rembg.com/rmbg"))
    assert hosted.version == "1", "a new one has every stored cut-out paid for again"
    other = ApiEngine(Client(server.url))
    assert other.version == f"1 at {server.url}"
    source = validate(png()).source
    assert key_of(source, other) != key_of(source, hosted)


def test_it_is_made_of_the_settings(server):
    configuration = configure(
        api_key="sk-1",
        api_url=server.url,
        connect_timeout_s=3,
        read_timeout_s=4,
        call_timeout_s=5,
        environ={},
    )
    engine = ApiEngine.configured(configuration)
    assert engine.anonymous is False
    assert engine._client._timeouts == (3, 4)
    assert engine._client._call_timeout_s == 5
    events, sink = [], io.BytesIO()
    result = engine.run(validate(png()), on_progress=events.append, sink=sink)
    assert result.content == sink.getvalue() == png()
    assert {event.direction for event in events} == {"upload", "download"}
    assert server.requests[0].headers["x-api-key"] == "sk-1"
    assert engine._client._throttle.rate == DEFAULT_RATE


@pytest.mark.parametrize(("rate", "least"), [("1/3600", 3000), ("off", 0)])
def test_the_rate_is_that_of_the_settings(server, rate, least):
    configuration = configure(api_key="sk-1", api_url=server.url, rate=rate, environ={})
    engines = [ApiEngine.configured(configuration) for _ in range(2)]
    engines[0].run(validate(png()))
    assert [engine.delay() > least for engine in engines] == [least > 0] * 2


def test_a_plugin_may_give_a_throttle_of_its_own(server):
    configuration = configure(api_key="sk-1", api_url=server.url, rate="off", environ={})
    throttle = Window(Rate(requests=1, seconds=3600))
    ApiEngine.configured(configuration, throttle=throttle).run(validate(png()))
    assert throttle.delay() > 3000


def test_without_a_key_it_is_anonymous(server):
    configuration = configure(api_url=server.url, environ={})
    assert ApiEngine.configured(configuration).anonymous is True


@pytest.mark.parametrize("script", [answer(200, png()), answer(502), answer(200, b"<html>")])
def test_nothing_is_billed_on_the_anonymous_tier(script):
    with Server(script) as server:
        adapter = Adapter(ApiEngine(Client(server.url)), retry=Retry(attempts=1))
        try:
            billed = adapter.remove(png()).billed
        except errors.APIError as error:
            billed = error.billed
        assert len(server.requests) == 1
    assert billed is False


def test_a_pil_image_that_is_too_long_is_refused_before_it_is_sent(server, monkeypatch):
    request = validate(Image.new("RGB", (30, 30)))
    monkeypatch.setattr("rembg_plugins.core.validation.MAX_BYTES", 50)
    with pytest.raises(errors.ValidationError) as caught:
        ApiEngine(Client(server.url)).run(request)
    assert [error.code for error in caught.value.errors] == ["too_large"]
    assert server.connections == 0


def test_a_pil_image_is_sent_as_png(server):
    image = Image.new("RGB", (12, 8), "red")
    ApiEngine(Client(server.url)).run(validate(image))
    (request,) = server.requests
    assert b'filename="image.png"\r\nContent-Type: image/png' in request.body
    assert Source.of(image).open().read() in request.body


def test_the_adapter_repeats_what_it_may_and_truncates_the_sink():
    answers = [answer(503, b"later", {"Retry-After": "7"}), answer(200, png())]
    waits, sink = [], io.BytesIO(b"kept")
    sink.seek(4)

    def script(exchange):
        answers.pop(0)(exchange)

    with Server(script) as server:
        adapter = Adapter(ApiEngine(Client(server.url, api_key="sk-1")), sleep=waits.append)
        result = adapter.remove(png(), sink=sink, format="PNG")
    assert (result.billed, result.content) == (True, png())
    assert waits == [7]
    assert sink.getvalue() == b"kept" + png()


def test_the_adapter_does_not_repeat_what_was_paid():
    with Server(answer(200, b"<html>")) as server:
        adapter = Adapter(ApiEngine(Client(server.url)), retry=Retry(), sleep=pytest.fail)
        with pytest.raises(errors.NotAnImageError):
            adapter.remove(png())
        assert len(server.requests) == 1
