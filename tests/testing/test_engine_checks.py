"""Our own engines conform; and every way that we know to break one is told, with its remedy."""

from __future__ import annotations

import contextlib
import io
import threading
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from PIL import Image

from rembg_plugins import Options
from rembg_plugins.core.configuration import configure
from rembg_plugins.core.cutout import coverage_of
from rembg_plugins.core.engine import ProgressEvent
from rembg_plugins.core.errors import APIError, APITimeoutError, RembgError
from rembg_plugins.core.plugins import make_engine
from rembg_plugins.core.postprocess import postprocess
from rembg_plugins.core.preparation import decode
from rembg_plugins.core.result import Result
from rembg_plugins.engines import local
from rembg_plugins.testing import ConformanceError, check_engine, engine_checks
from rembg_plugins.testing.offline import OfflineEngine

# --- ours ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["offline", "local"])
def test_an_engine_on_this_machine_conforms(name):
    check_engine(make_engine(name, configure(environ={})))


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning")  # of it
def test_a_model_of_the_rembg_library_conforms(tmp_path, monkeypatch):
    weights = Path(local.__file__).parent / "weights" / "u2netp.onnx"
    (tmp_path / "u2netp.onnx").write_bytes(weights.read_bytes())
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    check_engine(make_engine("rembg:u2netp", configure(environ={})))


def test_the_hosted_api_s_engine_conforms_on_the_sandbox(rembg_sandbox):
    engine = make_engine("api", configure())
    check_engine(engine, secrets=(rembg_sandbox.key,))
    assert {call.account for call in rembg_sandbox.calls} == {rembg_sandbox.key}
    assert len(rembg_sandbox.calls) > 40


# --- broken ones -----------------------------------------------------------------------------


class Broken(OfflineEngine):
    """A good engine, of which each below breaks one thing."""

    name = "broken"

    def run(self, request, *, on_progress=None, sink=None):
        return super().run(request, on_progress=on_progress, sink=sink)


def made(image, **facts):
    known = {"format": "PNG", "engine": "broken", "sent": "nothing", "billed": False}
    known["coverage"] = coverage_of(image.getchannel("A")) if "A" in image.getbands() else None
    return Result.from_image(image, **known | facts)


class SpaceInName(Broken):
    name = "my engine"


class VersionIsNumber(Broken):
    version = 1


class NoVersion(Broken):
    version = ""


class NativeIsText(Broken):
    native_options = "no"


class PaidIsUnsaid(Broken):
    paid = None


class NoRun:
    name, version, native_options, paid = "broken", "1", False, False


class NoSinkKeyword(Broken):
    def run(self, request, *, on_progress=None):
        return super().run(request)


