from __future__ import annotations

import base64
import os

import pytest

from rembg_plugins.core.errors import ValidationError
from rembg_plugins.core.result import Result

FORMATS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "BMP": ".bmp"}
FACTS = {"engine": "test", "sent": "all", "billed": True}


def received(content):
    return Result.from_bytes(content, **FACTS)


def made(image, format="PNG"):
    return Result.from_image(image, format=format, coverage=None, **FACTS)


@pytest.mark.parametrize(("format", "extension"), FORMATS.items())
def test_extension_and_media_type_are_those_of_the_content(make_image, format, extension):
    result = made(make_image("RGB"), format)
    assert result.extension == extension
    assert result.media_type == f"image/{format.lower()}"
    head, data = result.data_url().split(",")
    assert head == f"data:image/{format.lower()};base64"
    assert base64.b64decode(data) == result.content


def test_what_is_no_picture_has_no_image_type():
    result = received(b"<html>")
    assert result.data_url().startswith("data:application/octet-stream;base64,")
    assert received(b"\0").extension == ".bin"


@pytest.mark.parametrize(
    ("format", "name"),
    [
        ("PNG", "a.png"),
        ("PNG", "a.b"),
        ("PNG", "photo.of.v2"),
        ("JPEG", "a.JPG"),
        ("JPEG", "a.jpeg"),
        ("JPEG", "a.jfif"),
        ("WEBP", "a.webp"),
        ("WEBP", ".hidden"),
        ("BMP", "a"),
    ],
)
def test_a_result_is_saved_under_a_name_that_fits(make_image, tmp_path, format, name):
    result = made(make_image("RGB"), format)
    assert result.save(tmp_path / name) == tmp_path / name
    assert result.save(str(tmp_path / name)) == tmp_path / name
    assert (tmp_path / name).read_bytes() == result.content


@pytest.mark.parametrize(
    ("format", "name", "advice"),
    [
        ("PNG", "a.jpg", "Ask for format='JPEG', or save it as 'a.png'."),
        ("JPEG", "a.b.TIF", "Save it as 'a.b.jpg'."),
        ("WEBP", "a.gif", "Save it as 'a.webp'."),
    ],
)
def test_a_name_for_another_format_is_refused_before_anything_is_written(
    make_image, tmp_path, format, name, advice
):
    with pytest.raises(ValidationError) as caught:
        made(make_image("RGB"), format).save(tmp_path / name)
    assert str(caught.value).startswith(f"'{name}' is a name for ")
    assert str(caught.value).endswith(f", but the picture is {format}. {advice}")
    assert caught.value.errors[0].code == "suffix_mismatch"
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_picture_is_not_saved_as_one(tmp_path):
    with pytest.raises(ValidationError, match="of an unknown format"):
        received(b"nothing known").save(tmp_path / "a.png")
    assert received(b"nothing known").save(tmp_path / "answer.bin").read_bytes() == b"nothing known"


def test_a_save_that_fails_leaves_the_old_file(make_image, tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def fail(*arguments):
        raise OSError(28, "disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        made(make_image("RGB")).save(path)
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["a.png"]
