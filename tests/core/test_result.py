from __future__ import annotations

import io
import pickle
import threading

import pytest
from PIL import Image

from rembg_plugins.core import encoding, memory, preparation
from rembg_plugins.core.errors import NotAnImageError
from rembg_plugins.core.memory import Gate
from rembg_plugins.core.options import Options
from rembg_plugins.core.postprocess import postprocess
from rembg_plugins.core.result import Result

FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
FACTS = {"engine": "test", "sent": "all", "billed": True}
EMPTY = "Nothing was found to keep: the mask is empty."
FULL = "Nothing was removed: the mask is full."


def received(content, **facts):
    return Result.from_bytes(content, **{**FACTS, **facts})


def made(image, format="PNG", **facts):
    return Result.from_image(image, format=format, **{**FACTS, "coverage": None, **facts})


def file_of(image, format):
    file = io.BytesIO()
    image.save(file, format, **({"lossless": True} if format == "WEBP" else {}))
    return file.getvalue()


def clear(share):
    """RGBA, 100 x 100 px, of which a share is opaque."""
    image = Image.new("RGBA", (100, 100))
    image.paste("red", (0, 0, 100, round(share * 100)))
    return image


@pytest.fixture
def encodings(monkeypatch):
    """The pictures that were encoded."""
    real, seen = encoding.encode, []

    def encode(image, format):
        seen.append(image)
        return real(image, format)

    monkeypatch.setattr(encoding, "encode", encode)
    return seen


# Bytes


@pytest.mark.parametrize("format", FORMATS)
def test_bytes_are_kept_as_they_are_and_tell_format_and_size(make_image, format):
    content = file_of(make_image("RGB", (31, 20)), format)
    result = received(content)
    assert result.content is content
    assert (result.format, result.size, result.mode) == (format, (31, 20), "RGB")
    assert (result.engine, result.sent, result.billed) == ("test", "all", True)
    assert result.is_encoded


def test_the_picture_of_bytes_is_decoded_once(make_image):
    image = make_image("RGBA")
    result = received(file_of(image, "PNG"))
    assert result.image.tobytes() == image.tobytes()
    assert result.image is result.image


@pytest.mark.parametrize(
    "content", [b"", b"<html>Bad gateway</html>", b"\x89PNG\r\n\x1a\n", b"GIF89a"]
)
def test_an_answer_that_is_no_picture_can_be_kept_but_not_decoded(content):
    result = received(content, billed=None)
    assert (result.content, result.size, result.coverage) == (content, (0, 0), None)
    assert result.warnings == ()
    with pytest.raises(NotAnImageError, match="cannot be decoded") as caught:
        _ = result.image
    assert caught.value.result is result
    assert (caught.value.sent, caught.value.billed) == ("all", None)


def test_a_picture_that_is_cut_short_is_no_picture(make_image):
    result = received(file_of(make_image("RGB", (99, 99)), "JPEG")[:-500])
    assert result.format == "JPEG"
    with pytest.raises(NotAnImageError):
        _ = result.mode


def test_a_picture_is_decoded_when_there_is_room_for_it(make_image, monkeypatch):
    gate = Gate(1)
    monkeypatch.setattr(memory._Process, "gate", gate)
    result = received(file_of(make_image("RGB"), "PNG"))
    decoded = []
    with gate.decoding((1, 1)):
        other = threading.Thread(target=lambda: decoded.append(result.image))
        other.start()
        while not gate.waiting:
            assert other.is_alive()
        assert decoded == []
    other.join(10)
    assert decoded == [result.image]


# Pictures


def test_a_picture_is_encoded_on_first_use_and_once(make_image, encodings):
    image = make_image("RGBA")
    result = made(image)
    assert (result.format, result.size, result.mode, result.image) == (
        *("PNG", image.size, "RGBA"),
        image,
    )
    assert not result.is_encoded
    assert encodings == []
    assert result.content is result.content
    assert encodings == [image]
    assert result.is_encoded
    assert Image.open(io.BytesIO(result.content)).tobytes() == image.tobytes()


