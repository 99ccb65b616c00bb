"""What must hold of every engine: ``check_engine(MyEngine())`` in a plugin's tests."""

from __future__ import annotations

import contextlib
import io
import pickle
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageStat

from rembg_plugins.core.errors import RembgError
from rembg_plugins.core.preparation import prepare
from rembg_plugins.testing import samples
from rembg_plugins.testing.conformance import by_case, conclude, gather, raised
from rembg_plugins.testing.engine_streams import progress, sink
from rembg_plugins.testing.engine_trial import Trial, find_secrets, pixels_of, wrong_money

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rembg_plugins.core.engine import Engine
    from rembg_plugins.core.request import Request

_THREADS = 4
_OPAQUE = 250  # alpha from which on a pixel shows its color alone


def check_engine(engine: Engine, *, secrets: tuple[str, ...] = ()) -> None:
    """Check all that this package, and its users, rely on in an engine.

    It is run about 50 times on small pictures, in this process and from several threads. Give a
    paid one a test server, as the fixture ``rembg_sandbox`` is.

    Args:
        engine: The engine, made as its factory makes it.
        secrets: Keys that it holds, which must show nowhere.

    Raises:
        ConformanceError: Something does not hold; a line for each thing to mend.
    """
    subject = f"The engine {getattr(engine, 'name', None) or type(engine).__name__!r}"
    trial = Trial(engine=engine, secrets=find_secrets(secrets))
    for checks in ((_face,), (_a_plain_picture,), _THE_REST):
        conclude(subject, gather(checks, trial))  # a later group relies on those before it


def _face(trial: Trial) -> Iterator[str]:
    engine: object = trial.engine
    for name, spaces in (("name", False), ("version", True)):
        value = getattr(engine, name, None)
        if not isinstance(value, str) or not value or (not spaces and len(value.split()) != 1):
            yield f"`{name}` is {value!r}. Give a text{'' if spaces else ' without spaces'}."
    for name, meaning in _FLAGS.items():
        value = getattr(engine, name, None)
        if not isinstance(value, bool):
            yield f"`{name}` is {value!r}. Say True if {meaning}, else False."
    run = getattr(engine, "run", None)
    if not callable(run):
        yield "It has no method run(request, *, on_progress=None, sink=None)."
        return
    taken = signature(run).parameters
    for name in ("on_progress", "sink"):
        if name not in taken or taken[name].default is not None:
            yield f"run() must take the keyword `{name}`, None by default."


_FLAGS = {
    "native_options": "the engine applies the options itself",
    "paid": "a picture costs money",
}


def _a_plain_picture(trial: Trial) -> Iterator[str]:
    yield from trial.judged(samples.picture())


def _modes(trial: Trial) -> Iterator[str]:
    cases = {f"an image of mode {mode}": samples.picture(mode) for mode in samples.MODES}
    yield from by_case(cases, trial.judged)


def _files(trial: Trial) -> Iterator[str]:
    yield from by_case(samples.files(), trial.judged)


def _sizes(trial: Trial) -> Iterator[str]:
    cases = {f"{w} x {h} px": samples.picture(size=(w, h)) for w, h in samples.SIZES}
    yield from by_case(cases, trial.judged)


def _orientations(trial: Trial) -> Iterator[str]:
    cases = {f"the EXIF orientation {number}": samples.turned(number) for number in range(2, 9)}
    yield from by_case(cases, lambda content: _turned(trial, content))


def _turned(trial: Trial, content: bytes) -> Iterator[str]:
    request = trial.request(content)
    result = trial.engine.run(request)
    faults = tuple(trial.faults(request, result))
    yield from faults
    if not faults and not trial.engine.native_options:
        upright = prepare(request.source).pixels
        lying = Image.open(io.BytesIO(content)).convert("RGB")
        yield from _wrong_side_up(result.image, upright, lying)


def _wrong_side_up(cutout: Image.Image, upright: Image.Image, lying: Image.Image) -> Iterator[str]:
    """Whether the visible colors are those of the picture as it lies in the file."""
    if lying.size != cutout.size:
        return
    seen = cutout.getchannel("A").point([0] * _OPAQUE + [255] * (256 - _OPAQUE))
    if seen.getbbox() is None:
        return
    as_it_lies, as_it_stands = (
        sum(ImageStat.Stat(ImageChops.difference(cutout.convert("RGB"), other), seen).mean)
        for other in (lying, upright)
    )
    if as_it_stands > as_it_lies:
        yield "The cut-out does not stand as the orientation says. Cut out of prepare().pixels."


