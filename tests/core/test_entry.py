from __future__ import annotations

import hashlib
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rembg_plugins.core.cutout import compose
from rembg_plugins.core.entry import TOLERANCE, Entry, join, pack, split, unpack
from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.core.preparation import Prepared

KEY = "0" * 64
OTHER_KEY = "1" * 64


def prepared(pixels, *, alpha=None, profile=None):
    return Prepared(pixels=pixels, alpha=alpha, profile=profile)


def photo(size=(40, 30)):
    """A picture with other colors in every pixel, none of them black."""
    ramp = Image.linear_gradient("L").resize(size).point(lambda value: 16 + value * 3 // 4)
    turned = ramp.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    return Image.merge("RGB", (ramp, turned, Image.new("L", size, 90)))


def oval(size=(40, 30)):
    return Image.radial_gradient("L").resize(size).point(lambda value: max(0, 255 - 2 * value))


@st.composite
def pictures_and_cutouts(draw):
    """A picture, and a cut-out that an engine may have made of it: near it, or anything."""
    size = draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    count = size[0] * size[1]
    pixels = draw(st.binary(min_size=3 * count, max_size=3 * count))
    changes = draw(st.lists(st.integers(-4, 4), min_size=3 * count, max_size=3 * count))
    near = bytes(
        min(255, max(0, old + change)) for old, change in zip(pixels, changes, strict=True)
    )
    colors = draw(
        st.sampled_from([pixels, near]) | st.binary(min_size=3 * count, max_size=3 * count)
    )
    alpha = draw(st.binary(min_size=count, max_size=count))
    cutout = Image.frombytes("RGB", size, colors)
    cutout.putalpha(Image.frombytes("L", size, alpha))
    return Image.frombytes("RGB", size, pixels), cutout


def pixels_of(image):
    return list(zip(*[iter(image.tobytes())] * len(image.getbands()), strict=True))


def through_a_file(entry):
    return unpack(KEY, pack(KEY, entry))


@given(pictures_and_cutouts())
def test_a_cutout_comes_back_with_its_alpha_exactly_and_its_colors_within_the_tolerance(pair):
    picture, cutout = pair
    entry = split(prepared(picture), cutout)
    back = join(prepared(picture), through_a_file(entry))
    assert back.mode == "RGBA"
    assert back.getchannel("A").tobytes() == cutout.getchannel("A").tobytes()
    for (*wanted, alpha), (*got, _) in zip(pixels_of(cutout), pixels_of(back), strict=True):
        if alpha == 0:
            assert got == [0, 0, 0]
        else:
            assert max(abs(a - b) for a, b in zip(wanted, got, strict=True)) <= TOLERANCE


@given(pictures_and_cutouts())
def test_what_came_back_once_comes_back_the_same_for_ever(pair):
    picture, cutout = pair
    once = join(prepared(picture), split(prepared(picture), cutout))
    again = join(prepared(picture), split(prepared(picture), once))
    assert again.tobytes() == once.tobytes()


@pytest.mark.parametrize(
    "alpha", [None, Image.linear_gradient("L").resize((40, 30))], ids=["opaque", "a gradient"]
)
def test_what_our_engines_compose_comes_back_bit_by_bit_from_the_mask_alone(alpha):
    source = prepared(photo(), alpha=alpha, profile=b"profile")
    cutout = compose(source, oval())
    entry = split(source, cutout)
    assert entry.colors is None
    back = join(source, through_a_file(entry))
    assert back.tobytes() == cutout.tobytes()
    assert back.info == {"icc_profile": b"profile"} == cutout.info


def test_a_color_that_nobody_sees_is_not_kept():
    cutout = photo().point(lambda value: 255 - value)
    cutout.putalpha(0)
    entry = split(prepared(photo()), cutout)
    assert entry.colors is None


@pytest.mark.parametrize(("change", "is_kept"), [(TOLERANCE, False), (TOLERANCE + 1, True)])
@pytest.mark.parametrize("band", [0, 1, 2])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_color_is_kept_from_the_tolerance_on(change, is_kept, band, sign):
    picture = Image.new("RGB", (3, 3), (100, 100, 100))
    cutout = picture.copy()
    color = [100, 100, 100]
    color[band] += sign * change
    cutout.putpixel((1, 1), tuple(color))
    cutout.putalpha(1)
    entry = split(prepared(picture), cutout)
    assert (entry.colors is not None) == is_kept
    if is_kept:
        assert entry.colors.getchannel("A").getbbox() == (1, 1, 2, 2)
        assert join(prepared(picture), entry).getpixel((1, 1)) == (*color, 1)


@pytest.mark.parametrize("mode", ["RGB", "L", "LA", "P", "PA", "1", "RGBa"])
def test_a_cutout_of_any_mode_is_split(mode):
    cutout = compose(prepared(photo()), oval()).convert("RGBa" if mode == "RGBa" else "RGBA")
    cutout = cutout.convert(mode)
    back = join(prepared(photo()), split(prepared(photo()), cutout))
    assert back.getchannel("A").tobytes() == cutout.convert("RGBA").getchannel("A").tobytes()


def test_neither_profile_nor_transparent_color_of_the_answer_is_kept():
    cutout = compose(prepared(photo()), oval())
    plain = pack(KEY, split(prepared(photo()), cutout))
    cutout.info = {"icc_profile": bytes(100_000), "transparency": 7, "exif": bytes(1000)}
    assert pack(KEY, split(prepared(photo()), cutout)) == plain


def test_a_cut_out_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"\(40, 30\)"):
        split(prepared(photo()), Image.new("L", (30, 40)))


