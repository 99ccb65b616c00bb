from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import replace

import pytest
from PIL import Image, ImageCms

from rembg_plugins import remove
from rembg_plugins.core.adapter import Adapter
from rembg_plugins.core.assembly import build, choose_engine, shared
from rembg_plugins.core.configuration import Credentials, configure
from rembg_plugins.core.errors import (
    APIConnectionError,
    ConfigurationError,
    DownscaledResultError,
    InternalServerError,
    MonthlyQuotaError,
    NotAnImageError,
    RateLimitError,
    ResponseInfo,
    ValidationError,
)
from rembg_plugins.core.hookspecs import hookimpl
from rembg_plugins.core.plugins import build_manager, default_manager
from rembg_plugins.core.result import Result
from rembg_plugins.core.retry import Retry
from rembg_plugins.core.store import Entry, MemoryStore


def png(size=(600, 400), color=(200, 30, 30, 255)):
    file = io.BytesIO()
    Image.new("RGBA", size, color).save(file, "PNG")
    return file.getvalue()


class ScriptedEngine:
    """An engine that answers as told, one entry a call: bytes, or an error."""

    name = "scripted"
    version = "1"

    def __init__(self, *answers, native_options=True, anonymous=False):
        self.answers = list(answers)
        self.native_options = native_options
        self.anonymous = anonymous
        self.requests = []

    def run(self, request, *, on_progress=None, sink=None):
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            if sink:
                sink.write(b"half an ans")
            raise answer
        if sink:
            sink.write(answer)
        return Result.from_bytes(answer, engine=self.name, sent="all", billed=True)


class Observer:
    def __init__(self):
        self.seen = []

    @hookimpl
    def rembg_before_request(self, request):
        self.seen.append("before")

    @hookimpl
    def rembg_after_result(self, request, result, elapsed):
        self.seen.append(("after", elapsed))

    @hookimpl
    def rembg_on_error(self, request, error):
        self.seen.append(type(error).__name__)


@pytest.fixture
def manager():
    return build_manager(load_entry_points=False)


@pytest.fixture
def adapter(manager):
    """Makes an adapter whose sleep is written down and whose clock stands still."""

    def make(engine, **arguments):
        sleeps = []
        adapter = Adapter(
            engine,
            manager=manager,
            sleep=sleeps.append,
            clock=lambda: 7.0,
            jitter=lambda: 1.0,
            **arguments,
        )
        adapter.sleeps = sleeps
        return adapter

    return make


def refused(status, **context):
    return {"response": ResponseInfo(status=status), "sent": "all", **context}


def test_an_answer_with_native_options_is_passed_on_untouched(adapter):
    answer = png((300, 200))
    engine = ScriptedEngine(answer)
    result = adapter(engine).remove(png(), w=300, format="PNG")
    assert result.content == answer
    assert engine.requests[0].options.w == 300


def test_an_answer_in_another_format_is_re_encoded_not_refused(adapter):
    result = adapter(ScriptedEngine(png())).remove(png(), format="WEBP")
    assert (result.format, result.content[8:12]) == ("WEBP", b"WEBP")
    assert (result.sent, result.billed, result.engine) == ("all", True, "scripted")


def test_an_engine_without_options_is_asked_for_the_full_size(adapter):
    engine = ScriptedEngine(png(), native_options=False)
    result = adapter(engine).remove(png(), w=60, format="JPEG", bg_color="blue")
    assert engine.requests[0].options.w is None
    assert (result.size, result.format) == ((60, 40), "JPEG")


def test_nothing_is_sent_when_anything_is_wrong(adapter):
    engine = ScriptedEngine()
    with pytest.raises(ValidationError) as caught:
        adapter(engine).remove(b"not a picture", w="abc", colour="red")
    assert [error.field for error in caught.value.errors] == ["image", "w", "colour"]
    assert engine.requests == []


def test_the_store_answers_the_second_time_for_any_options(adapter):
    engine = ScriptedEngine(png(color=(200, 30, 30, 128)))
    cutter = adapter(engine, store=MemoryStore())
    first = cutter.remove(png(), format="PNG")
    second = cutter.remove(png(), format="PNG", w=60)
    assert len(engine.requests) == 1
    assert engine.requests[0].options.w is None
    assert (first.billed, second.billed, second.sent) == (True, False, "nothing")
    assert second.size == (60, 40)
    assert second.image.getpixel((30, 20))[3] == 128


