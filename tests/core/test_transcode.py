from __future__ import annotations

import io
import sys

import pytest
from core.pictures import FOREIGN, SAMPLES, SIZE, drawn, encoded, orientation
from PIL import Image, ImageCms, ImageSequence

from rembg_plugins.core import transcode as module
from rembg_plugins.core.errors import ValidationError
from rembg_plugins.core.header import Header, read_header
from rembg_plugins.core.transcode import encode_png, needs_transcoding, transcode

TURNED = (SIZE[1], SIZE[0])
MODES = (
    "1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB",
    "HSV", "I", "I;16", "I;16B", "I;16L", "F",
)  # fmt: skip
EXACT = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")


def png_of(content):
    """The PNG made of a file."""
    header = read_header(io.BytesIO(content))
    assert needs_transcoding(header)
    return transcode(io.BytesIO(content), header)


def transcoded(content):
    """The picture in it."""
    image = Image.open(io.BytesIO(png_of(content)))
    assert image.format == "PNG"
    image.load()
    return image


def codes_of(content, header=None):
    file = io.BytesIO(content)
    header = header or read_header(file)
    file.seek(0)
    with pytest.raises(ValidationError) as caught:
        transcode(file, header)
    return [error.code for error in caught.value.errors]


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "BMP", "PNG 16 bit"])
def test_what_the_api_takes_needs_no_transcoding(name):
    assert not needs_transcoding(read_header(io.BytesIO(SAMPLES[name])))


@pytest.mark.parametrize("name", ["PDF", "EPS", "SVG", "PSD", "EXE", "MP4"])
def test_what_starts_programs_or_is_no_picture_is_never_transcoded(name):
    assert not needs_transcoding(Header(format=name))
    assert codes_of(b"%!PS-Adobe-3.0 EPSF-3.0\n", Header(format=name)) == ["unreadable"]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_tiff_is_kept_to_the_pixel(mode):
    content = encoded("TIFF", mode)
    image, original = transcoded(content), Image.open(io.BytesIO(content))
    assert (image.mode, original.mode) == (mode, mode)
    assert image.convert("RGBA").tobytes() == original.convert("RGBA").tobytes()


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_jpeg_2000_is_kept_to_the_pixel(mode):
    image = transcoded(encoded("JPEG2000", mode))
    assert (image.mode, image.tobytes()) == (mode, drawn(mode).tobytes())


@pytest.mark.parametrize("format_", ["TIFF", "JPEG2000"])
def test_gray_of_sixteen_bits_stays_so(format_):
    image = transcoded(encoded(format_, "I;16"))
    assert image.mode == "I;16"
    assert image.tobytes() == drawn("I;16").tobytes()


def test_big_endian_tiff_keeps_its_sixteen_bits():
    file = io.BytesIO()
    values = bytes((1, 2, 3, 4, 255, 254))
    Image.frombytes("I;16B", (3, 1), values).save(file, "TIFF")
    image = transcoded(file.getvalue())
    assert [image.getpixel((x, 0)) for x in range(3)] == [0x0102, 0x0304, 0xFFFE]


def test_avif_and_ico_give_their_pictures():
    assert transcoded(FOREIGN["AVIF"]).size == SIZE
    image = transcoded(FOREIGN["ICO"])
    assert image.tobytes() == drawn("RGBA", (32, 32)).tobytes()


def test_the_first_frame_of_a_gif_is_taken():
    frames = [Image.new("RGB", SIZE, color) for color in ("red", "lime", "blue")]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    assert len(list(ImageSequence.Iterator(Image.open(file)))) == 3
    assert transcoded(file.getvalue()).convert("RGB").getpixel((3, 3)) == (255, 0, 0)


def test_the_transparency_of_a_gif_is_kept():
    picture = Image.new("P", SIZE, 0)
    picture.putpalette([255, 0, 0, 0, 255, 0])
    picture.paste(1, (0, 0, 5, 5))
    file = io.BytesIO()
    picture.save(file, "GIF", transparency=1)
    image = transcoded(file.getvalue()).convert("RGBA")
    assert (image.getpixel((0, 0))[3], image.getpixel((9, 9))) == (0, (255, 0, 0, 255))


@pytest.mark.parametrize("format_", ["TIFF", "AVIF"])
def test_the_orientation_is_applied_and_then_gone(format_):
    image = transcoded(encoded(format_, exif=orientation(6)))
    assert image.size == TURNED
    assert image.getexif().get(0x0112) is None


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "CMYK"])
def test_the_orientation_is_applied_once_where_the_mode_changes_too(mode):
    image = drawn("I;16" if mode == "I;16B" else mode)
    if mode == "I;16B":
        image = Image.frombytes("I;16B", SIZE, image.tobytes())
    file = io.BytesIO()
    image.save(file, "TIFF", exif=orientation(6))
    assert transcoded(file.getvalue()).size == TURNED


def test_inks_become_light_by_the_files_profile():
    cmyk = encoded("TIFF", "CMYK")
    image = transcoded(cmyk)
    assert image.mode == "RGB"
    assert image.tobytes() == Image.open(io.BytesIO(cmyk)).convert("RGB").tobytes()
    assert "icc_profile" not in image.info


