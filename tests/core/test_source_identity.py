from __future__ import annotations

import pytest
from core.pictures import SAMPLES, SIZE, drawn, png_of
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rembg_plugins.core.errors import ValidationError
from rembg_plugins.core.source import Source

PNG = SAMPLES["PNG"]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "A picture.png"
    path.write_bytes(PNG)
    return path


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("photo.png", "photo.jpg"),
        ("photo.JPEG", "photo.jpeg"),
        ("photo.jpg", "photo.jpg"),
        ("photo.exe", "photo.jpg"),
        ("photo", "photo.jpg"),
        ("my.holiday.2024.png", "my.holiday.2024.jpg"),
        ("../../etc/passwd", "passwd.jpg"),
        ("C:\\Users\\me\\cat.bmp", "cat.jpg"),
        ('a"b\r\nX-Evil: 1.png', "a_b_X-Evil_ 1.jpg"),
        ("a\0b;c.png", "a_b_c.jpg"),
        ("Käse Ćao.png", "Kase Cao.jpg"),
        ("日本.png", "image.jpg"),
        (".png", "image.jpg"),
        ("...", "image.jpg"),
        ("", "image.jpg"),
        ("x" * 300 + ".png", "x" * 80 + ".jpg"),
    ],
)
def test_the_name_that_is_sent_is_safe_and_true(given, sent):
    assert Source.of(SAMPLES["JPEG"], name=given).name == sent


@given(name=st.text(max_size=120))
def test_no_name_whatever_breaks_out_of_a_header(name):
    sent = Source.of(PNG, name=name).name
    assert sent.isascii()
    assert sent.isprintable()
    assert not set(sent) & set('"\\/;%')
    assert sent.endswith(".png")
    assert 5 <= len(sent) <= 84


def test_a_name_given_wins_over_the_files_own(path):
    assert Source.of(path, name="other.png").name == "other.png"
    assert Source.of(Source.of(path), name="other.png").name == "other.png"
    assert Source.of(Source.of(path)).name == "A picture.png"


def test_bytes_of_no_known_kind_have_no_extension():
    source = Source.of(b"hello", name="notes.txt")
    assert (source.name, source.given_name, source.header) == ("notes", "notes.txt", None)
    assert source.media_type == "application/octet-stream"
    assert source.size == (0, 0)


def test_a_pil_image_is_encoded_once_and_only_when_needed(monkeypatch):
    image = drawn("RGB")
    calls, save = [], Image.Image.save

    def counted(*args, **settings):
        calls.append(1)
        save(*args, **settings)

    monkeypatch.setattr(Image.Image, "save", counted)
    source = Source.of(image)
    assert (source.size, source.name, source.media_type) == (SIZE, "image.png", "image/png")
    source.digest()
    assert calls == []
    assert source.open().read() == source.open().read()
    assert source.length == len(source.open().read())
    assert calls == [1]
    assert Image.open(source.open()).tobytes() == image.tobytes()


def test_a_pil_image_keeps_the_name_of_its_file(path):
    with Image.open(path) as image:
        assert Source.of(image).name == "A picture.png"


def test_a_broken_pil_image_is_unreadable(tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(png_of(64, 64))
    with Image.open(broken) as image:
        source = Source.of(image)
        for use in (source.digest, source.open, lambda: source.length):
            with pytest.raises(ValidationError) as caught:
                use()
            assert [error.code for error in caught.value.errors] == ["unreadable"]


def _with(change):
    image = drawn("P")
    change(image)
    return image


LOOKS = {
    "plain": lambda: drawn("P"),
    "mode": lambda: drawn("L"),
    "size": lambda: drawn("P", (SIZE[1], SIZE[0])),
    "pixel": lambda: _with(lambda image: image.putpixel((0, 0), 255 - image.getpixel((0, 0)))),
    "palette": lambda: _with(lambda image: image.putpalette(bytes(range(256)) * 3)),
    "profile": lambda: _with(lambda image: image.info.update(icc_profile=b"profile")),
    "transparency": lambda: _with(lambda image: image.info.update(transparency=3)),
    "orientation": lambda: _with(lambda image: image.getexif().update({0x0112: 6})),
}


def test_the_digest_of_a_pil_image_follows_all_that_decides_its_looks():
    digests = {name: Source.of(make()).digest() for name, make in LOOKS.items()}
    assert len(set(digests.values())) == len(LOOKS)
    assert digests == {name: Source.of(make()).digest() for name, make in LOOKS.items()}
