from __future__ import annotations

from pathlib import Path

import click
import pytest

from rembg_plugins.cli.destination import Destination, read_destination


def read(output, *sources, **values):
    destination, options = read_destination(output, sources or ("cat.png",), values)
    return destination, options.format


def test_without_a_wish_outputs_lie_beside_their_sources_as_webp():
    assert read(None) == (Destination(), "WEBP")
    assert read(None, format="png") == (Destination(), "PNG")


@pytest.mark.parametrize(
    ("name", "format_"),
    [
        ("x.png", "PNG"),
        ("x.JPG", "JPEG"),
        ("x.jpeg", "JPEG"),
        ("x.webp", "WEBP"),
        ("x.bmp", "BMP"),
        ("x", "WEBP"),
        ("x.data", "WEBP"),
    ],
)
def test_the_extension_of_the_file_decides_where_no_format_is_given(name, format_):
    assert read(name) == (Destination(file=Path(name)), format_)


def test_a_file_whose_extension_contradicts_the_format_is_refused():
    with pytest.raises(click.UsageError, match="'x.jpg' is a name for JPEG, but --format says PNG"):
        read("x.jpg", format="PNG")
    assert read("x.jpg", format="JPEG")[1] == "JPEG"
    assert read("x.data", format="BMP")[1] == "BMP"


def test_a_file_of_a_format_that_cannot_be_written_is_refused():
    with pytest.raises(click.UsageError, match="Cannot write TIFF .'x.tif'.: PNG, JPEG"):
        read("x.tif")


def test_a_folder_is_what_is_one_or_ends_like_one_or_must_be_one():
    Path("there").mkdir()
    assert read("there")[0] == Destination(folder=Path("there"))
    assert read("new/")[0] == Destination(folder=Path("new"))
    assert read("new", "a.png", "b.png")[0] == Destination(folder=Path("new"))
    assert read("new", "there")[0] == Destination(folder=Path("new"))
    assert read("new", "*.png")[0] == Destination(folder=Path("new"))


def test_several_pictures_into_what_looks_like_one_file_are_refused():
    Path("file").touch()
    for output in ("x.png", "file"):
        with pytest.raises(click.UsageError, match=f"write '{output}/' if you mean a folder"):
            read(output, "a.png", "b.png")
    assert read("x.png/", "a.png", "b.png")[0] == Destination(folder=Path("x.png"))


def test_standard_input_goes_to_standard_output_unless_told_otherwise():
    assert read(None, "-")[0] == Destination(standard=True)
    assert read("-", "a.png")[0] == Destination(standard=True)
    assert read("x.png", "-") == (Destination(file=Path("x.png")), "PNG")


def test_the_standard_streams_hold_one_picture():
    with pytest.raises(click.UsageError, match="stands alone"):
        read(None, "-", "a.png")
    with pytest.raises(click.UsageError, match="holds one picture"):
        read("-", "a.png", "b.png")


def test_bad_options_are_refused_before_anything_is_looked_for():
    with pytest.raises(click.UsageError, match="'w' must be an integer"):
        read(None, w="x")