class GivesAnImage(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        return super().run(request, sink=sink).image


class AnotherName(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        return made(super().run(request, sink=sink).image, engine="other")


class BilledThoughFree(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        return made(super().run(request, sink=sink).image, sent="all", billed=True)


class BilledThoughNothingSent(Broken):
    paid = True

    def run(self, request, *, on_progress=None, sink=None):
        return made(super().run(request, sink=sink).image, billed=None)


class SentIsBoolean(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        return made(super().run(request, sink=sink).image, sent=True)


class BilledIsNumber(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        return made(super().run(request, sink=sink).image, billed=2)


class GivesWebp(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        return made(super().run(request, sink=sink).image, format="WEBP")


class LaysItOnWhite(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        cutout = super().run(request).image
        white = Image.new("RGB", cutout.size, "white")
        white.paste(cutout, mask=cutout)
        return made(white)


class HalvesIt(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        return made(super().run(request).image.reduce(2))


class OnePixelLess(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        image = super().run(request).image
        return made(image.crop((0, 0, max(1, image.width - 1), image.height)))


class WrongCoverage(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        return made(super().run(request).image, coverage=0.1)


class CutsTheAnswerShort(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        content = super().run(request).content[:-20]
        return Result.from_bytes(content, engine=self.name, sent="nothing", billed=False)


def in_its_own_way(request, engine, convert=lambda image: image.convert("RGBA")):
    """The cut-out without what prepare() does: no orientation, no alpha, few modes."""
    with request.source.open() as file:
        image = decode(file, request.source.header.format)
    cutout = convert(image)
    mask = OfflineEngine().run(request).image.getchannel("A")
    cutout.putalpha(mask.resize(cutout.size))
    return made(cutout)


class ForgetsTheOrientation(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        return in_its_own_way(request, self)


class ForgetsTheAlpha(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        result = super().run(request)
        image = result.image.copy()
        image.putalpha(255)
        return made(image)


class KnowsFewModes(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        image = request.source.image
        if image is not None and image.mode not in {"RGB", "RGBA", "L"}:
            raise KeyError(image.mode)
        return super().run(request, sink=sink)


class ReadsNoWebp(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        if request.source.header.format == "WEBP":
            raise KeyError("WEBP")
        return super().run(request, sink=sink)


class RefusesSmallOnes(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        if min(request.source.size) < 2:
            message = "too small"
            raise RembgError(message)
        return super().run(request, sink=sink)


class ForgetsTheSink(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        return super().run(request)


class RewindsTheSink(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        result = super().run(request)
        if sink is not None:
            if sink.seekable():
                sink.seek(0)
            sink.write(result.content)
        return result


class ClosesTheSink(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        result = super().run(request, sink=sink)
        if sink is not None:
            sink.close()
        return result


class SeeksInTheSink(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        result = super().run(request, sink=sink)
        if sink is not None:
            sink.seek(0, io.SEEK_END)
        return result


def event(direction="upload", loaded=10, total=10):
    share = loaded / total
    return ProgressEvent(direction=direction, loaded=loaded, total=total, progress=share, bytes=1)


class TellsTuples(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        if on_progress is not None:
            on_progress((1, 2))
        return super().run(request, sink=sink)


class GoesBack(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        for loaded in (9, 5, 10) if on_progress is not None else ():
            on_progress(event(loaded=loaded))
        return super().run(request, sink=sink)


class NeverArrives(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        if on_progress is not None:
            on_progress(event("download", loaded=5))
        return super().run(request, sink=sink)


class SwallowsTheCancel(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        with contextlib.suppress(Exception):
            if on_progress is not None:
                on_progress(event())
        return super().run(request, sink=sink)


class WrapsTheCancel(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        try:
            if on_progress is not None:
                on_progress(event())
        except Exception as problem:
            raise APIError("The upload failed") from problem
        return super().run(request, sink=sink)


class KeepsTheCallOnItself(Broken):
    """All threads meet inside, so that each sees what the last of them has put there."""

    def __init__(self):
        self.meet = threading.Barrier(engine_checks._THREADS)

    def run(self, request, *, on_progress=None, sink=None):
        self.request = request
        if threading.current_thread() is not threading.main_thread():
            self.meet.wait(30)
        return super().run(self.request, sink=sink)


class NeverTheSame(Broken):
    def __init__(self):
        self.numbers = count()

    def run(self, request, *, on_progress=None, sink=None):
        image = super().run(request).image.copy()
        image.putpixel((image.width // 2, image.height // 2), (next(self.numbers) % 256, 0, 0, 255))
        return made(image)


class AnotherVersionEachTime(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        self.version = f"{self.version}1"
        return super().run(request, sink=sink)


class PaintsTheSource(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        result = super().run(request, sink=sink)
        if request.source.image is not None:
            request.source.image.putpixel((0, 0), 0)
        return result


class GivesTheSource(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        image = request.source.image
        if image is not None and image.mode == "RGBA":
            return made(image)
        return super().run(request, sink=sink)


class LeaksOsErrors(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        try:
            return super().run(request, sink=sink)
        except RembgError as problem:
            raise OSError("broken data stream") from problem


class SaysBilledOfAFailure(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        try:
            return super().run(request, sink=sink)
        except RembgError as problem:
            raise APITimeoutError("lost", sent="nothing", billed=True) from problem


class SaysNothing(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        try:
            return super().run(request, sink=sink)
        except RembgError as problem:
            raise APIError from problem


KEY = "sk-0123456789abcdef"


class TellsTheKey(Broken):
    def run(self, request, *, on_progress=None, sink=None):
        try:
            return super().run(request, sink=sink)
        except RembgError as problem:
            raise APIError(f"refused for {KEY}") from problem


class ShowsTheKey(Broken):
    def __repr__(self):
        return f"ShowsTheKey({KEY!r})"


class PicklesTheKey(Broken):
    def __init__(self):
        self.key = KEY


class Native(Broken):
    """A good engine that applies the options itself."""

    native_options = True

    def run(self, request, *, on_progress=None, sink=None):
        result = self.finished(super().run(request.full_size()), request.options)
        if sink is not None:
            sink.write(result.content)
        return result

    def finished(self, cutout, options):
        return postprocess(cutout, options)


class FindsNothing(Broken):
    """A good engine that has no luck: its cut-outs are empty."""

    def run(self, request, *, on_progress=None, sink=None):
        empty = super().run(request).image.copy()
        empty.putalpha(0)
        result = made(empty)
        if sink is not None and sink.writable():
            sink.write(result.content)
        return result


class LeavesOut(Native):
    """One that knows nothing of some options."""

    def __init__(self, *unknown):
        self.unknown = unknown

    def finished(self, cutout, options):
        defaults = Options()
        left = {name: getattr(defaults, name) for name in self.unknown}
        return super().finished(cutout, replace(options, **left))


WRONG = {
    SpaceInName: "`name` is 'my engine'. Give a text without spaces.",
    VersionIsNumber: "`version` is 1. Give a text",
    NoVersion: "`version` is ''. Give a text",
    NativeIsText: "`native_options` is 'no'. Say True if the engine applies the options itself",
    PaidIsUnsaid: "`paid` is None. Say True if a picture costs money",
    NoRun: "It has no method run(request, *, on_progress=None, sink=None).",
    NoSinkKeyword: "run() must take the keyword `sink`, None by default.",
    GivesAnImage: "run() gave Image. Give a Result",
    AnotherName: "The result names the engine 'other'. Pass engine=self.name, which is 'broken'.",
    BilledThoughFree: "billed=True, though the engine has paid = False. Say paid = True",
    BilledThoughNothingSent: "The result has billed=None and sent='nothing'.",
    SentIsBoolean: "The result has sent=True. Say 'nothing', 'part' or 'all'.",
    BilledIsNumber: "The result has billed=2. Say True, False, or None",
    GivesWebp: "The result is WEBP, though request.options.format is PNG.",
    LaysItOnWhite: "The cut-out has mode RGB. Give RGBA",
    HalvesIt: "The adapter would refuse the answer: The API's picture is 18 x 12 px",
    OnePixelLess: "The cut-out is 35 x 24 px, the upright picture 36 x 24 px.",
    WrongCoverage: "The result has coverage=0.1, its alpha has 0.",
    CutsTheAnswerShort: "The adapter would refuse the answer: The API's PNG picture is cut short",
    ForgetsTheOrientation: "the EXIF orientation 4: The cut-out does not stand as the orient",
    ForgetsTheAlpha: "With an image of mode LA, an image of mode La,",
    KnowsFewModes: "an image of mode I;16B, an image of mode F: It raised KeyError: '1'.",
    ReadsNoWebp: "With a WebP file: It raised KeyError: 'WEBP'.",
    RefusesSmallOnes: "With 1 x 1 px, 1 x 39 px, 39 x 1 px: It raised RembgError (too small) for a",
    ForgetsTheSink: "The sink got 0 bytes that are not the result's",
    RewindsTheSink: "Write exactly those to it, from where it stands.",
    ClosesTheSink: "run() closed the sink. Leave it open",
    SeeksInTheSink: "The check of sink raised UnsupportedOperation",
    TellsTuples: "on_progress got something that is no ProgressEvent.",
    GoesBack: "The progress of the upload goes back.",
    NeverArrives: "The last event of the download has not progress 1.",
    SwallowsTheCancel: "on_progress raised, and run() went on.",
    WrapsTheCancel: "on_progress raised, and run() raised APIError: The upload failed.",
    KeepsTheCallOnItself: "4 threads at once got other cut-outs than one alone.",
    NeverTheSame: "The same picture gave two different cut-outs",
    AnotherVersionEachTime: "`name` or `version` changed by a call.",
    PaintsTheSource: "The caller's image was changed.",
    GivesTheSource: "The result's image is the caller's own object.",
    LeaksOsErrors: "run() raised OSError: broken data stream. Raise a class of",
    SaysBilledOfAFailure: "The APITimeoutError has billed=True and sent='nothing'.",
    SaysNothing: "APIError has no message.",
    TellsTheKey: "APIError shows a secret.",
    ShowsTheKey: "repr(), name or version shows a secret.",
    PicklesTheKey: "Its pickle holds a secret.",
}
WRONG_NATIVE = {
    ("format",): "The result is WEBP, though request.options.format is PNG.",
    ("w", "h"): "With {'w': 18}: The adapter would refuse the answer",
    ("angle",): "With {'angle': 45}: The adapter would refuse the answer",
    ("bg_color",): "With bg_color='lime', something stays transparent.",
    ("mask",): "With mask=True, the answer has colors.",
}


@pytest.mark.parametrize("kind", [Broken, Native, FindsNothing], ids=lambda kind: kind.__name__)
def test_the_engines_that_the_broken_ones_are_made_of_conform(kind):
    check_engine(kind(), secrets=(KEY,))


@pytest.mark.parametrize("kind", WRONG, ids=lambda kind: kind.__name__)
def test_a_broken_engine_is_told_what_to_mend(kind):
    with pytest.raises(ConformanceError) as caught:
        check_engine(kind(), secrets=(KEY,))
    assert any(WRONG[kind] in line for line in caught.value.problems), str(caught.value)
    assert len(caught.value.problems) <= 4, "one mistake, few lines"


@pytest.mark.parametrize("unknown", WRONG_NATIVE, ids=str)
def test_an_option_that_is_not_applied_is_told(unknown):
    with pytest.raises(ConformanceError) as caught:
        check_engine(LeavesOut(*unknown))
    assert any(line.startswith(WRONG_NATIVE[unknown]) for line in caught.value.problems), str(
        caught.value
    )


def test_a_key_of_the_environment_is_looked_for_as_well(monkeypatch):
    monkeypatch.setenv("REMBG_API_KEY", KEY)
    with pytest.raises(ConformanceError, match="shows a secret"):
        check_engine(ShowsTheKey())


def test_the_checks_do_not_show_the_secret_themselves():
    with pytest.raises(ConformanceError) as caught:
        check_engine(TellsTheKey(), secrets=(KEY,))
    assert KEY not in str(caught.value)
