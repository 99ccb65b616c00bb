from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import pytest
from core.pictures import (
    FOREIGN,
    SAMPLES,
    SIZE,
    HollowFile,
    bmp_of,
    drawn,
    encoded,
    jpeg_of,
    png_of,
    webp_of,
)
from PIL import Image

from rembg_plugins.core import answer_check, transcode, validation
from rembg_plugins.core.errors import ValidationError
from rembg_plugins.core.limits import MAX_BYTES
from rembg_plugins.core.options import Options
from rembg_plugins.core.request import Request
from rembg_plugins.core.source import Source
from rembg_plugins.core.validation import check_name, check_upload, validate

PNG = SAMPLES["PNG"]
ROWS = {
    row["scenario"]: row
    for row in json.loads(
        (Path(__file__).parents[1] / "contract" / "errors.json").read_text(encoding="utf-8")
    )["rows"]
}
ELSEWHERE = {
    "Email not verified",
    "Invalid API key",
    "Both API key and user token sent",
    "Rate limit exceeded (short-term)",
    "Rate limit exceeded (daily, anonymous)",
    "Rate limit exceeded (monthly, authenticated)",
}
MISTAKES = {
    "No image provided": {"source": None},
    "No file selected": {"source": b"", "name": ""},
    "Unsupported file type": {"source": b"whatever", "name": "setup.exe"},
    "Corrupt image": {"source": b"whatever", "name": "photo.png"},
    "Empty file (0 bytes)": {"source": b"", "name": "photo.png"},
    "File too large": {"source": HollowFile(int(55.2 * 2**20), at_0=PNG[:64])},
    "Image too wide": {"source": png_of(12_000, 10)},
    "Image too tall": {"source": png_of(10, 15_000)},
    "Bad w or h value": {"w": "abc"},
    "w or h out of range": {"w": -5},
    "w or h above max": {"w": 15_000},
    "Bad angle": {"angle": "ninety"},
    "Angle out of range": {"angle": 500},
    "Bad output format": {"format": "gif"},
    "Bad bg_color": {"bg_color": "#12345"},
    "mask + bg_color conflict": {"mask": True, "bg_color": "red"},
}


def errors_of(*args, **settings):
    with pytest.raises(ValidationError) as caught:
        validate(*args, **settings)
    return caught.value.errors


def codes_of(*args, **settings):
    return [error.code for error in errors_of(*args, **settings)]


def test_every_documented_row_is_made_here_or_known_to_be_the_servers():
    assert MISTAKES.keys() | ELSEWHERE == ROWS.keys()


@pytest.mark.parametrize("scenario", MISTAKES)
def test_documented_mistake_is_caught_with_the_documented_text(scenario):
    (error,) = errors_of(**{"source": PNG, **MISTAKES[scenario]})
    assert error.message == ROWS[scenario]["message"]
    assert error.field == ROWS[scenario]["field"]


@pytest.mark.parametrize("name", SAMPLES)
def test_every_allowed_picture_passes(name):
    request = validate(SAMPLES[name], name="photo")
    assert isinstance(request, Request)
    assert request.source.size == SIZE
    assert request.source.open().read() == SAMPLES[name]


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("file_name", ["photo.png", "photo", ""])
def test_other_formats_are_named_by_their_own_extension(name, file_name):
    extension = {"JPEG2000": ".jp2"}.get(name, f".{name.lower()}")
    (error,) = errors_of(FOREIGN[name], name=file_name or None)
    assert error.message.startswith(f"File type '{extension}' is not supported.")


def test_the_signature_decides_not_the_name():
    request = validate(SAMPLES["JPEG"], name="photo.exe")
    assert (request.source.name, request.source.media_type) == ("photo.jpg", "image/jpeg")


def test_everything_wrong_is_said_at_once():
    errors = errors_of(png_of(12_000, 15_000), w="abc", angle=500, mask=True, bg_color="red", x=1)
    assert [error.field for error in errors] == ["image", "image", "w", "angle", "x", "mask"]
    missing = errors_of(None, h=0.5)
    assert [error.field for error in missing] == ["image", "h"]


def test_a_file_too_large_of_unknown_bytes_has_both_errors():
    assert codes_of(HollowFile(MAX_BYTES + 1)) == ["too_large", "bad_signature"]


@pytest.mark.parametrize(
    ("length", "shown"),
    [(MAX_BYTES + 1, "50.1 MB"), (51 * 2**20, "51.0 MB"), (int(55.2 * 2**20), "55.2 MB")],
)
def test_the_size_shown_is_above_the_limit(length, shown):
    (error,) = errors_of(HollowFile(length, at_0=PNG[:64]))
    assert error.message == f"File size ({shown}) exceeds the maximum allowed size of 50 MB."


def test_exactly_fifty_megabytes_pass():
    assert validate(HollowFile(MAX_BYTES, at_0=PNG[:64])).source.length == MAX_BYTES


@pytest.mark.parametrize("make", [png_of, jpeg_of, webp_of, bmp_of])
def test_exactly_ten_thousand_square_passes_and_one_more_does_not(make, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1)
    assert validate(make(10_000, 10_000)).source.size == (10_000, 10_000)
    assert codes_of(make(10_001, 10_000)) == ["too_wide"]
    assert codes_of(make(10_000, 10_001)) == ["too_tall"]
    assert Image.MAX_IMAGE_PIXELS == 1


