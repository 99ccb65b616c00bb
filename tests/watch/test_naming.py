from __future__ import annotations

import itertools
import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rembg_plugins.core.errors import ConfigurationError
from rembg_plugins.watch.naming import Naming, check_template, flat, fold, harmless
from rembg_plugins.watch.records import Place

SHA256 = bytes(range(32))
RESERVED = ("CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", *(f"COM{n}" for n in range(10)))


def first(name, folder=b"", template="{dir}/{stem}.{ext}", format="PNG"):
    return next(Naming(template).names(Place(folder, name), format, SHA256))


def some(name, number, **more):
    place = Place(more.pop("folder", b""), name)
    return list(itertools.islice(Naming(**more).names(place, "PNG", SHA256), number))


def test_the_tree_is_mirrored_with_the_output_s_extension():
    assert first(b"tom.jpg", b"cats/2024", format="WEBP") == b"cats/2024/tom.webp"
    assert first(b"tom.jpeg", format="JPEG") == b"tom.jpg"


def test_a_clash_shows_the_source_s_extension_then_a_number():
    assert some(b"x.jpg", 4, folder=b"a") == [
        b"a/x.png",
        b"a/x.jpg.png",
        b"a/x-2.png",
        b"a/x-3.png",
    ]


def test_a_name_without_extension_goes_on_with_a_number():
    assert some(b"x", 3) == [b"x.png", b"x-2.png", b"x-3.png"]


def test_every_field_can_be_used():
    template = "{dir}/{sha8}/{stem} of {suffix}.{ext}"
    assert first(b"x.JPG", b"a", template) == b"a/00010203/x of JPG.png"


def test_a_folder_of_an_empty_field_is_left_away():
    assert first(b"x", b"", "{suffix}/{dir}/{stem}.{ext}") == b"x.png"


@pytest.mark.parametrize(
    ("template", "remedy"),
    [
        ("{stem}.{extension}", "{suffix}"),
        ("{stem}{}.png", "{suffix}"),
        ("{stem.upper}.png", "{suffix}"),
        ("{stem!r}.png", "leave away"),
        ("{stem:>100000000}", "leave away"),
        ("{dir}/x.{ext}", "{stem} or {sha8}"),
        ("/a/{stem}.{ext}", "relative"),
        ("../{stem}.{ext}", "relative"),
        ("a/./{stem}.{ext}", "relative"),
        ("{dir}/../{stem}.{ext}", "relative"),
        ("{stem", "braces"),
        ("{stem}}", "braces"),
        ("a\\{stem}.{ext}", "leave out"),
        ("C:{stem}.{ext}", "leave out"),
        ("{stem}\n.{ext}", "leave out"),
        ("{stem}/{dir}", "by itself"),
        ("{dir}-x/{stem}.{ext}", "by itself"),
        ("{dir}{stem}.{ext}", "by itself"),
        ("{stem}/", "file's name"),
        ("", "{stem}"),
    ],
)
def test_a_template_that_cannot_work_is_refused_with_what_to_give(template, remedy):
    with pytest.raises(ValueError, match=".") as problem:
        check_template(template)
    assert remedy in str(problem.value)
    with pytest.raises(ConfigurationError) as error:
        Naming(template)
    assert remedy in error.value.message
    assert repr(template) in error.value.message
    assert error.value.errors[0].field == "name"


def test_a_naming_is_told_by_its_template():
    assert str(Naming("{sha8}.{ext}")) == "{sha8}.{ext}"


@pytest.mark.parametrize(
    ("name", "output"),
    [
        (b"caf\xe9.jpg", b"caf%E9.png"),
        (b"\xff\xfe.jpg", b"%FF%FE.png"),
        ("e\u0301.jpg".encode(), "\u00e9.png".encode()),
        (b'a<b>c:d"e|f?g*h\\i.jpg', b"a_b_c_d_e_f_g_h_i.png"),
        (b"a\nb\x1b[31m.jpg", b"a_b__31m.png".replace(b"__", b"_[")),
        (b"-rf.jpg", b"_rf.png"),
        (b"--.jpg", b"_-.png"),
        (b"NUL.jpg", b"_NUL.png"),
        (b"nul .tar.jpg", b"_nul .tar.png"),
        ("COM\u00b9.jpg".encode(), "_COM\u00b9.png".encode()),
        (b"COM10.jpg", b"COM10.png"),
        (b"console.jpg", b"console.png"),
        (b"x .jpg", b"x .png"),
        (b"...", b"....png"),
        ("\u202egpj.jpg".encode(), "\u202egpj.png".encode()),
    ],
)
def test_names_are_made_harmless(name, output):
    assert first(name) == output