class WatchedStore(MemoryStore):
    """Writes down what is asked of it; another one may be quicker with the lock."""

    def __init__(self, rival=None):
        super().__init__()
        self.asked, self.rival = [], rival

    def get(self, key):
        self.asked.append("get")
        return super().get(key)

    def put(self, key, entry):
        self.asked.append("put")
        super().put(key, entry)

    @contextmanager
    def lock(self, key):
        self.asked.append("lock")
        with super().lock(key):
            if self.rival is not None:
                self.put(key, self.rival)
            yield


def test_what_the_store_has_is_given_without_its_lock(adapter):
    store = WatchedStore()
    cutter = adapter(ScriptedEngine(png()), store=store)
    cutter.remove(png())
    assert store.asked == ["get", "lock", "get", "put"]
    store.asked.clear()
    assert cutter.remove(png(), w=60).size == (60, 40)
    assert store.asked == ["get"]


def test_what_another_made_before_the_lock_was_had_is_not_made_again(adapter):
    made = Entry(mask=Image.new("L", Image.open(io.BytesIO(png())).size, 77))
    store = WatchedStore(rival=made)
    result = adapter(ScriptedEngine(), store=store).remove(png(), format="PNG", mask=True)
    assert store.asked == ["get", "lock", "put", "get"]
    assert result.image.getpixel((0, 0)) == 77


def test_to_find_is_to_ask_the_store_and_nobody_else(adapter):
    store, engine = WatchedStore(), ScriptedEngine(png(color=(200, 30, 30, 128)))
    cutter = adapter(engine, store=store)
    assert cutter.find(png()) is None
    assert (store.asked, engine.requests) == (["get"], [])
    cutter.remove(png())
    found = cutter.find(png(), {"w": 60, "format": "PNG"})
    assert (found.size, found.billed, found.sent) == ((60, 40), False, "nothing")
    assert found.image.getpixel((30, 20))[3] == 128
    assert len(engine.requests) == 1


def test_where_there_is_no_store_nothing_is_found(adapter):
    cutter = adapter(ScriptedEngine())
    assert cutter.find(png()) is None
    with pytest.raises(ValidationError):
        cutter.find(b"not a picture")


def test_short_term_limits_are_waited_for(adapter):
    limit = RateLimitError("slow", response=ResponseInfo(status=429, retry_after=45.0), sent="all")
    cutter = adapter(ScriptedEngine(limit, limit, png()))
    assert cutter.remove(png()).billed
    assert cutter.sleeps == [45.0, 45.0]


def test_a_doubtful_failure_is_repeated_once_and_no_more(adapter):
    failure = InternalServerError("bad gateway", **refused(502, billed=None))
    engine = ScriptedEngine(failure, failure, png())
    with pytest.raises(InternalServerError):
        adapter(engine).remove(png())
    assert len(engine.requests) == 2


def test_doubts_are_counted_apart_from_free_repeats(adapter):
    unsent = APIConnectionError("refused")
    doubtful = APIConnectionError("reset", sent="all", billed=None)
    engine = ScriptedEngine(unsent, doubtful, unsent, doubtful, png())
    with pytest.raises(APIConnectionError, match="reset"):
        adapter(engine).remove(png())
    assert len(engine.requests) == 4


def test_the_caller_can_forbid_doubtful_repeats(adapter):
    engine = ScriptedEngine(InternalServerError("x", **refused(500, billed=None)), png())
    with pytest.raises(InternalServerError):
        adapter(engine, retry=Retry(in_doubt=False)).remove(png())
    assert len(engine.requests) == 1


def test_a_spent_quota_is_never_repeated(adapter):
    engine = ScriptedEngine(MonthlyQuotaError("spent", **refused(429), final=True), png())
    with pytest.raises(MonthlyQuotaError):
        adapter(engine).remove(png())
    assert len(engine.requests) == 1


def test_an_answer_that_was_paid_for_and_refused_is_not_asked_for_again(adapter):
    engine = ScriptedEngine(png((300, 200))[:-20], png())
    with pytest.raises(NotAnImageError) as caught:
        adapter(engine).remove(png())
    assert len(engine.requests) == 1
    assert caught.value.billed is True
    assert caught.value.result.content == png((300, 200))[:-20]


def test_the_sink_holds_the_paid_answer_even_when_it_is_refused(adapter):
    sink = io.BytesIO()
    with pytest.raises(NotAnImageError):
        adapter(ScriptedEngine(b"<html>paid</html>")).remove(png(), sink=sink)
    assert sink.getvalue() == b"<html>paid</html>"


