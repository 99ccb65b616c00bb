from __future__ import annotations

import io
import multiprocessing
import pickle
import threading

import pytest
from PIL import Image, ImageCms, ImageFilter, PngImagePlugin

from rembg_plugins import Options, ValidationError
from rembg_plugins.core.hookspecs import hookimpl
from rembg_plugins.core.plugins import default_manager
from rembg_plugins.pillow import RemoveBackground

MODES = [
    "1",
    "L",
    "LA",
    "La",
    "P",
    "PA",
    "RGB",
    "RGBA",
    "RGBa",
    "RGBX",
    "CMYK",
    "YCbCr",
    "LAB",
    "HSV",
    "I",
    "I;16",
    "I;16L",
    "I;16B",
    "I;16N",
    "F",
]
OFFLINE = RemoveBackground(engine="offline")
CENTRE, CORNER = (20, 15), (0, 0)


def filled(mode):
    """A 40 x 30 px picture of one middling colour that the mode can hold."""
    if mode == "La":
        return filled("LA").convert("La")
    if mode == "RGBa":
        return filled("RGBA").convert("RGBa")
    if mode in {"P", "PA"}:
        return Image.new("RGB", (40, 30), (200, 100, 50)).convert("P").convert(mode)
    if mode == "LAB":
        return Image.new("LAB", (40, 30), (128, 128, 128))
    colors = {
        "1": 1,
        "L": 128,
        "LA": (128, 255),
        "RGB": (200, 100, 50),
        "RGBA": (200, 100, 50, 255),
        "RGBX": (200, 100, 50, 255),
        "CMYK": (55, 155, 205, 0),
        "YCbCr": (121, 88, 184),
        "HSV": (14, 191, 200),
        "I": 32896,
        "F": 128.0,
    }
    return Image.new(mode, (40, 30), colors.get(mode, 32896))


EXPECTED = {"1": (255, 255, 255), "LAB": (118, 118, 118)} | dict.fromkeys(
    ["L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N", "F"], (128, 128, 128)
)


@pytest.fixture
def calls():
    """What the engines are asked for, one entry a call."""

    class Counter:
        def __init__(self):
            self.requests = []

        @hookimpl
        def rembg_before_request(self, request):
            self.requests.append(request)

    counter = Counter()
    default_manager().register(counter)
    yield counter.requests
    default_manager().unregister(counter)


def test_every_mode_that_pillow_has_is_tried():
    known = {mode for mode in Image.MODES if not mode.startswith("BGR")}
    assert known <= set(MODES)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("way", ["filter", "apply"])
def test_every_mode_goes_in_with_one_engine_call(mode, way, calls):
    image = filled(mode)
    before = image.copy()
    cutout = image.filter(OFFLINE) if way == "filter" else OFFLINE.apply(image)
    assert len(calls) == 1
    assert (cutout.mode, cutout.size) == ("RGBA", (40, 30))
    assert cutout.getpixel(CORNER)[3] == 0
    red, green, blue, alpha = cutout.getpixel(CENTRE)
    if mode in {"P", "PA", "YCbCr"}:
        expected = filled(mode).convert("RGB").getpixel(CENTRE)
    else:
        expected = EXPECTED.get(mode, (200, 100, 50))
    assert alpha == 255
    assert max(abs(a - b) for a, b in zip((red, green, blue), expected, strict=True)) <= 3
    assert (image.mode, image.tobytes()) == (before.mode, before.tobytes()), "the source changed"


@pytest.mark.parametrize("mode", ["LA", "La", "PA", "RGBA", "RGBa"])
def test_alpha_is_multiplied_in(mode):
    image = Image.new("RGBA", (40, 30), (200, 100, 50, 128))
    image = image.convert({"La": "LA", "RGBa": "RGBA", "PA": "RGBA"}.get(mode, mode))
    if mode in {"La", "RGBa"}:
        image = image.convert(mode)
    if mode == "PA":
        image = filled("PA")
        image.putalpha(128)
        assert image.mode == "PA"
    assert image.filter(OFFLINE).getpixel(CENTRE)[3] == pytest.approx(128, abs=1)
    assert OFFLINE.apply(image).getpixel(CENTRE)[3] == pytest.approx(128, abs=1)


def palette_with_transparency(transparency):
    image = filled("P")
    index = image.getpixel(CENTRE)
    image.info["transparency"] = index if transparency == "index" else bytes([128]) * (index + 1)
    file = io.BytesIO()
    image.save(file, "PNG")
    return Image.open(file)


