"""The vendor's npm client, unedited, against the sandbox: every option, input and output."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import pytest
import requests
from sandbox.node import (
    BLUE,
    PATIENCE_S,
    RED,
    SIZE,
    drawn,
    in_base64,
)

from rembg_plugins.sandbox.keys import GOOD_KEY

PROGRESS = json.loads(
    (Path(__file__).parents[1] / "contract" / "progress.json").read_text(encoding="utf-8")
)
ALWAYS = {
    "exact_resize": "false",
    "w": "0",
    "h": "0",
    "mask": "false",
    "return_base64": "false",
    "expand": "true",
}
"""What the client sends although nothing was asked for."""


def corner(image):
    return image.convert("RGBA").getpixel((0, 0))


# Inputs


@pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "webp", "bmp"])
def test_a_path_is_uploaded_under_its_name(served, tmp_path, suffix):
    path = tmp_path / f"cat.{suffix}"
    path.write_bytes(drawn(format="JPEG" if suffix in {"jpg", "jpeg"} else suffix.upper()))
    check_cut_out(served, path.read_bytes(), {"path": str(path)}, name=path.name)


@pytest.mark.parametrize("form", ["buffer", "raw base64", "data URL"])
def test_bytes_and_base64_are_uploaded_as_a_png(served, form):
    text = in_base64(drawn())
    given = {
        "buffer": {"buffer": text},
        "raw base64": {"value": {"base64": text}},
        "data URL": {"value": {"base64": f"data:image/png;base64,{text}"}},
    }
    check_cut_out(served, drawn(), given[form], name="image.png")


def check_cut_out(served, data, given, *, name):
    image = served.remove(input=given).picture
    assert (image.format, image.mode, image.size) == ("WEBP", "RGBA", SIZE)
    assert corner(image)[3] == 0
    assert image.getpixel((24, 16))[3] == 255
    (call,) = served.calls
    assert call["sha256"] == hashlib.sha256(data).hexdigest()
    assert (call["filename"], call["length"]) == (name, len(data))
    assert (call["status"], call["billed"], call["account"]) == (200, True, GOOD_KEY)


# Outputs and formats


@pytest.mark.parametrize(
    ("asked", "sent", "suffix", "format"),
    [
        (None, None, ".WEBP", "WEBP"),
        ("webp", "webp", ".webp", "WEBP"),
        ("WEBP", "WEBP", ".WEBP", "WEBP"),
        ("png", "png", ".png", "PNG"),
        ("PNG", "PNG", ".PNG", "PNG"),
        # The client drops every other format, and names its file after it all the same.
        ("JPEG", None, ".JPEG", "WEBP"),
        ("bmp", None, ".bmp", "WEBP"),
        ("gif", None, ".gif", "WEBP"),
    ],
)
def test_a_file_comes_in_the_format_that_was_sent(served, asked, sent, suffix, format):
    outcome = served.remove(options={"format": asked} if asked else None)
    path = Path(outcome.result["outputImagePath"])
    assert (path.parent, path.name[:6], path.suffix) == (served.folder, "rembg-", suffix)
    assert (outcome.picture.format, outcome.picture.size) == (format, SIZE)
    assert served.sent == ALWAYS | ({"format": sent} if sent else {})
    assert outcome.result["left"] is False
    assert list(served.folder.iterdir()) == []


@pytest.mark.parametrize(("options", "format"), [({}, "WEBP"), ({"format": "png"}, "PNG")])
def test_a_data_url_holds_the_bytes_that_were_answered(served, options, format):
    outcome = served.remove(options={"returnBase64": True, **options})
    assert list(outcome.result) == ["base64Image"]
    assert (outcome.picture.format, outcome.picture.size) == (format, SIZE)
    assert len(outcome.content) == int(outcome.answers[0]["headers"]["content-length"])
    assert served.sent == ALWAYS | {"return_base64": "true"} | options
    assert list(served.folder.iterdir()) == []


# Options


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"w": 0, "h": 0}, (48, 32)),
        ({"exact_resize": True}, (48, 32)),
        ({"w": 24}, (24, 16)),
        ({"h": 64}, (96, 64)),
        ({"w": 24, "h": 24}, (24, 16)),
        ({"w": 24, "h": 24, "exact_resize": True}, (24, 24)),
        ({"w": 30, "exact_resize": True}, (30, 20)),
        ({"expand": False}, (48, 32)),
        ({"angle": 0}, (48, 32)),
        ({"angle": 90}, (32, 48)),
        ({"angle": 90, "expand": True}, (32, 48)),
        ({"angle": 90, "expand": False}, (48, 32)),
        ({"angle": -360}, (48, 32)),
        ({"angle": 30.5, "expand": False}, (48, 32)),
        ({"w": 24, "angle": -90}, (16, 24)),
    ],
    ids=str,
)
def test_the_size_is_what_the_options_say(served, options, size):
    image = served.remove(options={"format": "png", **options}).picture
    assert (image.format, image.mode, image.size) == ("PNG", "RGBA", size)
    assert corner(image)[3] == 0
    texts = {name: json.dumps(value) for name, value in options.items()}
    assert served.sent == ALWAYS | {"format": "png"} | texts


def test_what_is_always_sent_means_that_nothing_was_asked_for(served):
    plain = served.remove(options={"format": "png"}).content
    assert served.sent == ALWAYS | {"format": "png"}
    files = {"image": ("image.png", drawn())}
    bare = requests.post(
        f"{served.url}/rmbg",
        files=files,
        data={"format": "png"},
        headers={"x-api-key": GOOD_KEY},
        timeout=PATIENCE_S,
    )
    assert plain == bare.content


@pytest.mark.parametrize(
    ("angle", "top", "bottom"), [(90, BLUE, RED), (-90, RED, BLUE), (270, RED, BLUE)]
)
def test_it_turns_counter_clockwise(served, angle, top, bottom):
    image = served.remove(options={"format": "png", "angle": angle}).picture
    assert (image.getpixel((16, 6)), image.getpixel((16, 42))) == (top, bottom)


def test_a_turned_picture_is_whole_where_the_canvas_grows_and_cut_off_where_not(served):
    whole = served.remove(options={"format": "png", "angle": 45}).picture
    cut = served.remove(options={"format": "png", "angle": 45, "expand": False}).picture
    # |48 cos 45| + |32 sin 45| = 56.6
    assert all(side in {56, 57, 58} for side in whole.size)
    assert cut.size == SIZE
    assert opaque(cut) < opaque(whole)
    assert opaque(whole) == pytest.approx(3.1416 / 4 * 48 * 32, rel=0.05)


def opaque(image):
    """How many px are there to be seen."""
    return sum(image.getchannel("A").histogram()[128:])


@pytest.mark.parametrize(
    ("color", "expected"),
    [
        ("#00ff00", (0, 255, 0, 255)),
        ("#0F0", (0, 255, 0, 255)),
        ("#00ff0080", (0, 255, 0, 128)),
        ("#0f08", (0, 255, 0, 136)),
        ("#FFFFFFFF", (255, 255, 255, 255)),
        ("yellow", (255, 255, 0, 255)),
    ],
)
@pytest.mark.parametrize("angle", [0, 45])
def test_the_background_has_the_color(served, color, expected, angle):
    options = {"format": "png", "bg_color": color, "angle": angle}
    image = served.remove(options=options).picture
    assert corner(image) == expected
    middle = image.convert("RGBA").getpixel((image.width // 2 - 4, image.height // 2))
    assert middle == RED
    assert served.sent == ALWAYS | {"format": "png", "bg_color": color, "angle": str(angle)}


@pytest.mark.parametrize(("format", "mode"), [("png", "L"), ("webp", "RGB")])
def test_the_mask_is_gray_and_white_where_the_subject_is(served, format, mode):
    image = served.remove(options={"returnMask": True, "format": format}).picture
    assert (image.format, image.mode, image.size) == (format.upper(), mode, SIZE)
    gray = image.convert("L")
    assert gray.getpixel((0, 0)) <= 8
    assert gray.getpixel((24, 16)) >= 247
    assert served.sent == ALWAYS | {"mask": "true", "format": format}


def test_all_options_together_do_what_each_says(served):
    options = {
        "format": "PNG",
        "returnBase64": True,
        "returnMask": False,
        "w": 20,
        "h": 40,
        "exact_resize": True,
        "angle": 90,
        "expand": True,
        "bg_color": "#00ff00",
    }
    image = served.remove(options=options).picture
    assert (image.format, image.size, corner(image)) == ("PNG", (40, 20), (0, 255, 0, 255))
    assert served.sent == {
        "format": "PNG",
        "return_base64": "true",
        "mask": "false",
        "w": "20",
        "h": "40",
        "exact_resize": "true",
        "angle": "90",
        "expand": "true",
        "bg_color": "#00ff00",
    }


# Progress


@pytest.mark.parametrize("told", ["events", "logged"])
def test_progress_has_the_documented_shape_and_ends_with_one(served, make_image, told):
    """Told to callbacks; without any, to the console."""
    file = io.BytesIO()
    make_image("RGB", (300, 300)).save(file, "PNG")
    outcome = served.remove(
        file.getvalue(), options={"format": "png"}, by_default=told == "logged", to_the_end=True
    )
    events = getattr(outcome, told)
    assert outcome.events + outcome.logged == events
    for way in ("upload", "download"):
        (example, *_) = [event for event in PROGRESS if way in event]
        seen = [event for event in events if event.get(way)]
        assert len(seen) >= 2
        for event in seen:
            # A later version of the client's library tells one thing more.
            assert event.keys() - {"lengthComputable"} == example.keys()
            assert all(
                isinstance(event[name], int) and event[name] > 0
                for name in ("loaded", "total", "bytes")
            )
            assert event["progress"] == pytest.approx(event["loaded"] / event["total"])
        assert sum(event["bytes"] for event in seen) == seen[-1]["total"]
        assert seen[-1]["progress"] == 1
    assert seen[-1]["total"] == len(outcome.content)