@pytest.mark.parametrize("name", RESERVED)
def test_names_that_windows_reserves_are_changed_whatever_their_case(name):
    assert first(name.lower().encode() + b".jpg") == f"_{name.lower()}.png".encode()
    assert harmless(f"{name}/x".encode()) == f"_{name}/x".encode()


@pytest.mark.parametrize(
    ("folder", "output"),
    [
        (b"a.", b"a_/x.png"),
        (b"a. .", b"a___/x.png"),
        (b"..", b"__/x.png"),
        (b"aux/-b", b"_aux/_b/x.png"),
        (b".rembg-plugins", b"_.rembg-plugins/x.png"),
        (b".REMBG-Plugins", b"_.REMBG-Plugins/x.png"),
    ],
)
def test_folders_are_made_harmless(folder, output):
    assert first(b"x.jpg", folder) == output


def test_a_long_name_is_cut_and_keeps_its_extension_and_number():
    names = some(b"n" * 251 + b".jpg", 3)
    assert names[0] == b"n" * 251 + b".png"
    assert len(names[1]) == 255
    assert names[1].endswith(b".png")
    assert len(names[2]) == 255
    assert names[2].endswith(b"-2.png")


def test_long_names_that_begin_alike_stay_apart():
    names = {first(b"\xe9" * 200 + b"%d.jpg" % number) for number in range(50)}
    assert len(names) == 50
    assert {len(name) for name in names} == {255}


def test_no_character_is_cut_in_two():
    for length in range(250, 256):
        name = first(("a" * (length % 4) + "\U0001f408" * 63).encode() + b".jpg")
        assert len(name) <= 255
        assert "\ufffd" not in name.decode()


def test_what_follows_the_last_dot_is_cut_where_it_is_no_extension():
    name = harmless(b"a." + b"b" * 300)
    assert len(name) == 255


def test_names_clash_by_case_and_normal_form():
    assert fold(b"Cats/X.PNG") == fold(b"cats/x.png")
    assert fold("e\u0301".encode()) == fold("\u00c9".encode())
    assert fold("stra\u00dfe".encode()) == fold(b"STRASSE")
    assert fold(b"a") != fold(b"b")
    assert fold(b"\xe9") != fold(b"\xe8")


def test_a_folder_that_cannot_be_becomes_one_folder():
    one, other = flat(b"a/cats/tom.png"), flat(b"b/cats/tom.png")
    assert one != other
    assert one.startswith(b"cats-")
    assert one.endswith(b"/tom.png")
    assert one.count(b"/") == 1
    assert len(flat(b"d" * 255 + b"/x").split(b"/")[0]) == 255
    assert flat(b"\xe9/x").startswith(b"%E9-")


parts = st.binary(min_size=1, max_size=300).map(
    lambda part: part.replace(b"/", b"").replace(b"\0", b"")
)
names_of_files = parts.filter(lambda part: part not in {b"", b".", b".."})


@given(names_of_files, st.lists(names_of_files, max_size=3))
def test_every_name_is_harmless_and_stays_below_the_root(name, folders):
    place = Place(b"/".join(folders), name)
    for output in itertools.islice(Naming().names(place, "PNG", SHA256), 4):
        for part in output.split(b"/"):
            text = part.decode()
            assert 0 < len(part) <= 255
            assert not text.startswith("-")
            assert not text.endswith((".", " "))
            assert not set(text) & set('<>:"|?*\\')
            assert not any(unicodedata.category(character) == "Cc" for character in text)
            assert text.partition(".")[0].rstrip(" ").upper() not in RESERVED
            assert fold(part) != ".rembg-plugins"
        assert output.endswith(b".png")
        assert output.count(b"/") == len(folders)
        assert os.path.normpath(output) == output


@given(names_of_files, st.integers(2, 30))
def test_there_is_always_another_name(name, number):
    names = some(name, number)
    assert len(set(names)) == number