@pytest.mark.parametrize(("transparency", "alpha"), [("index", 0), ("bytes", 128)])
def test_apply_multiplies_transparency_of_a_palette_in(transparency, alpha):
    image = palette_with_transparency(transparency)
    assert "transparency" in image.info
    cutout = OFFLINE.apply(image)
    assert cutout.getpixel(CENTRE)[3] == alpha
    assert "transparency" not in cutout.info


@pytest.mark.parametrize(("mode", "key"), [("L", 128), ("RGB", (200, 100, 50))])
def test_a_transparent_colour_is_seen_by_apply(mode, key):
    image = filled(mode)
    image.info["transparency"] = key
    cutout = OFFLINE.apply(image)
    assert cutout.getpixel(CENTRE)[3] == 0
    assert "transparency" not in cutout.info


def test_apply_turns_the_picture_upright_and_filter_leaves_it_as_it_lies():
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    filled("RGB").save(file, "JPEG", exif=exif)
    upright = OFFLINE.apply(Image.open(file))
    assert upright.size == (30, 40)
    assert 0x0112 not in upright.getexif()
    lying = Image.open(file).filter(OFFLINE)
    assert lying.size == (40, 30)
    assert lying.getexif()[0x0112] == 6


def test_apply_keeps_the_profile_and_the_resolution():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = filled("RGB")
    image.info |= {"icc_profile": profile, "dpi": (300, 300)}
    cutout = OFFLINE.apply(image)
    assert cutout.info["icc_profile"] == profile
    assert cutout.info["dpi"] == (300, 300)


@pytest.mark.parametrize(
    ("options", "mode", "size"),
    [
        ({"mask": True}, "L", (40, 30)),
        ({"bg_color": "white"}, "RGB", (40, 30)),
        ({"bg_color": "#fff8"}, "RGBA", (40, 30)),
        ({"format": "JPEG"}, "RGB", (40, 30)),
        ({"w": 20}, "RGBA", (20, 15)),
        ({"w": 20, "h": 20, "exact_resize": True}, "RGBA", (20, 20)),
        ({"angle": 90}, "RGBA", (30, 40)),
        ({"angle": 90, "expand": False}, "RGBA", (40, 30)),
    ],
)
def test_every_option_goes_through_the_filter(options, mode, size):
    for cutout in (
        filled("RGB").filter(RemoveBackground(engine="offline", **options)),
        RemoveBackground(options, engine="offline").apply(filled("RGB")),
    ):
        assert (cutout.mode, cutout.size) == (mode, size)


def test_apply_takes_nothing_but_a_picture():
    with pytest.raises(TypeError, match="takes a PIL image, got: str"):
        OFFLINE.apply("cat.jpg")


def test_the_class_itself_is_a_filter(monkeypatch):
    monkeypatch.setenv("REMBG_ENGINE", "offline")
    assert filled("RGB").filter(RemoveBackground).mode == "RGBA"


def test_a_bad_option_is_refused_when_the_filter_is_made():
    with pytest.raises(ValidationError, match="'w' must be at most 10000"):
        RemoveBackground(w=20_000)


def test_filters_pickle_compare_and_hold_no_key(monkeypatch):
    monkeypatch.setenv("REMBG_API_KEY", "sk-very-secret-key-0123456789")
    made = RemoveBackground(Options(w=3), bg_color="red", engine="offline")
    OFFLINE.apply(filled("RGB"))
    again = pickle.loads(pickle.dumps(made))  # noqa: S301 - our own bytes
    assert again == made
    assert hash(again) == hash(made)
    assert again != OFFLINE
    assert b"secret" not in pickle.dumps(made)
    assert "secret" not in repr(made) + str(vars(made))


def test_threads_share_a_filter():
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(filled("RGB").filter(OFFLINE).tobytes()))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert len(set(results)) == 1


def test_a_pool_of_processes_shares_a_filter():
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        cutouts = pool.map(OFFLINE.apply, [filled("RGB"), filled("CMYK"), filled("LA")])
    assert [cutout.mode for cutout in cutouts] == ["RGBA"] * 3


def test_the_private_way_into_pillow_still_is_what_it_was():
    core = filled("RGB").im
    assert Image.Image()._new(core).tobytes() == filled("RGB").tobytes()
    assert issubclass(RemoveBackground, ImageFilter.MultibandFilter)
    assert not callable(OFFLINE)


def test_pillows_own_limit_is_never_touched(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    file = io.BytesIO()
    filled("RGB").save(file, "PNG")
    file.seek(0)
    with PngImagePlugin.PngImageFile(file) as image:
        assert image.filter(OFFLINE).mode == "RGBA"
    assert Image.MAX_IMAGE_PIXELS == 100