def _options(trial: Trial) -> Iterator[str]:
    """For engines that apply them; sizes and formats are judged as those of any answer."""
    if not trial.engine.native_options:
        return
    cases = {str(options): options for options in _OPTIONS}
    yield from by_case(cases, lambda options: trial.judged(samples.picture(), **options))
    colored = trial.run(samples.picture(), bg_color="lime").image.convert("RGBA")
    if colored.getchannel("A").getextrema() != (255, 255):
        yield "With bg_color='lime', something stays transparent. Lay the cut-out on the color."
    red, green, blue = trial.run(samples.picture(), mask=True).image.convert("RGB").split()
    if not red.tobytes() == green.tobytes() == blue.tobytes():
        yield "With mask=True, the answer has colors. Give the alpha alone, as grey."


_OPTIONS: tuple[dict[str, object], ...] = (
    {"w": 18},
    {"w": 30, "h": 30, "exact_resize": True},
    {"angle": 45},
    {"angle": 30, "expand": False},
    {"format": "JPEG"},
    {"format": "WEBP"},
    {"format": "BMP"},
)


def _threads(trial: Trial) -> Iterator[str]:
    requests = [
        trial.request(samples.picture(size=(30 + 3 * number, 20 + number), color=color))
        for number, color in enumerate(("red", "blue"))
    ]
    alone = [pixels_of(trial.engine.run(request)) for request in requests]
    start = threading.Barrier(_THREADS)

    def run(request: Request) -> tuple[str, tuple[int, int], bytes]:
        start.wait()
        return pixels_of(trial.engine.run(request))

    with ThreadPoolExecutor(_THREADS) as pool:
        together = list(pool.map(run, requests * (_THREADS // len(requests))))
    if together != alone * (_THREADS // len(requests)):
        yield (
            f"{_THREADS} threads at once got other cut-outs than one alone. Keep nothing of a "
            "call on the engine, and guard what is shared."
        )


def _twice_the_same(trial: Trial) -> Iterator[str]:
    before = trial.engine.name, trial.engine.version
    first, second = (pixels_of(trial.run(samples.picture())) for _ in range(2))
    if first != second:
        yield "The same picture gave two different cut-outs: a store would keep either for good."
    if before != (trial.engine.name, trial.engine.version):
        yield "`name` or `version` changed by a call. They are part of the store's keys."


def _failures(trial: Trial) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gone.png"
        path.write_bytes(samples.files()["a PNG file"])
        gone = trial.request(path)
        path.unlink()
    cases = {
        "a picture that is cut short": trial.request(samples.cut_short()),
        "a file that is gone": gone,
    }
    yield from by_case(cases, lambda request: _wrong_error(trial, request))


def _wrong_error(trial: Trial, request: Request) -> Iterator[str]:
    try:
        trial.engine.run(request)
    except RembgError as error:
        yield from wrong_money(error, paid=getattr(trial.engine, "paid", False))
        if not str(error):
            yield f"{type(error).__name__} has no message. Say what to do, in a sentence."
        if trial.leaks(f"{error!r} {error} {error.response}"):
            yield f"{type(error).__name__} shows a secret. Take it out of every text."
    except Exception as problem:  # noqa: BLE001 - whatever it is, it is the finding
        yield f"run() {raised(problem)}. Raise a class of rembg_plugins.errors from it."


def _secrets(trial: Trial) -> Iterator[str]:
    engine = trial.engine
    if trial.leaks(f"{engine!r} {engine} {engine.name} {engine.version}"):
        yield "repr(), name or version shows a secret. Write a __repr__ without it."
    with contextlib.suppress(Exception):  # an engine need not be picklable
        if trial.leaks(pickle.dumps(engine).decode("latin-1")):
            yield "Its pickle holds a secret. Let __reduce__ raise TypeError."


_THE_REST = (
    *(_modes, _files, _sizes, _orientations, _options, sink, progress, _threads),
    *(_twice_the_same, _failures, _secrets),
)
