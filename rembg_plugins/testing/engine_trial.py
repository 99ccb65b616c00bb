"""One call of an engine under test, and what any answer of it must be."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

from PIL import ImageChops

from rembg_plugins.core.answer_check import check_result
from rembg_plugins.core.errors import RembgError, Sent
from rembg_plugins.core.preparation import prepare
from rembg_plugins.core.result import Result
from rembg_plugins.core.setting import SECRETS, SETTINGS
from rembg_plugins.core.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image

    from rembg_plugins.core.engine import Engine
    from rembg_plugins.core.request import Request

_SLACK = 2  # levels of alpha that an encoder may change


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """An engine under test.

    Attributes:
        engine: The engine.
        secrets: What must show nowhere.
    """

    engine: Engine
    secrets: tuple[str, ...] = field(repr=False)

    def request(self, source: object, **options: Any) -> Request:
        """The request that the adapter would make of a picture, as PNG unless said otherwise."""
        request = validate(source, **{"format": "PNG", **options})
        return request if self.engine.native_options else request.full_size()

    def run(self, source: object, **options: Any) -> Result:
        """The engine's answer."""
        return self.engine.run(self.request(source, **options))

    def judged(self, source: object, **options: Any) -> Iterator[str]:
        """What is wrong with the engine's answer for a picture, and with what it did to that."""
        request = self.request(source, **options)
        image = request.source.image
        before = _looks(image)
        try:
            result = self.engine.run(request)
        except RembgError as error:
            yield f"It raised {type(error).__name__} ({error}) for a picture that is fine."
            return
        if _looks(image) != before:
            yield "The caller's image was changed. Work on a copy, or on what prepare() gives."
            return
        yield from self.faults(request, result)

    def faults(self, request: Request, result: object) -> Iterator[str]:
        """What is wrong with an answer."""
        if not isinstance(result, Result):
            yield (
                f"run() gave {type(result).__name__}. Give a Result, made by Result.from_image() "
                "or Result.from_bytes()."
            )
            return
        yield from self._wrong_facts(result)
        yield from self._wrong_picture(request, result)

    def leaks(self, text: str) -> bool:
        """Whether a secret shows in a text."""
        return any(secret in text for secret in self.secrets)

    def _wrong_facts(self, result: Result) -> Iterator[str]:
        if result.engine != self.engine.name:
            yield (
                f"The result names the engine {result.engine!r}. Pass engine=self.name, which is "
                f"{self.engine.name!r}."
            )
        yield from wrong_money(result, paid=getattr(self.engine, "paid", False))

    def _wrong_picture(self, request: Request, result: Result) -> Iterator[str]:
        try:
            anonymous = getattr(self.engine, "anonymous", False)
            check_result(request, result, accept_downscaled=anonymous)
            image = result.image
        except RembgError as error:
            yield f"The adapter would refuse the answer: {error}"
            return
        if image is request.source.image:
            yield "The result's image is the caller's own object. Give a new one."
        wanted = request.options.format
        if result.format != wanted:
            yield f"The result is {result.format}, though request.options.format is {wanted}."
        if not self.engine.native_options:
            yield from _wrong_cutout(request, result, image)


def find_secrets(given: tuple[str, ...]) -> tuple[str, ...]:
    """The secrets to look for: those that the author names, and those of the environment."""
    named = [os.environ.get(SETTINGS[name].variable, "") for name in SECRETS]
    return tuple(secret for secret in (*given, *named) if secret)


def wrong_money(told: Result | RembgError, *, paid: bool) -> Iterator[str]:
    """What cannot be true of ``sent`` and ``billed``, on which repeats and budgets rest."""
    kind = "result" if isinstance(told, Result) else type(told).__name__
    if told.sent not in get_args(Sent):
        yield f"The {kind} has sent={told.sent!r}. Say 'nothing', 'part' or 'all'."
    if told.billed not in {True, False, None}:
        yield f"The {kind} has billed={told.billed!r}. Say True, False, or None if nobody can know."
    elif told.billed is not False and told.sent == "nothing":
        yield (
            f"The {kind} has billed={told.billed} and sent='nothing'. Where nothing was sent, say "
            "billed=False; else say what was sent."
        )
    elif told.billed is not False and not paid:
        yield (
            f"The {kind} has billed={told.billed}, though the engine has paid = False. Say "
            "paid = True, so that users are asked before they spend."
        )


def pixels_of(result: Result) -> tuple[str, tuple[int, int], bytes]:
    """All that decides a result's looks."""
    image = result.image
    return image.mode, image.size, image.tobytes()


def _wrong_cutout(request: Request, result: Result, image: Image.Image) -> Iterator[str]:
    """What is wrong with a full-size cut-out, beside what the adapter checks."""
    prepared = prepare(request.source)
    if image.size != prepared.pixels.size:
        yield (
            f"The cut-out is {_px(image.size)}, the upright picture {_px(prepared.pixels.size)}. "
            "With native_options = False, give every pixel of the picture, turned as its EXIF "
            "orientation says."
        )
        return
    if image.mode != "RGBA":
        yield f"The cut-out has mode {image.mode}. Give RGBA, also where nothing was removed."
        return
    yield from _wrong_alpha(prepared.alpha, image.getchannel("A"), result)


def _wrong_alpha(was: Image.Image | None, now: Image.Image, result: Result) -> Iterator[str]:
    if was is not None:
        brighter = ImageChops.subtract(now, was).getextrema()[1]
        if isinstance(brighter, int | float) and brighter > _SLACK:
            yield (
                "What was transparent in the picture is visible in the cut-out. Multiply the "
                "mask by the picture's own alpha, as compose() does."
            )
    counted = sum(now.histogram()[128:]) / (now.width * now.height)
    if result.coverage is None or abs(result.coverage - counted) > 1 / 100:
        yield f"The result has coverage={result.coverage}, its alpha has {counted:.3f}."


def _looks(image: Image.Image | None) -> object:
    if image is None:
        return None
    return image.mode, image.size, image.tobytes(), dict(image.info)


def _px(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]} px"