def test_threads_that_ask_together_get_one_encoding(make_image, encodings):
    result = made(make_image("RGBA", (300, 300)))
    start, contents = threading.Barrier(4), []

    def ask():
        start.wait(10)
        contents.append(result.content)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(encodings) == 1
    assert len(contents) == 4


# Coverage and warnings


@pytest.mark.parametrize(
    ("share", "warnings"), [(0, (EMPTY,)), (0.01, ()), (0.5, ()), (0.99, ()), (1, (FULL,))]
)
def test_coverage_is_counted_and_a_cutout_that_failed_is_told(share, warnings):
    for result in (made(clear(share)), received(file_of(clear(share), "PNG"))):
        assert result.coverage == share
        assert result.warnings == warnings


@pytest.mark.parametrize("format", FORMATS)
def test_without_alpha_nobody_knows_the_coverage(make_image, format):
    result = received(file_of(make_image("RGB"), format))
    assert result.coverage is None
    assert result.warnings == ()


def test_jpeg_is_not_decoded_to_find_that_it_has_no_alpha(make_image, monkeypatch):
    def fail(*arguments):
        raise AssertionError

    monkeypatch.setattr(preparation, "decode", fail)
    assert received(file_of(make_image("RGB"), "JPEG")).coverage is None


def test_coverage_that_is_known_stays_where_alpha_is_gone():
    result = postprocess(made(clear(0.25)), Options(format="JPEG"))
    assert result.mode == "RGB"
    assert result.coverage == 0.25
    empty = postprocess(made(clear(0)), Options(mask=True))
    assert empty.warnings == (EMPTY,)


def test_notes_come_before_what_was_counted():
    result = made(clear(1), notes=("one",)).with_note("two")
    assert result.notes == ("one", "two")
    assert result.warnings == ("one", "two", FULL)


def test_a_note_makes_another_result_of_the_same_picture(encodings):
    first = made(clear(0.5))
    second = first.with_note("a note")
    assert first.notes == ()
    assert second.notes == ("a note",)
    assert second.image is first.image
    assert second.content == first.content
    assert (second.format, second.size, second.billed) == ("PNG", (100, 100), True)


# Pickling


def test_a_result_pickles_as_bytes_and_facts(encodings):
    result = made(clear(0.5), "WEBP", notes=("a note",), billed=None)
    coverage = result.coverage
    copy = pickle.loads(pickle.dumps(result))  # noqa: S301 - our own
    assert copy.content == result.content
    assert len(encodings) == 1
    assert copy.coverage == coverage
    for name in ("format", "size", "mode", "engine", "sent", "billed", "notes"):
        assert getattr(copy, name) == getattr(result, name), name
    assert copy.image.getchannel("A").tobytes() == clear(0.5).getchannel("A").tobytes()


def test_the_pixels_do_not_travel_in_a_pickle():
    assert len(pickle.dumps(made(clear(0.5)))) < 2000


def test_a_mask_in_webp_comes_out_of_a_pickle_as_a_mask():
    result = postprocess(made(clear(0.5)), Options(format="WEBP", mask=True))
    copy = pickle.loads(pickle.dumps(result))  # noqa: S301 - our own
    assert copy.mode == copy.image.mode == "L"
    assert copy.image.getpixel((5, 5)) > 250


def test_an_error_with_a_result_pickles(make_image):
    error = NotAnImageError("no", result=received(b"<html>"), billed=None)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert copy.result.content == b"<html>"


def test_the_repr_tells_the_facts_and_encodes_nothing(encodings):
    text = repr(made(clear(0.5)))
    assert text == "<Result PNG 100 x 100 px, engine 'test', sent 'all', billed True>"
    assert encodings == []
    assert "unknown format" in repr(received(b""))