def test_a_cmyk_jpeg_becomes_rgb():
    content = SAMPLES["JPEG CMYK"]
    image = transcoded(content)
    assert (image.mode, image.size) == ("RGB", SIZE)
    assert image.tobytes() == Image.open(io.BytesIO(content)).convert("RGB").tobytes()


def test_the_profile_of_rgb_is_kept_and_one_for_other_colors_is_not():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert transcoded(encoded("TIFF", icc_profile=profile)).info["icc_profile"] == profile
    assert "icc_profile" not in transcoded(encoded("TIFF", "L", icc_profile=profile)).info


def test_sides_are_checked_before_anything_is_decoded(monkeypatch):
    content = encoded("TIFF", "1", (10_001, 1))
    monkeypatch.setattr(Image.Image, "load", None)
    assert codes_of(content) == ["too_wide"]


@pytest.mark.parametrize("pixels", [50, 80])  # Pillow refuses twice as many, and warns below
@pytest.mark.parametrize("name", sorted({*FOREIGN} - {"ICO"}))
def test_many_pixels_within_the_sides_give_no_warning(name, pixels, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", SIZE[0] * SIZE[1] * pixels // 100)
    content = png_of(FOREIGN[name])
    assert SIZE[0] * SIZE[1] * pixels // 100 == Image.MAX_IMAGE_PIXELS
    assert read_header(io.BytesIO(content)).size == SIZE


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "jpeg"])
@pytest.mark.parametrize("turn", [1, 6])
def test_a_tiff_of_any_compression_and_orientation_is_read(compression, turn, monkeypatch):
    content = encoded("TIFF", compression=compression, exif=orientation(turn))
    original = Image.open(io.BytesIO(content))
    original.load()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    made = png_of(content)
    monkeypatch.undo()
    assert Image.open(io.BytesIO(made)).tobytes() == original.tobytes()


@pytest.mark.parametrize("name", FOREIGN)
def test_broken_files_are_refused(name):
    content = FOREIGN[name]
    assert codes_of(content[: len(content) // 2], Header(format=name))[0] in {
        "cannot_transcode",
        "unreadable",
    }


def test_the_gate_of_memory_is_passed(monkeypatch):
    passed, decoding = [], module.decoding
    monkeypatch.setattr(module, "decoding", lambda size: passed.append(size) or decoding(size))
    transcoded(FOREIGN["TIFF"])
    assert passed == [SIZE]


def test_heic_is_read_with_pillow_heif():
    pillow_heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    pillow_heif.from_pillow(drawn("RGB", (64, 48))).save(file, quality=-1)
    assert read_header(file).format == "HEIC"
    assert transcoded(file.getvalue()).size == (64, 48)


def test_heic_without_pillow_heif_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ValidationError, match=r"rembg-plugins\[heif\]"):
        transcode(io.BytesIO(b"\0\0\0\x18ftypheic"), Header(format="HEIC"))


def test_broken_heic_is_refused():
    pytest.importorskip("pillow_heif")
    assert codes_of(b"\0\0\0\x18ftypheic" + bytes(50)) == ["cannot_transcode"]


def in_mode(mode):
    if mode in {"I;16B", "I;16L"}:
        return Image.frombytes(mode, SIZE, drawn("I;16").tobytes())
    if mode in {"La", "RGBa", "PA"}:
        return drawn({"La": "LA", "RGBa": "RGBA", "PA": "P"}[mode]).convert(mode)
    if mode in {"I", "F"}:
        return drawn("L").convert(mode)
    if mode == "LAB":
        profiles = (ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"))
        return ImageCms.profileToProfile(drawn("RGB"), *profiles, outputMode="LAB")
    return drawn(mode)


@pytest.mark.parametrize("mode", MODES)
def test_a_pil_image_of_every_mode_becomes_a_png(mode):
    image = in_mode(mode)
    before = image.tobytes()
    written = Image.open(io.BytesIO(encode_png(image)))
    assert written.size == SIZE
    assert image.tobytes() == before
    if mode in EXACT:
        assert (written.mode, written.tobytes()) == (mode, before)


@pytest.mark.parametrize(("mode", "back"), [("RGBa", "RGBA"), ("La", "LA")])
def test_premultiplied_modes_keep_their_alpha(mode, back):
    written = Image.open(io.BytesIO(encode_png(in_mode(mode))))
    assert (
        written.getchannel("A").tobytes() == in_mode(mode).convert(back).getchannel("A").tobytes()
    )


def test_mode_i_is_as_deep_as_its_values():
    deep = Image.new("I", (2, 2), 700)
    flat = Image.new("I", (2, 2), 70)
    assert Image.open(io.BytesIO(encode_png(deep))).getpixel((0, 0)) == 700
    assert Image.open(io.BytesIO(encode_png(flat))).convert("L").getpixel((0, 0)) == 70


def test_a_pil_images_orientation_is_applied_and_it_stays_as_it_was():
    image = Image.open(io.BytesIO(SAMPLES["JPEG EXIF"]))
    assert Image.open(io.BytesIO(encode_png(image))).size == TURNED
    assert image.size == SIZE


def test_nothing_but_pixels_and_profile_is_sent_on():
    image = Image.open(io.BytesIO(SAMPLES["PNG EXIF"]))
    image.info["Comment"] = "secret place"
    content = encode_png(image)
    assert b"secret place" not in content
    assert b"eXIf" not in content