# Pitfall: a library that is changed may turn a photograph that was kept as lying on its side.
def test_an_entry_of_a_picture_that_is_read_in_another_way_by_now_is_told_with_a_remedy():
    entry = Entry(mask=Image.new("L", (30, 40)))
    with pytest.raises(ConfigurationError, match=r"\(40, 30\) px.*\(30, 40\) px.*rembg_refresh"):
        join(prepared(photo()), entry)


def test_neither_the_picture_nor_the_cutout_is_changed():
    picture = photo()
    cutout = picture.point(lambda value: 255 - value)
    cutout.putalpha(oval())
    before = picture.tobytes(), cutout.tobytes()
    join(prepared(picture), split(prepared(picture), cutout))
    assert (picture.tobytes(), cutout.tobytes()) == before


# --- the file -------------------------------------------------------------------------------


def entry_with_colors():
    picture = photo()
    cutout = picture.copy()
    cutout.paste((255, 0, 0), (10, 10, 20, 20))
    cutout.putalpha(oval())
    return split(prepared(picture), cutout)


def test_an_entry_is_a_plain_zip_of_pngs():
    entry = entry_with_colors()
    with zipfile.ZipFile(io.BytesIO(pack(KEY, entry))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["mask.png", "colors.png"]
        mask = Image.open(io.BytesIO(archive.read("mask.png")))
        assert (mask.mode, mask.tobytes()) == ("L", entry.mask.tobytes())
        colors = Image.open(io.BytesIO(archive.read("colors.png")))
        assert (colors.mode, colors.tobytes()) == ("RGBA", entry.colors.tobytes())


def test_equal_entries_make_equal_files():
    assert pack(KEY, entry_with_colors()) == pack(KEY, entry_with_colors())


def test_a_single_wrong_bit_anywhere_is_noticed():
    packed = pack(KEY, entry_with_colors())
    assert unpack(KEY, packed) is not None
    for position in range(len(packed)):
        wrong = bytearray(packed)
        wrong[position] ^= 1 << position % 8
        assert unpack(KEY, bytes(wrong)) is None, position


def test_every_shortened_or_lengthened_file_is_noticed():
    packed = pack(KEY, entry_with_colors())
    for length in range(len(packed)):
        assert unpack(KEY, packed[:length]) is None, length
    assert unpack(KEY, packed + b"\0") is None
    assert unpack(KEY, b"\0" + packed) is None


@given(st.binary(max_size=300))
def test_no_bytes_whatever_make_a_crash(content):
    assert unpack(KEY, content) is None


def test_an_entry_under_a_wrong_key_is_noticed():
    assert unpack(OTHER_KEY, pack(KEY, entry_with_colors())) is None


def zipped(**files):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.png", content)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"no zip", zipped(), zipped(mask=b"no png"), zipped(other=b"")],
    ids=["no zip", "empty", "no png", "other"],
)
def test_what_is_no_entry_is_none_in_spite_of_a_good_checksum(content):
    checksum = hashlib.sha256(KEY.encode() + b"\0" + content).hexdigest().encode()
    assert unpack(KEY, content + checksum) is None


def test_a_huge_entry_is_read_without_a_warning():
    entry = Entry(mask=Image.new("L", (10_000, 9_500)))  # Pillow warns from 89.5 megapixels on
    assert through_a_file(entry).mask.size == (10_000, 9_500)
