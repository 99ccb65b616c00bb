from __future__ import annotations

import os
from pathlib import Path

import pytest

from rembg_plugins.watch.selection import JUNK, Selection


def takes(relative, **settings):
    folder, _, name = os.fsencode(relative).rpartition(b"/")
    selection = Selection(**settings)
    return selection.enters(folder, "/inbox") and selection.takes_file(folder, name)


@pytest.mark.parametrize("name", ["a.jpg", "a.JPG", "a.jpeg", "a.png", "a.webp", "a.bmp", "a.tif"])
def test_names_with_the_extension_of_a_picture_are_looked_at(name):
    assert takes(name)


@pytest.mark.parametrize(
    "name", ["a.txt", "a", "jpg", "a.jpg.txt", "a.exe", "a.zip", "a.", "a.mp4"]
)
def test_others_are_not(name):
    assert not takes(name)


@pytest.mark.parametrize(
    "name",
    [
        *(".hidden.jpg", "._cat.jpg", ".cat.jpg.Xa3f9Q", "cat.jpg~", "~$cat.jpg", "cat.jpg.part"),
        *(
            "cat.jpg.partial",
            "cat.jpg.crdownload",
            "cat.jpg.tmp",
            "cat.jpg.filepart",
            "CAT.JPG.TMP",
        ),
        *("Thumbs.db", "thumbs.DB", ".~lock.cat.jpg#", "desktop.ini"),
    ],
)
def test_leftovers_are_never_looked_at_even_if_included(name):
    assert not takes(name, include=("*",))


@pytest.mark.parametrize(
    "folder", ["@eaDir", ".stfolder", "#recycle", ".git", "a/.b", "$RECYCLE.BIN"]
)
def test_nothing_in_a_folder_of_leftovers_is(folder):
    assert not takes(f"{folder}/cat.jpg")


def test_every_kind_of_leftover_matches_itself():
    for glob in JUNK:
        assert not takes(glob.replace("*", "x"), include=("*",)), glob


def test_names_that_only_look_like_leftovers_are_pictures():
    assert takes("part.jpg")
    assert takes("a~b.jpg")
    assert takes("x.tmp.jpg")
    assert takes("#1.jpg")


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("*.raw", "a.raw", True),
        ("*.raw", "b/c/a.raw", True),
        ("*.raw", "a.jpg", False),
        ("a/*.raw", "a/x.raw", True),
        ("a/*.raw", "a/b/x.raw", False),
        ("a/*.raw", "b/a/x.raw", False),
        ("a/**/*.raw", "a/x.raw", True),
        ("a/**/*.raw", "a/b/c/x.raw", True),
        ("a/**", "a/b/c/x.raw", True),
        ("**/b/*.raw", "b/x.raw", True),
        ("**/b/*.raw", "a/b/x.raw", True),
        ("/*.raw", "x.raw", True),
        ("/*.raw", "a/x.raw", False),
        ("?.raw", "x.raw", True),
        ("?.raw", "xy.raw", False),
        ("[ab].raw", "a.raw", True),
        ("[!ab].raw", "a.raw", False),
        ("[!ab].raw", "c.raw", True),
        ("[a-c].raw", "b.raw", True),
        ("[", "[", True),
        ("a.b", "axb", False),
        ("*.RAW", "a.raw", True),
        ("Ä*", "ä.raw", True),
        ("ä*", "a\u0308.raw", True),
        ("x\n*", "x\ny", True),
    ],
)
def test_a_glob_is_compared_with_the_path(glob, path, expected):
    assert takes(path, include=(glob,)) is expected


def test_what_is_included_need_not_have_the_extension_of_a_picture():
    assert takes("scan.dat", include=("*.png", "*.dat"))
    assert not takes("scan.jpg", include=("*.png", "*.dat"))


def test_what_is_excluded_is_left_out_with_all_that_lies_in_it():
    assert not takes("cat.jpg", exclude=("cat.*",))
    assert not takes("drafts/a/cat.jpg", exclude=("drafts",))
    assert not takes("x/drafts/cat.jpg", exclude=("drafts/",))
    assert takes("x/drafts/cat.jpg", exclude=("/drafts",))
    assert takes("cat.jpg", exclude=("drafts",))


def test_a_name_that_is_no_text_is_compared_too():
    selection = Selection(include=("caf*.jpg",), exclude=("*b*",))
    assert selection.takes_file(b"", b"caf\xe9.jpg")
    assert not selection.takes_file(b"\xff", b"caf\xe9b.jpg")


def test_folders_are_entered_only_where_that_is_wished():
    assert takes("a/b/cat.jpg")
    assert not takes("a/cat.jpg", recursive=False)
    assert takes("cat.jpg", recursive=False)


def test_a_folder_that_is_left_out_is_not_entered_nor_what_lies_in_it():
    left_out = frozenset({str(Path("/inbox/done"))})
    assert not takes("done/cat.jpg", left_out=left_out)
    assert not takes("done/a/cat.jpg", left_out=left_out)
    assert takes("a/done/cat.jpg", left_out=left_out)
