from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from rembg_plugins.cli.sources import find_sources, is_many, is_own_output


def found(*sources, transcode=False, leave_out=None):
    return [
        (one.path, str(one.inside))
        for one in find_sources(sources, transcode=transcode, leave_out=leave_out)
    ]


def touch(*names):
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def test_a_folder_is_walked_in_order_with_its_sub_folders():
    touch("p/b.png", "p/a.JPG", "p/sub/deep/c.webp", "p/d.bmp", "p/e.jfif")
    assert found("p") == [
        ("p/a.JPG", "."),
        ("p/b.png", "."),
        ("p/d.bmp", "."),
        ("p/e.jfif", "."),
        ("p/sub/deep/c.webp", "sub/deep"),
    ]


def test_only_pictures_are_taken_from_a_folder_but_anything_that_is_named():
    touch("p/a.png", "p/notes.txt", "p/b.tiff", "p/noname")
    assert found("p") == [("p/a.png", ".")]
    assert found("p", transcode=True) == [("p/a.png", "."), ("p/b.tiff", ".")]
    assert found("p/notes.txt", "p/noname") == [("p/notes.txt", "."), ("p/noname", ".")]


def test_hidden_files_and_folders_and_own_outputs_are_left_out_of_a_folder():
    touch(
        "p/.hidden.png",
        "p/.thumbs/a.png",
        "p/cat-cutout.png",
        "p/cat-mask.webp",
        "p/cat.png",
        "p/._cat.png",
        "p/shark-cutouts.png",
    )
    assert found("p") == [("p/cat.png", "."), ("p/shark-cutouts.png", ".")]
    assert found("p/cat-cutout.png") == [("p/cat-cutout.png", ".")]


def test_the_folder_of_outputs_is_not_entered():
    touch("p/a.png", "p/out/a.png", "p/deep/out/b.png")
    assert found("p", leave_out=Path("p/../p/out")) == [
        ("p/a.png", "."),
        ("p/deep/out/b.png", "deep/out"),
    ]
    assert found("p", leave_out=Path("p")) == found("p")


def test_globs_are_expanded_and_files_with_such_names_are_themselves():
    touch("b1.png", "b2.png", "x/b3.png", "[b]*.png", "real?.png")
    assert found("b*.png") == [("b1.png", "."), ("b2.png", ".")]
    assert found("**/b3.png") == [("x/b3.png", ".")]
    assert found("[b]*.png") == [("[b]*.png", ".")]


def test_what_does_not_exist_stays_as_it_was_written():
    assert found("none.png", "no*.png") == [("none.png", "."), ("no*.png", ".")]


def test_a_picture_that_is_named_twice_is_one():
    touch("p/a.png", "p/b.png")
    assert found("p/b.png", "p", "./p/b.png", "p/../p/a.png") == [
        ("p/b.png", "."),
        ("p/a.png", "."),
    ]


def test_a_link_to_a_picture_is_a_picture_and_a_link_to_a_folder_is_not_followed():
    touch("p/a.png", "q/z.png")
    Path("p/link.png").symlink_to("a.png")
    Path("p/loop").symlink_to(Path.cwd())
    assert found("p") == [("p/a.png", "."), ("p/link.png", ".")]


def test_a_folder_that_cannot_be_read_is_told_of(monkeypatch):
    touch("p/a.png", "p/closed/b.png")
    real = os.scandir

    def refuse(path):
        if os.fspath(path).endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)  # root may read everything
    first, second = find_sources(["p"], transcode=False)
    assert first.path == "p/a.png"
    assert second.path == "p/closed"
    assert isinstance(second.error, PermissionError)


@pytest.mark.skipif(sys.platform == "darwin", reason="its file names are text")
def test_names_that_are_no_text_are_taken():
    name = os.fsdecode(b"caf\xe9.png")
    touch(f"p/{name}")
    assert found("p") == [(f"p/{name}", ".")]


def test_folders_and_globs_can_stand_for_many():
    touch("p/a.png", "[x].png")
    assert [is_many(one) for one in ("p", "*.png", "p/a.png", "[x].png", "-", "none")] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]


def test_own_outputs_are_known_by_their_names():
    assert is_own_output("a/cat-cutout.webp")
    assert is_own_output("cat-mask.png")
    assert not is_own_output("cutout.png")
