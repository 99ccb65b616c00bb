from __future__ import annotations

import pytest
from core.pictures import SAMPLES, blank, drawn, png_of
from PIL import Image

from rembg_plugins.core.answer_check import check_answer, check_result, is_downscaled
from rembg_plugins.core.errors import APIResponseError, DownscaledResultError, NotAnImageError
from rembg_plugins.core.options import Options
from rembg_plugins.core.result import Result
from rembg_plugins.core.validation import validate

FORMATS = ("PNG", "JPEG", "WEBP", "BMP")


def answer_of(content):
    return Result.from_bytes(content, engine="api", sent="all", billed=True)


def request_for(size=(1000, 750), **settings):
    return validate(png_of(*size), **settings)


def refusal(request, content, **settings):
    result = answer_of(content)
    with pytest.raises(APIResponseError) as caught:
        check_result(request, result, **settings)
    error = caught.value
    assert error.result is result
    assert (error.sent, error.billed) == ("all", True)
    return error


@pytest.mark.parametrize("format_", FORMATS)
def test_a_whole_picture_of_the_right_size_passes(format_):
    check_result(request_for(), answer_of(blank((1000, 750), format_)))


@pytest.mark.parametrize("size", [(998, 752), (1002, 748), (750, 1000), (748, 1001)])
def test_two_px_and_a_turned_picture_pass(size):
    check_result(request_for(), answer_of(blank(size)))


@pytest.mark.parametrize("size", [(997, 750), (1000, 753), (500, 375), (753, 1000), (2000, 1500)])
def test_another_size_is_refused_with_both_sizes_named(size):
    error = refusal(request_for(), blank(size))
    assert type(error) is APIResponseError
    assert f"{size[0]} x {size[1]} px" in str(error)
    assert "1000 x 750 px" in str(error)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"w": 600}, (600, 450)),
        ({"h": 600}, (800, 600)),
        ({"w": 600, "h": 600}, (600, 450)),
        ({"w": 2000}, (2000, 1500)),
        ({"w": 2000}, (1000, 750)),
        ({"w": 600, "h": 600, "exact_resize": True}, (600, 600)),
        ({"angle": 90}, (750, 1000)),
        ({"angle": 45}, (1238, 1238)),
        ({"angle": 45, "expand": False}, (1000, 750)),
        ({"mask": True}, (1000, 750)),
        ({"bg_color": "red", "format": "JPEG"}, (1000, 750)),
        ({"w": 100}, (100, 75)),
    ],
)
def test_sizes_that_the_options_explain_pass(options, size):
    check_result(request_for(**options), answer_of(blank(size)))


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>Bad gateway</html>", b"{}", SAMPLES["PNG"][:20], b"%PDF-1.4", png_of(0, 0)],
)
def test_what_is_no_picture_is_refused(content):
    assert type(refusal(request_for((37, 23)), content)) is NotAnImageError


