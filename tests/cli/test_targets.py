from __future__ import annotations

import os
from pathlib import Path

import click
import pytest

from rembg_plugins.cli.destination import Destination
from rembg_plugins.cli.targets import Target, check_folder, find_targets, folders_of
from rembg_plugins.core.options import Options

BESIDE = Destination()


def named(sources, destination=BESIDE, **options):
    for one in sources:
        if not os.path.lexists(one) and one != "-":
            Path(one).parent.mkdir(parents=True, exist_ok=True)
            Path(one).touch()
    return outputs(sources, destination, **options)


def outputs(sources, destination=BESIDE, **options):
    chosen = Options(**{"format": "WEBP", **options})
    return {
        one.source: None if one.output is None else str(one.output)
        for one in find_targets(sources, destination, chosen, transcode=False)
    }


def test_an_output_lies_beside_its_source_and_says_what_it_is():
    assert named(["a/cat.jpg"]) == {"a/cat.jpg": "a/cat-cutout.webp"}
    assert named(["a/cat.jpg"], format="JPEG") == {"a/cat.jpg": "a/cat-cutout.jpg"}
    assert named(["a/cat.jpg"], mask=True, format="PNG") == {"a/cat.jpg": "a/cat-mask.png"}


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("cat", "cat-cutout.webp"),
        ("cat.tar.jpg", "cat.tar-cutout.webp"),
        (".cat", ".cat-cutout.webp"),
    ],
)
def test_only_the_last_extension_is_replaced(source, output):
    assert named([source]) == {source: output}


def test_a_folder_of_outputs_mirrors_names_and_sub_folders():
    named(["p/a.png", "p/sub/b.jpg", "single.png"])
    destination = Destination(folder=Path("out"))
    assert outputs(["p", "single.png"], destination, format="PNG") == {
        "p/a.png": "out/a.png",
        "p/sub/b.jpg": "out/sub/b.png",
        "single.png": "out/single.png",
    }


def test_where_outputs_go_into_the_sources_folder_they_say_what_they_are():
    named(["p/a.png", "p/sub/b.png"])
    destination = Destination(folder=Path("p"))
    assert outputs(["p"], destination) == {
        "p/a.png": "p/a-cutout.webp",
        "p/sub/b.png": "p/sub/b-cutout.webp",
    }


def test_standard_input_has_a_name_of_its_own_in_a_folder():
    assert named(["-"], Destination(folder=Path("out"))) == {"-": "out/stdin.webp"}
    assert named(["-"], Destination(file=Path("x.webp"))) == {"-": "x.webp"}
    assert named(["-"], Destination(standard=True)) == {"-": None}


def test_outputs_of_an_earlier_run_are_no_sources_when_a_glob_finds_them_again():
    assert named(["cat.png", "cat-cutout.png"], format="PNG") == {"cat.png": "cat-cutout.png"}


@pytest.mark.parametrize("own", ["cat-cutout.png", "cat-mask.webp", "cat-jpg-cutout.png"])
def test_our_outputs_of_another_format_are_no_sources_either(own):
    assert list(named(["cat.jpg", own])) == ["cat.jpg"]
    assert list(outputs(["."])) == ["cat.jpg"]


def test_a_picture_that_is_only_called_so_is_a_source():
    assert list(named(["paper-cutout.png", "cat.jpg"])) == ["paper-cutout.png", "cat.jpg"]
    assert sorted(outputs(["."])) == ["cat.jpg", "paper-cutout.png"]


def test_an_output_by_its_name_alone_is_a_source_when_it_is_named():
    assert named(["dog-cutout.png"]) == {"dog-cutout.png": "dog-cutout-cutout.webp"}


def test_pictures_that_differ_by_their_kind_alone_have_it_in_their_outputs_names():
    assert named(["cat.png", "cat.jpg", "dog.png"]) == {
        "cat.png": "cat-png-cutout.webp",
        "cat.jpg": "cat-jpg-cutout.webp",
        "dog.png": "dog-cutout.webp",
    }


def test_pictures_that_would_still_write_one_file_are_refused_by_name():
    with pytest.raises(click.UsageError) as caught:
        named(["a/cat.png", "b/cat.png"], Destination(folder=Path("out")))
    message = caught.value.message
    assert "a/cat.png and b/cat.png would both be written to out/cat-png.webp" in message
    assert "Nothing was done." in message


def test_two_folders_with_one_name_in_both_are_refused_with_a_few_examples():
    names = [f"{folder}/{n}.png" for n in range(8) for folder in "ab"]
    with pytest.raises(click.UsageError, match="and 3 more conflicts"):
        named(names, Destination(folder=Path("out")))


@pytest.mark.parametrize("output", ["cat.png", "./cat.png", "link.png", "sub/../cat.png"])
def test_no_source_is_ever_overwritten(output):
    Path("sub").mkdir()
    Path("link.png").symlink_to("cat.png")
    with pytest.raises(click.UsageError, match="cat.png would be written over cat.png"):
        named(["cat.png"], Destination(file=Path(output)), format="PNG")


def test_no_other_source_is_overwritten_either():
    named(["a/cat.webp", "b/cat.jpg"])
    with pytest.raises(click.UsageError, match="b/cat.jpg would be written over a/cat.webp"):
        outputs(["b/cat.jpg", "a/cat.webp"], Destination(folder=Path("a")))


def test_a_folder_can_be_written_to_if_the_next_one_above_can(tmp_path):
    check_folder(tmp_path / "new" / "newer")
    check_folder(Path())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_below_a_file_cannot_be_written_to(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        check_folder(tmp_path / "file" / "below")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc, which takes no files")
def test_a_folder_that_takes_no_files_is_found_out():
    with pytest.raises(OSError, match="/proc"):
        check_folder(Path("/proc/self/new"))


def test_devices_need_no_folder():
    targets = [
        Target(source="a", output=Path(os.devnull)),
        Target(source="b", output=None),
        Target(source="c", output=Path("x/c.png")),
    ]
    assert folders_of(targets) == {Path("x")}


def test_names_are_shown_safely():
    target = Target(source="a\x1b.png", output=Path("b\n.png"))
    assert target.shown_source == "a\\x1b.png"
    assert target.shown_output == "b\\n.png"
    assert Target(source="-", output=None).shown_source == "standard input"