def test_a_repeat_writes_the_sink_anew(adapter):
    sink = io.BytesIO(b"kept|old")
    sink.seek(5)
    answer = png()
    adapter(ScriptedEngine(APIConnectionError("refused"), answer)).remove(png(), sink=sink)
    assert sink.getvalue() == b"kept|" + answer


def test_a_shrunken_answer_is_refused_unless_accepted(adapter):
    small = png((460, 307))
    with pytest.raises(DownscaledResultError) as caught:
        adapter(ScriptedEngine(small)).remove(png((1200, 800)))
    assert caught.value.result.content == small
    result = adapter(ScriptedEngine(small)).remove(png((1200, 800)), accept_downscaled=True)
    assert "shrunk to 460 × 307 px" in result.warnings[0]


def test_a_shrunken_answer_is_accepted_and_said_on_the_anonymous_tier(adapter):
    engine = ScriptedEngine(png((460, 307)), anonymous=True)
    result = adapter(engine).remove(png((1200, 800)))
    assert result.warnings[0].endswith("as without an API key.")


def test_a_shrunken_answer_never_reaches_the_store(adapter):
    engine = ScriptedEngine(png((460, 307)), png((1200, 800)))
    cutter = adapter(engine, store=MemoryStore())
    assert cutter.remove(png((1200, 800)), accept_downscaled=True).size == (460, 307)
    assert cutter.remove(png((1200, 800))).size == (1200, 800)
    assert len(engine.requests) == 2


def test_observers_see_every_try(adapter, manager):
    observer = Observer()
    manager.register(observer)
    adapter(ScriptedEngine(APIConnectionError("refused"), png())).remove(png())
    assert observer.seen == ["before", "APIConnectionError", "before", ("after", 0.0)]


def test_observers_see_a_refused_answer_as_an_error(adapter, manager):
    observer = Observer()
    manager.register(observer)
    with pytest.raises(NotAnImageError):
        adapter(ScriptedEngine(b"<html>")).remove(png())
    assert observer.seen == ["before", "NotAnImageError"]


def test_the_default_engine_is_the_api_with_a_key_and_local_without(manager, monkeypatch):
    def chosen(**environ):
        return choose_engine(configure(environ=environ), manager=manager)

    assert chosen(REMBG_API_KEY="k" * 20) == "api"
    assert chosen(REMBG_USER_TOKEN="t" * 20) == "api"
    assert chosen() == "local"
    assert chosen(REMBG_API_KEY="k" * 20, REMBG_ENGINE="offline") == "offline"
    monkeypatch.setattr("rembg_plugins.engines.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match="REMBG_API_KEY.*pip install 'rembg-plugins"):
        chosen()


def test_build_opens_the_store_that_is_configured(manager, tmp_path):
    configuration = configure(environ={}, engine="offline", store=f"file:{tmp_path}/cutouts")
    cutter = build(configuration, manager=manager)
    cutter.remove(png())
    assert cutter.engine.name == "offline"
    assert cutter.store is not None
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) >= 1


def test_one_adapter_serves_one_configuration():
    configuration = configure(environ={}, engine="offline")
    assert shared(configuration) is shared(replace(configuration))


def test_remove_is_one_call():
    result = remove(png((60, 40)), engine="offline", format="PNG")
    assert result.image.getpixel((0, 0)) == (0, 0, 0, 0)
    assert result.image.getpixel((30, 20)) == (200, 30, 30, 255)
    assert (result.engine, result.billed) == ("offline", False)


def test_a_plugin_gives_the_credentials_where_nobody_else_has_any(monkeypatch):
    asked = []

    class Vault:
        @hookimpl
        def rembg_get_credentials(self, profile):
            asked.append(profile)
            return Credentials(api_key="k" * 20)

    vault = Vault()
    monkeypatch.delenv("REMBG_API_KEY", raising=False)
    default_manager().register(vault)
    try:
        remove(png((60, 40)), engine="offline", profile="shop")
        remove(png((60, 40)), engine="offline")
        monkeypatch.setenv("REMBG_API_KEY", "k" * 20)
        remove(png((60, 40)), engine="offline")
    finally:
        default_manager().unregister(vault)
    assert asked == ["shop", None]