@pytest.mark.parametrize("name", SAMPLES)
def test_a_picture_cut_short_is_refused(name):
    request, content = request_for((37, 23)), SAMPLES[name]
    check_result(request, answer_of(content))
    for kept in (len(content) - 1, len(content) - 9, len(content) * 3 // 4):
        assert type(refusal(request, content[:kept])) is NotAnImageError
    assert type(refusal(request, content[:-1], accept_downscaled=True)) is NotAnImageError


@pytest.mark.parametrize("size", [(460, 345), (460, 460), (345, 460), (459, 344), (300, 225)])
@pytest.mark.parametrize("options", [{}, {"w": 800}, {"angle": 45}])
def test_the_silent_small_answer_is_refused_unless_it_is_welcome(size, options):
    request, content = request_for(**options), blank(size)
    error = refusal(request, content)
    assert type(error) is DownscaledResultError
    assert "460 x 460" in str(error)
    assert is_downscaled(request, error.result)
    check_result(request, answer_of(content), accept_downscaled=True)
    check_result(request_for(accept_downscaled=True, **options), answer_of(content))


def test_accepting_a_small_answer_accepts_no_other_size():
    error = refusal(request_for(accept_downscaled=True), blank((461, 346)))
    assert type(error) is APIResponseError


@pytest.mark.parametrize(
    ("source", "options", "size"),
    [
        ((460, 460), {}, (460, 460)),
        ((300, 200), {}, (300, 200)),
        ((468, 468), {}, (460, 460)),
        ((1000, 1000), {"w": 460}, (460, 460)),
        ((1000, 750), {"w": 460, "h": 460}, (460, 345)),
    ],
)
def test_a_small_answer_that_was_asked_for_passes(source, options, size):
    request, answer = request_for(source, **options), answer_of(blank(size))
    check_result(request, answer)
    assert not is_downscaled(request, answer)


def test_a_small_picture_that_was_to_be_enlarged_may_stay_small_but_not_become_460():
    request = request_for((300, 300), w=1000)
    check_result(request, answer_of(blank((300, 300))))
    assert type(refusal(request, blank((460, 460)))) is DownscaledResultError


@pytest.mark.parametrize(("source", "options"), [((300, 300), {}), ((1000, 750), {"w": 100})])
def test_a_small_answer_where_another_small_one_was_due_is_just_wrong(source, options):
    request = request_for(source, accept_downscaled=True, **options)
    error = refusal(request, blank((200, 150)))
    assert type(error) is APIResponseError
    assert not is_downscaled(request, error.result)


def test_a_picture_in_memory_is_judged_by_its_size_and_not_encoded(monkeypatch):
    def result_of(size):
        return Result.from_image(
            Image.new("RGBA", size),
            format="PNG",
            engine="local",
            sent="nothing",
            billed=False,
            coverage=None,
        )

    monkeypatch.setattr(Image.Image, "save", None)
    check_result(request_for(), result_of((1000, 750)))
    with pytest.raises(APIResponseError) as caught:
        check_result(request_for(), result_of((900, 750)))
    assert (caught.value.sent, caught.value.billed) == ("nothing", False)


def test_an_answer_to_a_pil_image_is_checked_alike():
    request = validate(drawn("RGB", (800, 600)))
    check_result(request, answer_of(blank((800, 600))))
    refusal(request, blank((700, 600)))


FULL = Options(format="PNG")


@pytest.mark.parametrize("size", [(1000, 750), (750, 1000), (998, 752)])
def test_an_answer_is_checked_by_the_size_of_its_picture_alone(size):
    check_answer(answer_of(blank(size)), (1000, 750), FULL)


@pytest.mark.parametrize(
    ("content", "cls"),
    [
        (blank((500, 375)), APIResponseError),
        (blank((460, 345)), DownscaledResultError),
        (blank((1000, 750))[:-9], NotAnImageError),
        (b"<html>Bad gateway</html>", NotAnImageError),
    ],
)
def test_an_answer_without_its_picture_is_refused_as_with_it(content, cls):
    result = answer_of(content)
    with pytest.raises(APIResponseError) as caught:
        check_answer(result, (1000, 750), FULL)
    assert type(caught.value) is cls
    assert (caught.value.result, caught.value.billed) == (result, True)
    with pytest.raises(APIResponseError) as with_picture:
        check_result(request_for(format="PNG"), result)
    assert str(with_picture.value) == str(caught.value)


def test_a_small_answer_without_its_picture_passes_where_it_is_welcome():
    check_answer(answer_of(blank((460, 345))), (1000, 750), FULL, accept_downscaled=True)


def test_an_answer_without_its_picture_is_explained_by_the_options():
    check_answer(answer_of(blank((600, 450))), (1000, 750), Options(format="PNG", w=600))
    with pytest.raises(APIResponseError):
        check_answer(answer_of(blank((600, 450))), (1000, 750), FULL)