@pytest.mark.parametrize("content", [png_of(0, 5), jpeg_of(5, 0), bmp_of(0, 5), bmp_of(5, 0)])
def test_a_picture_without_pixels_is_refused(content):
    assert codes_of(content) == ["no_pixels"]


def test_a_pil_image_of_any_size_is_judged_by_its_size():
    assert validate(Image.new("1", (10_000, 1))).source.size == (10_000, 1)
    assert codes_of(Image.new("1", (10_001, 1))) == ["too_wide"]
    assert codes_of(Image.new("1", (0, 1))) == ["no_pixels"]


def test_options_come_as_options_as_mapping_and_as_changes():
    expected = Options(w=100, angle=90, format="PNG")
    assert validate(PNG, expected).options == expected
    assert validate(PNG, {"w": "100", "angle": "90", "format": "png"}).options == expected
    assert validate(PNG, w="100", angle=90, format="png").options == expected
    assert validate(PNG, {"w": 5, "format": "bmp"}, w=100, format="png", angle=90.0).options == (
        expected
    )
    assert validate(PNG, Options(w=5), w=None).options == Options()
    assert validate(PNG).options == Options()


def test_a_change_is_judged_together_with_the_options():
    assert codes_of(PNG, Options(mask=True), bg_color="red") == ["mask_and_color"]


def test_accepting_small_answers_is_kept_on_the_request():
    assert validate(PNG, accept_downscaled=True).accept_downscaled
    assert not validate(PNG).accept_downscaled


def test_the_answers_check_is_of_the_same_layer():
    assert validation.check_result is answer_check.check_result


def test_a_pil_image_is_not_encoded_before_it_is_sent(monkeypatch):
    monkeypatch.setattr(Image.Image, "save", None)
    assert validate(drawn("RGB")).source.size == SIZE


def test_a_pil_image_too_large_when_encoded_is_refused_before_it_is_sent(monkeypatch):
    source = validate(drawn("RGB")).source
    check_upload(source)
    monkeypatch.setattr(validation, "MAX_BYTES", source.length - 1)
    with pytest.raises(ValidationError) as caught:
        check_upload(source)
    assert [error.code for error in caught.value.errors] == ["too_large"]


def test_transcoding_makes_other_formats_pass():
    for name, content in FOREIGN.items():
        request = validate(content, name=f"photo.{name}", transcode=True)
        assert (request.source.name, request.source.media_type) == ("photo.png", "image/png")
        assert Image.open(request.source.open()).size == Image.open(io.BytesIO(content)).size


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "JPEG CMYK"])
def test_transcoding_leaves_allowed_pictures_alone(name):
    assert validate(SAMPLES[name], transcode=True).source.open().read() == SAMPLES[name]


@pytest.mark.parametrize(
    "content", [*FOREIGN.values(), SAMPLES["JPEG CMYK"]], ids=[*FOREIGN, "CMYK"]
)
def test_a_picture_is_known_by_its_own_bytes_however_it_is_re_encoded(content, monkeypatch):
    ours = validate(content, name="a.png", transcode=True).source
    monkeypatch.setattr(transcode, "encode_png", lambda _image: encoded("PNG", size=(9, 9)))
    theirs = validate(content, transcode=True).source
    assert ours.open().read() != theirs.open().read()
    assert ours.digest() == theirs.digest() == hashlib.sha256(content).hexdigest()
    assert Source.of(ours, name="b.png").digest() == ours.digest()


def test_a_file_that_is_replaced_meanwhile_is_known_by_what_was_read_of_it(tmp_path, monkeypatch):
    path, theirs = tmp_path / "a.tiff", encoded("TIFF", size=(40, 30))
    path.write_bytes(ours := encoded("TIFF"))
    real = transcode.transcode

    def late(file, header):
        path.write_bytes(theirs)
        return real(file, header)

    monkeypatch.setattr(transcode, "transcode", late)
    source = validate(path, transcode=True).source
    assert source.digest() == hashlib.sha256(ours).hexdigest()
    assert source.open().read() == real(io.BytesIO(ours), Source.of(ours).header)


def test_transcoding_tells_every_other_mistake_too():
    assert codes_of(FOREIGN["TIFF"][:-300], transcode=True, w="abc") == [
        "cannot_transcode",
        "not_integer",
    ]
    assert codes_of(b"%PDF-1.4", transcode=True) == ["unsupported_type"]
    assert codes_of(b"what", transcode=True) == ["bad_signature"]


def test_transcoding_checks_the_sides_before_it_decodes():
    wide = encoded("TIFF", "1", (10_001, 2))
    assert codes_of(wide, transcode=True) == ["too_wide"]


def test_a_source_may_be_validated_again():
    source = Source.of(PNG, name="cat.png")
    assert validate(source).source is source
    assert validate(source, name="dog.png").source.name == "dog.png"


@pytest.mark.parametrize("name", ["a.png", "A.JPG", "a.b.jpeg", "\u00e4 .webp", ".x.bmp"])
def test_a_name_that_the_api_takes_is_fine(name):
    check_name(name)


@pytest.mark.parametrize(
    ("name", "said"), [("a.exe", "'.exe'"), ("blob", "''"), ("", "''"), ("a.png.TIFF", "'.tiff'")]
)
def test_a_name_that_the_api_does_not_take_is_refused_by_its_extension(name, said):
    with pytest.raises(ValidationError) as caught:
        check_name(name)
    (error,) = caught.value.errors
    assert (error.field, error.code) == ("image", "unsupported_type")
    assert said in error.message