@pytest.mark.parametrize(
    ("answer", "options", "coverage"),
    [
        (Image.new("RGB", (600, 400)), {}, 1.0),
        (Image.new("RGB", (600, 400)), {"bg_color": "red"}, None),
        (Image.new("RGB", (600, 400)), {"format": "JPEG"}, None),
        (Image.new("RGBA", (600, 400)), {}, 0.0),
        (Image.new("L", (600, 400), 255), {"mask": True}, 1.0),
        (Image.new("L", (600, 400), 0), {"mask": True}, 0.0),
    ],
)
def test_an_answer_of_the_api_without_alpha_tells_its_coverage(adapter, answer, options, coverage):
    file = io.BytesIO()
    answer.save(file, options.get("format", "PNG"))
    result = adapter(ScriptedEngine(file.getvalue())).remove(png(), options)
    assert result.coverage == coverage
    assert bool(result.warnings) == (coverage in {0.0, 1.0})


def test_the_first_call_gives_the_same_pixels_as_the_later_ones(adapter):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    file = io.BytesIO()
    Image.new("RGB", (600, 400), "red").save(file, "PNG", icc_profile=profile)
    cutter = adapter(ScriptedEngine(png(color=(200, 30, 30, 128))), store=MemoryStore())
    first, second = (cutter.remove(file.getvalue(), format="PNG") for _ in range(2))
    assert first.content == second.content
    assert Image.open(io.BytesIO(first.content)).info["icc_profile"] == profile
    assert (first.billed, second.billed) == (True, False)


def test_a_paid_answer_is_not_lost_when_it_cannot_be_kept(adapter, caplog):
    file = io.BytesIO()
    Image.effect_noise((600, 400), 50).convert("RGB").save(file, "JPEG")
    truncated = file.getvalue()[:9000]
    engine = ScriptedEngine(png())
    result = adapter(engine, store=MemoryStore()).remove(truncated, format="PNG")
    assert (result.content, result.billed) == (png(), True)
    assert "not kept in the store" in caplog.text


def test_a_source_that_changes_during_the_call_is_not_kept(adapter, tmp_path, caplog):
    path = tmp_path / "frame.bmp"

    class Camera(ScriptedEngine):
        def run(self, request, **arguments):
            Image.new("RGB", (60, 40), "blue").save(path)
            return super().run(request, **arguments)

    Image.new("RGB", (60, 40), "red").save(path)
    store = MemoryStore()
    adapter(Camera(png((60, 40))), store=store).remove(path)
    assert "source has changed" in caplog.text
    engine = ScriptedEngine(png((60, 40)))
    Image.new("RGB", (60, 40), "red").save(path)
    adapter(engine, store=store).remove(path)
    assert len(engine.requests) == 1


def test_fresh_has_it_made_again_and_keeps_that(adapter):
    engine = ScriptedEngine(png(color=(200, 30, 30, 255)), png(color=(200, 30, 30, 128)))
    cutter = adapter(engine, store=MemoryStore())
    cutter.remove(png())
    assert cutter.remove(png(), fresh=True).billed
    assert cutter.remove(png(), format="PNG").image.getpixel((5, 5))[3] == 128
    assert len(engine.requests) == 2


def test_an_answer_a_pixel_off_is_kept_in_the_pictures_size(adapter):
    engine = ScriptedEngine(png((601, 399)))
    cutter = adapter(engine, store=MemoryStore())
    assert [cutter.remove(png()).size for _ in range(2)] == [(600, 400)] * 2


def test_a_failed_try_cuts_nothing_off_the_callers_file(adapter):
    sink = io.BytesIO(b"mine, and more of mine")
    sink.seek(4)
    refusal = InternalServerError("busy", **refused(503))
    adapter(ScriptedEngine(refusal, png(), native_options=True)).remove(png(), sink=sink)
    assert sink.getvalue()[:4] == b"mine"
    tail = io.BytesIO(b"x" * 4000)
    tail.seek(4)
    with pytest.raises(APIConnectionError):
        adapter(Silent(APIConnectionError("refused"), APIConnectionError("refused"))).remove(
            png(), sink=tail
        )
    assert len(tail.getvalue()) == 4000


class Silent(ScriptedEngine):
    """Fails without a byte for the sink."""

    def run(self, request, *, on_progress=None, sink=None):
        self.answers = self.answers or [APIConnectionError("refused")]
        return super().run(request, on_progress=on_progress)


def test_a_long_wait_is_told(adapter, caplog):
    limit = RateLimitError("slow", response=ResponseInfo(status=429, retry_after=45.0), sent="all")
    adapter(ScriptedEngine(limit, png())).remove(png())
    assert "Waiting 45 s before the next try: slow" in caplog.text


def test_a_retry_of_another_kind_is_refused_before_anything_is_sent():
    with pytest.raises(ConfigurationError, match="retry must be a Retry"):
        Adapter(ScriptedEngine(), retry=5)
